"""The estimators' interface is scikit-learn's plus parameters of our own."""

import subprocess
import sys
import tomllib
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import get_tags

from gpubackprop.fitting.scikit_learn import contract

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


def test_contract_with_the_installed_scikit_learn_holds() -> None:
    assert contract.violations() == []


def test_contract_notices_a_changed_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    def iteration_ends(self: Any, time_step: int, batches: int) -> None: ...

    monkeypatch.setattr(contract.AdamOptimizer, "iteration_ends", iteration_ends)
    changed = {(contract.AdamOptimizer, "iteration_ends"): ("self", "time_step")}
    monkeypatch.setattr(contract, "SIGNATURES", changed)
    (violation,) = contract.violations()
    assert "iteration_ends" in violation
    assert "batches" in violation


def test_contract_notices_a_missing_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(contract.BaseMultilayerPerceptron, "_fit_lbfgs")
    (violation,) = contract.violations()
    assert violation.startswith("BaseMultilayerPerceptron._fit_lbfgs is missing")


@pytest.mark.parametrize("version", ["1.6.1", "1.10.dev0", "2.0"])
def test_contract_notices_another_release(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sklearn.__version__", version)
    (violation,) = contract.violations()
    assert violation == f"version {version}, expected 1.7 or 1.8 or 1.9"


def test_releases_are_those_that_can_be_installed() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    needed = project["project"]["dependencies"]
    (bounds,) = (each for each in needed if each.startswith("scikit-learn"))
    minors = [int(version.split(".")[1]) for version in contract.VERSIONS]
    assert minors == list(range(minors[0], minors[-1] + 1))
    assert f"<1.{minors[-1] + 1}" in bounds
    assert f">=1.{minors[0]}." in bounds


CHANGES = {
    "one method for another": """
Base._gradients = Base._backprop
Base._loss_grad_lbfgs.__code__ = Base._loss_grad_lbfgs.__code__.replace(
    co_names=tuple("_gradients" if n == "_backprop" else n
                   for n in Base._loss_grad_lbfgs.__code__.co_names))
Base._fit_stochastic.__code__ = Base._fit_stochastic.__code__.replace(
    co_names=tuple("_gradients" if n == "_backprop" else n
                   for n in Base._fit_stochastic.__code__.co_names))
del Base._backprop
""",
    "a method's parameters": """
own_fit = Base._fit
def _fit(self, X, y, sample_weight=None, incremental=False, callbacks=None):
    return own_fit(self, X, y, sample_weight, incremental)
Base._fit = _fit
""",
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_unknown_scikit_learn_does_it_all(change: str) -> None:
    """In a process of its own: scikit-learn is changed before it is built upon."""
    script = f"""
import warnings
import sklearn
import sklearn.neural_network as theirs
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron as Base
{CHANGES[change]}
import numpy as np
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import gpubackprop as ours
    ours.MLPClassifier, ours.MLPRegressor
    X = np.random.RandomState(0).randn(1200, 3)
    y = X[:, 0] > 0
    for solver in ("adam", "lbfgs"):
        params = dict(random_state=0, max_iter=3, solver=solver)
        models = [p.MLPClassifier(**params) for p in (ours, theirs)]
        for model in models:
            model.fit(X, y)
            if solver == "adam":
                model.partial_fit(X, y)
        mine, expected = models
        assert all((a == b).all() for a, b in zip(mine.coefs_, expected.coefs_, strict=True))
        assert (mine.predict_proba(X) == expected.predict_proba(X)).all()
    assert ours.MLPRegressor(random_state=0).fit(X, X[:, 0]).predict(X).shape == (1200,)
for each in caught:
    if each.category is UserWarning:
        print(each.message)
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stderr
    (warning,) = run.stdout.splitlines()
    assert warning.startswith("scikit-learn is not one that gpubackprop knows")


def test_contract_notices_a_missing_attribute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(contract.ATTRIBUTES, contract.SGDOptimizer, ("velocities", "speeds"))
    assert contract.violations() == ["SGDOptimizer lacks speeds"]


@both_estimators
def test_contract_covers_all_that_is_overridden(ours: Any, theirs: Any) -> None:
    named = {name for _, name in contract.SIGNATURES}
    mixins = ours.__mro__[1 : ours.__mro__.index(theirs)]
    replaced = {name for m in mixins for name in vars(m) if callable(getattr(m, name))}
    assert {name for name in replaced if hasattr(theirs, name) and "__" not in name} <= named
