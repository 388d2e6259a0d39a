"""The estimators' interface is scikit-learn's plus parameters of our own."""

from inspect import Parameter, signature
from typing import Any

import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import get_tags

from .agreement import OURS, OWN_PARAMETERS, TASKS, THEIRS

PAIRS = [
    pytest.param(getattr(OURS, name), getattr(THEIRS, name), id=name)
    for name in ("MLPClassifier", "MLPRegressor")
]
both_estimators = pytest.mark.parametrize(("ours", "theirs"), PAIRS)

OWN_DEFAULTS = {
    "device": "auto",
    "backend": "auto",
    "precision": "auto",
    "callbacks": None,
    "checkpoint": None,
    "weight_decay": None,
    "schedule": None,
    "warmup": 0.0,
    "clip_norm": None,
    "class_weight": None,
    "scoring": None,
    "loss": "log_loss",
    "focal_gamma": 2.0,
    "out_activation": None,
    "huber_delta": 1.0,
    "quantile": None,
    "sort_quantiles": False,
    "dropout": 0.0,
    "label_smoothing": 0.0,
}
VALIDATION_ROWS = ("X_val", "y_val", "sample_weight_val")
CLASSIFIERS_ALONE = {"class_weight", "loss", "focal_gamma", "label_smoothing"}
REGRESSORS_ALONE = {"out_activation", "huber_delta", "quantile", "sort_quantiles"}

METHODS = [
    *("fit", "partial_fit", "predict", "predict_proba", "predict_log_proba", "score"),
    *("get_params", "set_params", "get_metadata_routing"),
    *("set_fit_request", "set_partial_fit_request", "set_score_request"),
]


def _own_defaults(estimator: Any) -> dict[str, Any]:
    """Parameters of our own, by the estimator that has them."""
    absent = CLASSIFIERS_ALONE if estimator is OURS.MLPRegressor else REGRESSORS_ALONE
    return {name: value for name, value in OWN_DEFAULTS.items() if name not in absent}


def _shapes(function: Any) -> list[tuple[str, Any, Any]]:
    """Parameters as (name, kind, default), annotations left aside."""
    return [(p.name, p.kind, p.default) for p in signature(function).parameters.values()]


@both_estimators
def test_constructor_is_scikit_learns_plus_ours(ours: Any, theirs: Any) -> None:
    own = [(name, Parameter.KEYWORD_ONLY, value) for name, value in _own_defaults(ours).items()]
    assert _shapes(ours) == [*_shapes(theirs), *own]
    assert set(OWN_DEFAULTS) - {"loss"} == set(OWN_PARAMETERS)


@both_estimators
def test_every_parameter_is_constrained(ours: Any, theirs: Any) -> None:
    expected = set(theirs._parameter_constraints) | set(_own_defaults(ours))
    assert set(ours._parameter_constraints) == expected


@both_estimators
def test_get_params(ours: Any, theirs: Any) -> None:
    assert ours().get_params() == {**theirs().get_params(), **_own_defaults(ours)}


@both_estimators
def test_set_params_reaches_our_own(ours: Any, theirs: Any) -> None:
    model = ours().set_params(device="cpu", backend="reference", callbacks=[print])
    assert (model.device, model.backend, model.callbacks) == ("cpu", "reference", [print])


@both_estimators
@pytest.mark.parametrize("method", METHODS)
def test_method_takes_what_scikit_learns_takes(ours: Any, theirs: Any, method: str) -> None:
    mine, expected = getattr(ours, method, None), getattr(theirs, method, None)
    assert (mine is None) == (expected is None)
    if expected is not None:
        own = [each for each in _shapes(mine) if each not in _shapes(expected)]
        added = VALIDATION_ROWS if method in ("fit", "set_fit_request") else ()
        assert {name for name, *_ in own} == set(added)
        assert [each for each in _shapes(mine) if each not in own] == _shapes(expected)
        assert {kind for _, kind, _ in own} <= {Parameter.KEYWORD_ONLY}


@both_estimators
def test_no_public_name_is_missing_or_added(ours: Any, theirs: Any) -> None:
    def public(estimator: Any) -> set[str]:
        return {name for name in dir(estimator) if not name.startswith("_")}

    added = {"to_sklearn", "from_sklearn", "from_preset", "set_callbacks"}
    assert public(ours()) == public(theirs()) | set(_own_defaults(ours)) | added


@both_estimators
def test_inheritance_and_tags(ours: Any, theirs: Any) -> None:
    assert issubclass(ours, theirs)
    assert (is_classifier(ours()), is_regressor(ours())) == (
        is_classifier(theirs()),
        is_regressor(theirs()),
    )
    assert get_tags(ours()) == get_tags(theirs())


@both_estimators
def test_representation_is_scikit_learns(ours: Any, theirs: Any) -> None:
    assert repr(ours(max_iter=5)) == repr(theirs(max_iter=5))
    assert repr(ours(device="cpu")) == f"{ours.__name__}(device='cpu')"
    assert ours.__name__ in ours()._repr_html_()


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_fitted_attributes_are_scikit_learns(solver: str, task: str) -> None:
    chosen = TASKS[task]
    fitted = [
        set(vars(getattr(m, chosen.estimator)(solver=solver, max_iter=2).fit(chosen.X, chosen.y)))
        for m in (OURS, THEIRS)
    ]
    history = set() if solver == "lbfgs" else {"history_"}
    assert fitted[0] == fitted[1] | set(_own_defaults(getattr(OURS, chosen.estimator))) | history
