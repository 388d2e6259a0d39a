"""A preset is a table of parameters' values, which the estimator shows as its own."""

import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.preprocessing import scale

from gpubackprop import MLPClassifier, MLPRegressor
from gpubackprop.fitting.options.presets import PRESETS

both_estimators = pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])


@both_estimators
@pytest.mark.parametrize("preset", PRESETS)
def test_parameters_show_a_presets_values(estimator, preset):
    model = estimator.from_preset(preset, random_state=3, max_iter=2)
    values = {**PRESETS[preset], "random_state": 3, "max_iter": 2}
    changed = {n: v for n, v in model.get_params().items() if v != estimator().get_params()[n]}
    assert changed == values
    assert clone(model).get_params() == model.get_params()


@both_estimators
def test_a_preset_that_does_not_exist_is_refused(estimator):
    with pytest.raises(ValueError, match="preset must be one of tabular, got 'images'"):
        estimator.from_preset("images")


def test_a_parameter_of_ones_own_leaves_the_preset_alone():
    MLPClassifier.from_preset("tabular", solver="sgd")
    assert MLPClassifier.from_preset("tabular").solver == "adamw"


@pytest.mark.parametrize(
    ("estimator", "load"), [(MLPClassifier, load_iris), (MLPRegressor, load_diabetes)]
)
def test_a_preset_learns_and_ends_without_a_warning(estimator, load):
    X, y = load(return_X_y=True)
    y = y if estimator is MLPClassifier else scale(y)
    model = estimator.from_preset("tabular", random_state=0).fit(scale(X), y)
    assert model.score(scale(X), y) > 0.6
