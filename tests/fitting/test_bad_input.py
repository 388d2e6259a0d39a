"""Where scikit-learn raises, ours raises the same type with the same words; and our own errors."""

import copy
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn import config_context
from sklearn.neural_network import _multilayer_perceptron as mlp

from gpubackprop import MLPClassifier, MLPRegressor, backends
from gpubackprop.backends.cuda import detection

from .agreement import (
    ENDS_BY_ITSELF,
    OURS,
    TASKS,
    THEIRS,
    TOLERANCES,
    WEIGHTS,
    Array,
    Params,
    assert_same_model,
    ours_for,
    said,
    train_both,
    twins,
)

BASE: Params = {**ENDS_BY_ITSELF, "hidden_layer_sizes": (3,), "random_state": 0}
X, Y, TWO = TASKS["regression"].X, TASKS["regression"].y, TASKS["multioutput"].y
CLASSES, LABELS = TASKS["multiclass"].y, TASKS["multilabel"].y


def _with(A: Array, value: float) -> Array:
    changed = A.astype(float)
    changed.flat[7] = value
    return changed


def _classifier(m: Any, **params: Any) -> Any:
    return m.MLPClassifier(**{**BASE, **params})


def _regressor(m: Any, **params: Any) -> Any:
    return m.MLPRegressor(**{**BASE, **params})


Action = Callable[[Any], Any]
"""Does something wrong with the estimators of a module."""

# What each does wrong, in either module.
DATA: dict[str, Action] = {
    "nan-in-X": lambda m: _regressor(m).fit(_with(X, np.nan), Y),
    "inf-in-X": lambda m: _classifier(m).fit(_with(X, np.inf), CLASSES),
    "nan-in-X-of-predict": lambda m: _regressor(m).fit(X, Y).predict(_with(X, np.nan)),
    "inf-in-many-rows": lambda m: (
        _regressor(m).fit(X, Y).predict(_with(np.tile(X, (50, 1)), np.inf))
    ),
    "nan-in-y": lambda m: _regressor(m).fit(X, _with(Y, np.nan)),
    "nan-in-classes": lambda m: _classifier(m).fit(X, _with(CLASSES, np.nan)),
    "inf-in-y": lambda m: _regressor(m).fit(X, _with(Y, -np.inf)),
    "nan-in-weights": lambda m: _regressor(m).fit(X, Y, _with(WEIGHTS, np.nan)),
    "inf-in-float32": lambda m: _regressor(m).fit(_with(X, np.inf).astype("f4"), Y),
    "one-dimension": lambda m: _regressor(m).fit(X[:, 0], Y),
    "three-dimensions": lambda m: _regressor(m).fit(X[:, :, None], Y),
    "scalar": lambda m: _regressor(m).fit(3.0, Y),
    "none": lambda m: _regressor(m).fit(None, Y),
    "no-targets": lambda m: _regressor(m).fit(X, None),
    "fewer-targets": lambda m: _regressor(m).fit(X, Y[:-1]),
    "fewer-weights": lambda m: _regressor(m).fit(X, Y, WEIGHTS[:-1]),
    "weights-2d": lambda m: _regressor(m).fit(X, Y, WEIGHTS[:, None]),
    "targets-3d": lambda m: _regressor(m).fit(X, TWO[:, :, None]),
    "ragged": lambda m: _regressor(m).fit([[1.0, 2.0], [3.0]], [1, 2]),
    "strings": lambda m: _regressor(m).fit([["a"], ["b"]], [1, 2]),
    "string-weights": lambda m: _regressor(m).fit(X, Y, np.full(61, "a")),
    "complex": lambda m: _regressor(m).fit(X + 1j, Y),
    "zero-rows": lambda m: _regressor(m).fit(X[:0], Y[:0]),
    "zero-columns": lambda m: _regressor(m).fit(X[:, :0], Y),
    "zero-rows-to-predict": lambda m: _regressor(m).fit(X, Y).predict(X[:0]),
    "continuous-classes": lambda m: _classifier(m).fit(X, Y),
    "multiclass-multioutput": lambda m: _classifier(m).fit(X, np.c_[CLASSES, CLASSES + 5]),
    "weights-all-zero": lambda m: _regressor(m).fit(X, Y, np.zeros(61)),
    "weights-of-a-batch-all-zero": lambda m: _regressor(m, batch_size=1).fit(X, Y, Y > 0),
    "weights-of-a-batch-cancel": lambda m: _regressor(m, batch_size=2, shuffle=False).fit(
        X[:4], Y[:4], [1.0, 1.0, 1.0, -1.0]
    ),
    "weights-all-zero-lbfgs": lambda m: _regressor(m, solver="lbfgs").fit(X, Y, np.zeros(61)),
    "weights-cancel-lbfgs": lambda m: _regressor(m, solver="lbfgs").fit(
        X[:4], Y[:4], [1.0, -1.0, 1.0, -1.0]
    ),
}

