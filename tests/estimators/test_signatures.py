"""The estimators' interface is scikit-learn's plus five parameters."""

from inspect import Parameter, signature
from typing import Any

import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import get_tags

from gpubackprop.fitting import contract

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
}

METHODS = [
    *("fit", "partial_fit", "predict", "predict_proba", "predict_log_proba", "score"),
    *("get_params", "set_params", "get_metadata_routing"),
    *("set_fit_request", "set_partial_fit_request", "set_score_request"),
]


def _shapes(function: Any) -> list[tuple[str, Any, Any]]:
    """Parameters as (name, kind, default), annotations left aside."""
    return [(p.name, p.kind, p.default) for p in signature(function).parameters.values()]


@both_estimators
def test_constructor_is_scikit_learns_plus_ours(ours: Any, theirs: Any) -> None:
    own = [(name, Parameter.KEYWORD_ONLY, value) for name, value in OWN_DEFAULTS.items()]
    assert _shapes(ours) == [*_shapes(theirs), *own]
    assert set(OWN_DEFAULTS) == set(OWN_PARAMETERS)


@both_estimators
def test_every_parameter_is_constrained(ours: Any, theirs: Any) -> None:
    expected = set(theirs._parameter_constraints) | set(OWN_DEFAULTS)
    assert set(ours._parameter_constraints) == expected


@both_estimators
def test_get_params(ours: Any, theirs: Any) -> None:
    assert ours().get_params() == {**theirs().get_params(), **OWN_DEFAULTS}


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
        assert _shapes(mine) == _shapes(expected)


@both_estimators
def test_no_public_name_is_missing_or_added(ours: Any, theirs: Any) -> None:
    def public(estimator: Any) -> set[str]:
        return {name for name in dir(estimator) if not name.startswith("_")}

    assert public(ours()) == public(theirs()) | set(OWN_PARAMETERS)


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
    assert fitted[0] == fitted[1] | set(OWN_PARAMETERS)


def test_contract_with_the_installed_scikit_learn_holds() -> None:
    assert contract.violations() == []


def test_contract_notices_a_changed_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    def iteration_ends(self: Any, time_step: int, batches: int) -> None: ...

    monkeypatch.setattr(contract.AdamOptimizer, "iteration_ends", iteration_ends)
    changed = {contract.AdamOptimizer.iteration_ends: ("self", "time_step")}
    monkeypatch.setattr(contract, "SIGNATURES", changed)
    (violation,) = contract.violations()
    assert "iteration_ends" in violation
    assert "batches" in violation


def test_contract_notices_a_missing_attribute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(contract.ATTRIBUTES, contract.SGDOptimizer, ("velocities", "speeds"))
    assert contract.violations() == ["SGDOptimizer lacks speeds"]


@both_estimators
def test_contract_covers_all_that_is_overridden(ours: Any, theirs: Any) -> None:
    named = {function.__name__ for function in contract.SIGNATURES}
    mixins = ours.__mro__[1 : ours.__mro__.index(theirs)]
    replaced = {name for m in mixins for name in vars(m) if callable(getattr(m, name))}
    assert {name for name in replaced if hasattr(theirs, name) and "__" not in name} <= named