PARAMETERS: dict[str, Params] = {
    "learning-rate": {"learning_rate": "cosine"},
    "learning-rate-init": {"learning_rate_init": 0.0},
    "hidden-0": {"hidden_layer_sizes": 0},
    "hidden-entry-0": {"hidden_layer_sizes": (3, 0)},
    "hidden-negative": {"hidden_layer_sizes": (-3,)},
    "hidden-string": {"hidden_layer_sizes": "wide"},
    "alpha": {"alpha": -1.0},
    "alpha-nan": {"alpha": np.nan},
    "batch-0": {"batch_size": 0},
    "batch-float": {"batch_size": 16.0},
    "batch-string": {"batch_size": "large"},
    "max-iter-0": {"max_iter": 0},
    "tol": {"tol": -1.0},
    "momentum": {"momentum": 2},
    "beta-1": {"beta_1": 1.0},
    "beta-2": {"beta_2": 1},
    "epsilon": {"epsilon": 0.0},
    "validation-fraction": {"validation_fraction": 1.0},
    "n-iter-no-change": {"n_iter_no_change": 2.5},
    "max-fun": {"max_fun": 0},
    "verbose": {"verbose": -1},
    "random-state": {"random_state": "seed"},
    "generator": {"random_state": np.random.default_rng(0)},
    "too-small-a-held-out-part": {"early_stopping": True, "validation_fraction": 0.001},
    "no-held-out-part": {"early_stopping": True, "validation_fraction": 0.0},
}

STATE: dict[str, Action] = {
    "predict-before-fit": lambda m: _regressor(m).predict(X),
    "predict-proba-before-fit": lambda m: _classifier(m).predict_proba(X),
    "score-before-fit": lambda m: _regressor(m).score(X, Y),
    "predict-fewer-columns": lambda m: _regressor(m).fit(X, Y).predict(X[:, :3]),
    "predict-more-columns": lambda m: _regressor(m).fit(X, Y).predict(np.hstack([X, X])),
    "predict-many-rows-of-fewer-columns": lambda m: (
        _regressor(m).fit(X, Y).predict(np.tile(X, (50, 1))[:, :3])
    ),
    "partial-fit-fewer-columns": lambda m: _regressor(m).partial_fit(X, Y).partial_fit(X[:, 1:], Y),
    "warm-start-fewer-columns": lambda m: _regressor(m, warm_start=True).fit(X, Y).fit(X[:, 1:], Y),
    "partial-fit-early-stopping": lambda m: _regressor(m, early_stopping=True).partial_fit(X, Y),
    "partial-fit-after-early-stopping": lambda m: (
        _classifier(m, early_stopping=True).fit(X, CLASSES).partial_fit(X, CLASSES)
    ),
    "partial-fit-without-classes": lambda m: _classifier(m).partial_fit(X, CLASSES),
    "partial-fit-other-classes": lambda m: (
        _classifier(m)
        .partial_fit(X, CLASSES, classes=[-1, 1, 3])
        .partial_fit(X, CLASSES, classes=[0, 1])
    ),
    "partial-fit-unknown-class": lambda m: (
        _classifier(m).partial_fit(X, CLASSES, classes=[-1, 1, 3]).partial_fit(X, CLASSES + 1)
    ),
    "partial-fit-lbfgs": lambda m: _classifier(m, solver="lbfgs").partial_fit(
        X, CLASSES, classes=[-1, 1, 3]
    ),
    "partial-fit-fewer-labels": lambda m: (
        _classifier(m).partial_fit(X, LABELS, classes=range(4)).partial_fit(X, LABELS[:, :3])
    ),
    "warm-start-other-classes": lambda m: (
        _classifier(m, warm_start=True).fit(X, CLASSES).fit(X, CLASSES + 1)
    ),
    "warm-start-from-lbfgs": lambda m: (
        _regressor(m, solver="lbfgs", warm_start=True).fit(X, Y).set_params(solver="adam").fit(X, Y)
    ),
    "held-out-part-of-one-member": lambda m: _classifier(m, early_stopping=True).fit(
        X, np.arange(61) == 0
    ),
    "predict-proba-of-a-regressor": lambda m: _regressor(m).fit(X, Y).predict_proba(X),
    "unknown-argument": lambda m: m.MLPRegressor(dropouts=0.5),
    "positional-argument": lambda m: m.MLPClassifier((3,), "relu", "adam"),
}

# Targets of other width than those before; too few would be read past their end.
OUTPUTS: dict[str, Action] = {
    "more-outputs": lambda m: _regressor(m).partial_fit(X, TWO[:, :2]).partial_fit(X, TWO),
    "fewer-outputs": lambda m: _regressor(m).partial_fit(X, TWO).partial_fit(X, TWO[:, :2]),
    "warm-start-more-outputs": lambda m: _regressor(m, warm_start=True).fit(X, Y).fit(X, TWO),
}

DIVERGING: Params = {"learning_rate_init": 1e200, "solver": "sgd", "activation": "identity"}


def _error(action: Action, m: Any) -> Exception | None:
    errors: list[Exception] = []

    def attempt() -> None:
        try:
            action(m)
        except Exception as error:
            errors.append(error)

    said(attempt)  # overflow warnings are NumPy's, machine code gives none
    return errors[0] if errors else None


def _assert_same_error(action: Action) -> None:
    expected, mine = _error(action, THEIRS), _error(action, OURS)
    assert expected is not None
    assert type(mine) is type(expected), mine
    assert str(mine).startswith(str(expected))  # ours may add the cure


@pytest.mark.parametrize("wrong", DATA)
def test_data(wrong: str) -> None:
    _assert_same_error(DATA[wrong])


@pytest.mark.parametrize("wrong", PARAMETERS)
def test_parameter(wrong: str) -> None:
    _assert_same_error(lambda m: _classifier(m, **PARAMETERS[wrong]).fit(X, CLASSES))


@pytest.mark.parametrize(
    ("parameter", "wrong"), [("activation", "swish"), ("activation", None), ("solver", "adagrad")]
)
def test_names(parameter: str, wrong: str | None) -> None:
    """In scikit-learn's words, with more names."""

    def fit(m: Any) -> Any:
        return _classifier(m, **{parameter: wrong}).fit(X, CLASSES)

    expected, mine = _error(fit, THEIRS), _error(fit, OURS)
    assert type(mine) is type(expected)
    (names, end), (own_names, own_end) = (str(e).split("}") for e in (expected, mine))
    assert own_end.endswith(end.removeprefix("."))
    start, _, listed = names.partition("{")
    own_start, _, own_listed = own_names.partition("{")
    assert own_start == start
    assert set(own_listed.split(", ")) > set(listed.split(", "))


@pytest.mark.parametrize("wrong", STATE)
def test_state(wrong: str) -> None:
    _assert_same_error(STATE[wrong])


@pytest.mark.parametrize("wrong", OUTPUTS)
def test_other_number_of_outputs(wrong: str) -> None:
    expected, mine = (_error(OUTPUTS[wrong], m) for m in (THEIRS, OURS))
    assert type(mine) is type(expected) is ValueError  # scikit-learn's words are NumPy's there


WIDTHS = [((6,), (np.int64(4),)), ((6,), (8,)), ((6,), (6, 6)), ((6, 5), (6,)), ((6, 5), (5, 6))]
"""Hidden layers of a first training, and those asked for in a second."""


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("first", "second"), WIDTHS)
def test_lbfgs_does_not_go_on_with_other_layers(first: Any, second: Any, sparse: bool) -> None:
    # scikit-learn trains a narrower network on parts of the other's weights.
    rows = scipy.sparse.csr_array(X) if sparse else X
    model = _regressor(OURS, solver="lbfgs", hidden_layer_sizes=first, warm_start=True, tol=1e-4)
    said(model.fit, rows, Y)
    before = copy.deepcopy(model)
    asked, there = (5, *map(int, second), 1), (5, *first, 1)
    error = IndexError if len(second) < len(first) else ValueError
    message = f"layers of {asked} units, but training goes on with a network of {there}"
    with pytest.raises(error, match=re.escape(message)):
        model.set_params(hidden_layer_sizes=second).fit(rows, Y)
    np.testing.assert_array_equal(model.predict(X), before.predict(X))


def test_lbfgs_does_not_go_on_with_other_outputs() -> None:
    model = _regressor(OURS, solver="lbfgs", warm_start=True).fit(X, TWO)
    with pytest.raises(ValueError, match=r"\(5, 3, 2\) units, .* network of \(5, 3, 3\)"):
        model.fit(X, TWO[:, :2])


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize(("first", "second"), WIDTHS)
def test_epochs_go_on_with_the_layers_there_are(first: Any, second: Any, solver: str) -> None:
    def train(m: Any) -> Any:
        params = {"solver": solver, "hidden_layer_sizes": first, "warm_start": True}
        model = _regressor(m, **params).fit(X, Y)
        return model.set_params(hidden_layer_sizes=second).fit(X, Y)

    if len(first) == len(second):  # widths are not looked at
        assert_same_model(train(OURS), train(THEIRS), X, Y, TOLERANCES["float64"])
        return
    assert type(_error(train, OURS)) is type(_error(train, THEIRS))
    assert f"training goes on with a network of {(5, *first, 1)}" in str(_error(train, OURS))


@pytest.mark.parametrize(
    "targets",
    [np.full(61, "1.5"), np.full(61, "a"), np.arange(61).astype("M8[D]"), Y.astype("m8[s]")],
    ids=["digits", "letters", "dates", "durations"],
)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_targets_that_are_no_numbers(targets: Array, solver: str) -> None:
    for package in (THEIRS, OURS):
        with pytest.raises(TypeError):
            _regressor(package, solver=solver).fit(X, targets)


@pytest.mark.parametrize("backend", ["compiled", "reference"])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_divergence(dtype: str, solver: str, backend: str) -> None:
    huge = (X / np.abs(X).max()).astype(dtype) * np.finfo(dtype).max

    def train(m: Any) -> None:
        own = {"backend": backend} if m is OURS else {}
        _regressor(m, **own, **{**DIVERGING, "solver": solver, "max_iter": 5}).fit(huge, Y)

    _assert_same_error(train)


@pytest.mark.parametrize("backend", ["compiled", "reference"])
def test_divergence_with_early_stopping_is_no_error(backend: str) -> None:
    params = {**BASE, **DIVERGING, "learning_rate_init": 10.0, "early_stopping": True}
    ours, theirs = twins(TASKS["regression"], backend, **{**params, "tol": 0.0, "max_iter": 60})
    said(ours.fit, 1e3 * X, Y)
    said(theirs.fit, 1e3 * X, Y)
    assert np.isnan(theirs.validation_scores_[-1])
    assert np.isnan(ours.validation_scores_[-1])
    assert ours.n_iter_ == theirs.n_iter_


@pytest.mark.parametrize("backend", ["compiled", "reference"])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_negative_poisson_targets_give_nan_losses(solver: str, backend: str) -> None:
    params = {**BASE, "loss": "poisson", "solver": solver, "max_iter": 3}
    ours, theirs = MLPRegressor(**params, backend=backend), THEIRS.MLPRegressor(**params)
    for model in (ours, theirs):
        said(model.fit, X, Y)
        assert np.isnan(model.loss_curve_).all()
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-9)


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_failed_call_leaves_a_fitted_model_as_it_was(task: str) -> None:
    chosen = TASKS[task]
    model = ours_for(chosen, **BASE, warm_start=True).fit(chosen.X, chosen.y)
    before = copy.deepcopy(model)
    for bad in (_with(chosen.X, np.nan), chosen.X[:, 1:], chosen.X[:0]):
        with pytest.raises(ValueError, match=r"NaN|features|0 sample"):
            model.fit(bad, chosen.y[: len(bad)])
    np.testing.assert_array_equal(model.predict(chosen.X), before.predict(chosen.X))
    assert model.loss_curve_ == before.loss_curve_


# Our own parameters.

SOLVER_AND_DATA = [("adam", False), ("sgd", True), ("lbfgs", False), ("lbfgs", True)]
everywhere = pytest.mark.parametrize(("solver", "sparse"), SOLVER_AND_DATA)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have none, whatever is in the machine."""
    away = detection.Status(False, "out to lunch")
    monkeypatch.setattr(detection, "status", lambda device=0: away)


def _fit(solver: str, sparse: bool, **own: Any) -> None:
    examples = scipy.sparse.csr_array(X) if sparse else X
    MLPRegressor(**{**BASE, "solver": solver, "max_iter": 200}, **own).fit(examples, Y)


NO_DEVICE = "device must be 'auto', 'cpu', 'cuda' or 'cuda:N', .* each number once, got "
REFUSED: list[tuple[Params, str]] = [
    *(({"device": d}, f"{NO_DEVICE}{d!r}") for d in ("", "cuda:", "cuda:0,0", "cuda:0,", "cpu ")),
    *(({"device": wrong}, "The 'device' parameter of MLPRegressor must") for wrong in (3, None)),
    *(({"backend": wrong}, "The 'backend' parameter of MLPRegressor must") for wrong in ("", None)),
    ({"precision": "fp8"}, "The 'precision' parameter of MLPRegressor must"),
    ({"device": "cuda", "backend": "compiled"}, "backend='compiled' computes on the CPU"),
]


@everywhere
@pytest.mark.parametrize(("own", "message"), REFUSED)
def test_a_wrong_choice_is_refused(own: Params, message: str, solver: str, sparse: bool) -> None:
    with pytest.raises(ValueError, match=message):
        _fit(solver, sparse, **own)


@everywhere
@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:12"])
def test_cuda_says_what_is_missing(device: str, solver: str, sparse: bool, no_gpu: None) -> None:
    with pytest.raises(RuntimeError, match=r"device='cuda:(0|12)': out to lunch"):
        _fit(solver, sparse, device=device)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_gpu_does_not_take_sparse_rows(solver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "_gpu", lambda index, rounding: backends.select("auto", "cpu"))
    with pytest.raises(ValueError, match=r"device='cuda': sparse X is left to the CPU"):
        _fit(solver, True, device="cuda")


@pytest.mark.parametrize("rows", [10, 3000])
@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
def test_model_for_another_device_predicts_here(
    Estimator: Any, rows: int, no_gpu: None, caplog: pytest.LogCaptureFixture
) -> None:
    model = Estimator(**BASE).fit(X, CLASSES)
    many = np.random.RandomState(0).randn(rows, 5)
    expected = model.predict(many)
    model.set_params(device="cuda")
    with caplog.at_level(logging.INFO, logger="gpubackprop"):
        np.testing.assert_array_equal(model.predict(many), expected)
    assert ("the CPU takes over: device='cuda:0': out to lunch" in caplog.text) == (rows > 1024)
    assert model.score(X, CLASSES) <= 1
    with pytest.raises(RuntimeError, match="out to lunch"):
        model.partial_fit(X, CLASSES)


def test_auto_says_what_it_chose(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="gpubackprop"):
        _fit("adam", False)
        _fit("lbfgs", True)
    assert "device 'auto': the CPU" in caplog.text
    assert "backend 'auto': compiled" in caplog.text
    assert "sparse X" in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}


# What scikit-learn allows is allowed.


@pytest.mark.parametrize("backend", ["compiled", "reference"])
def test_one_row(backend: str) -> None:
    ours, theirs = twins(TASKS["regression"], backend, **BASE)
    train_both(ours, theirs, X[:1], Y[:1])
    assert_same_model(ours, theirs, X, Y, TOLERANCES["float64"])


def test_warnings_come_from_scikit_learns_module() -> None:
    """Where filters that name a module look for them."""
    for params, text in (({"max_iter": 1}, "Maximum iterations"), ({"batch_size": 100}, "clipped")):
        with pytest.warns(UserWarning, match=text) as warned:
            MLPRegressor(**{**BASE, **params}).fit(X, Y)
        assert [Path(w.filename).name for w in warned] == ["_multilayer_perceptron.py"]


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_an_unknown_solver_is_refused_where_nothing_else_checks(
    method: str, registered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """scikit-learn's own code returns such a model with the weights it was initialised with."""
    if registered:
        monkeypatch.setattr(mlp, "_STOCHASTIC_SOLVERS", ["sgd", "adam", "adagrad"])
    elif method == "partial_fit":
        pytest.skip("there is no such method then")
    model = MLPRegressor(**{**BASE, "solver": "adagrad"})
    refused = pytest.raises(ValueError, match=r"solver must be .*lbfgs.*, got 'adagrad'")
    with config_context(skip_parameter_validation=True), refused:
        getattr(model, method)(X, Y)
    assert vars(model).get("loss_curve_", []) == []
