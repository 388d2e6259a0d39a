"""scikit-learn is the oracle: equal data, parameters and random_state give an equal model.

The grid is every solver on every task, and then one parameter at a time on two of them, each in
float32 and float64 and on every backend of the CPU.
"""

from typing import Any

import numpy as np
import pytest

from .agreement import (
    TASKS,
    TOLERANCES,
    WEIGHTS,
    Array,
    Params,
    Task,
    assert_same_history,
    assert_same_model,
    assert_same_parameters,
    said,
    state_of,
    train_both,
    twins,
)

BACKENDS = ("compiled", "reference")
DTYPES = ("float32", "float64")

# Few epochs: in float32 a ReLU near 0 falls on either side, and after some 60 the paths fork.
BASE: Params = {
    "hidden_layer_sizes": (7, 4),
    "batch_size": 16,
    "learning_rate_init": 0.02,
    "max_iter": 8,
    "random_state": 3,
}

SOLVERS: dict[str, Params] = {
    "adam": {},
    "adam-other-constants": {"beta_1": 0.6, "beta_2": 0.9, "epsilon": 1e-2},
    "adam-no-moments": {"beta_1": 0.0, "beta_2": 0.0},
    "sgd": {"solver": "sgd", "momentum": 0},
    "sgd-momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "sgd-nesterov": {"solver": "sgd", "momentum": 0.9},
    "sgd-invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3},
    "sgd-adaptive": {  # the rate is lowered in every second epoch
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.01,
        "tol": 1e9,
        "n_iter_no_change": 1,
    },
    # Quasi-Newton steps double any rounding error: after four they are still comparable.
    "lbfgs": {"solver": "lbfgs", "max_iter": 4},
    "lbfgs-max-fun": {"solver": "lbfgs", "max_fun": 3},
}

OPTIONS: dict[str, Params] = {
    "identity": {"activation": "identity"},
    "logistic": {"activation": "logistic"},
    "tanh": {"activation": "tanh"},
    "tanh-long": {"activation": "tanh", "max_iter": 60},
    "relu": {"activation": "relu"},
    "batch-auto": {"batch_size": "auto"},
    "batch-1": {"batch_size": 1, "max_iter": 3},
    "batch-7": {"batch_size": 7},
    "batch-all": {"batch_size": 61},
    "batch-tail-of-1": {"batch_size": 60},
    "batch-larger-than-data": {"batch_size": 100},
    "alpha-0": {"alpha": 0},
    "alpha-large": {"alpha": 30.0},
    "no-hidden-layer": {"hidden_layer_sizes": ()},
    "hidden-1": {"hidden_layer_sizes": (1,)},
    "hidden-int": {"hidden_layer_sizes": 2},
    "hidden-array": {"hidden_layer_sizes": np.array([3, 2])},
    "hidden-deep": {"hidden_layer_sizes": (7, 5, 3, 2)},
    "hidden-default": {"hidden_layer_sizes": (100,)},
    "no-shuffle": {"shuffle": False},
    "no-shuffle-sgd": {"shuffle": False, "solver": "sgd"},
    "early-stopping": {"early_stopping": True},
    "early-stopping-stops": {"early_stopping": True, "tol": 0.5, "n_iter_no_change": 2},
    "early-stopping-large-part": {"early_stopping": True, "validation_fraction": 0.5},
    "early-stopping-adaptive": {
        "early_stopping": True,
        "solver": "sgd",
        "learning_rate": "adaptive",
        "tol": 0.5,
        "n_iter_no_change": 1,
    },
    "early-stopping-ignored-by-lbfgs": {
        "early_stopping": True,
        "solver": "lbfgs",
        "max_iter": 3,
    },
    "stops-by-itself": {"tol": 0.05, "n_iter_no_change": 1, "max_iter": 50},
    "rate-too-small": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 1e-5,
        "tol": 1e9,
        "n_iter_no_change": 1,
    },
    "never-stops": {"tol": 1e9, "n_iter_no_change": np.inf},
    "tol-0": {"tol": 0.0, "n_iter_no_change": 1},
    "one-epoch": {"max_iter": 1},
}

_weights = {
    "equal": np.full(61, 2.0),
    "uneven": WEIGHTS,
    "zeros": np.where(np.arange(61) % 3 == 0, 0.0, WEIGHTS),
    "negative": np.where(np.arange(61) % 9 == 0, -0.5, WEIGHTS),
    "integers": np.arange(61) % 4 + 1,
}
WEIGHTED: dict[str, tuple[Array, Params]] = {
    **{name: (weights, {}) for name, weights in _weights.items()},
    "sgd": (WEIGHTS, {"solver": "sgd"}),
    "lbfgs": (WEIGHTS, {"solver": "lbfgs", "max_iter": 4}),
    "early-stopping": (WEIGHTS, {"early_stopping": True}),
    "large-penalty": (WEIGHTS, {"alpha": 30.0}),
}

every_backend = pytest.mark.parametrize("backend", BACKENDS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
two_tasks = pytest.mark.parametrize("task", ["multiclass", "multioutput"])
every_task = pytest.mark.parametrize("task", TASKS)


def _cast(task: str, dtype: str) -> Task:
    """Task with X of this dtype."""
    found = TASKS[task]
    return found._replace(X=found.X.astype(dtype))


def _compare(task: str, dtype: str, backend: str, params: Params, *args: Any) -> None:
    chosen = _cast(task, dtype)
    ours, theirs = twins(chosen, backend, **{**BASE, **params})
    train_both(ours, theirs, chosen.X, chosen.y, *args)
    assert_same_model(ours, theirs, chosen.X, chosen.y, TOLERANCES[dtype])


@every_backend
@every_dtype
@every_task
@pytest.mark.parametrize("solver", SOLVERS)
def test_solver(solver: str, task: str, dtype: str, backend: str) -> None:
    _compare(task, dtype, backend, SOLVERS[solver])


@every_backend
@every_dtype
@two_tasks
@pytest.mark.parametrize("option", OPTIONS)
def test_option(option: str, task: str, dtype: str, backend: str) -> None:
    _compare(task, dtype, backend, OPTIONS[option])


@every_backend
@every_task
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh"])
def test_activation(activation: str, task: str, backend: str) -> None:
    _compare(task, "float64", backend, {"activation": activation})


@every_backend
@pytest.mark.parametrize("task", ["binary", "one_class", "multilabel", "poisson"])
def test_early_stopping(task: str, backend: str) -> None:
    # Binary targets are split with stratification, all others without: other random draws.
    _compare(task, "float64", backend, {"early_stopping": True})


@every_backend
@every_dtype
@every_task
@pytest.mark.parametrize("weighted", WEIGHTED)
def test_sample_weight(weighted: str, task: str, dtype: str, backend: str) -> None:
    weights, params = WEIGHTED[weighted]
    _compare(task, dtype, backend, params, weights)


@every_backend
def test_targets_in_a_column(backend: str) -> None:
    task = TASKS["regression"]
    ours, theirs = twins(task, backend, **BASE)
    train_both(ours, theirs, task.X, task.y.reshape(-1, 1))
    assert_same_model(ours, theirs, task.X, task.y, TOLERANCES["float64"])


@every_backend
@pytest.mark.parametrize("task", ["binary", "multioutput"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_random_state_instance_is_left_where_scikit_learn_leaves_it(
    early_stopping: bool, task: str, backend: str
) -> None:
    chosen = TASKS[task]
    ours, theirs = twins(chosen, backend, **BASE, early_stopping=early_stopping)
    ours.random_state, theirs.random_state = np.random.RandomState(5), np.random.RandomState(5)
    for _ in range(2):  # the second fit draws on from the first
        train_both(ours, theirs, chosen.X, chosen.y)
        assert_same_model(ours, theirs, chosen.X, chosen.y, TOLERANCES["float64"])
    assert state_of(ours.random_state) == state_of(theirs.random_state)


def test_global_generator_is_used_without_random_state() -> None:
    task, states = TASKS["regression"], list[tuple[float, float]]()
    before = np.random.get_state()
    try:
        for model in twins(task, **{**BASE, "random_state": None}):
            np.random.seed(7)
            with pytest.warns(match="Maximum iterations"):
                model.fit(task.X, task.y)
            states.append((model.loss_, np.random.random_sample()))
    finally:
        np.random.set_state(before)
    mine, expected = states
    np.testing.assert_allclose(mine, expected, rtol=1e-9)


# What is called, one after the other, on the same two models: method, first and last row, changed
# parameters.
Call = tuple[str, slice, Params]
ALL = slice(None)
SEQUENCES: dict[str, tuple[Params, list[Call]]] = {
    "fit-twice": ({}, [("fit", ALL, {}), ("fit", slice(30), {})]),
    "warm-start": (
        {"warm_start": True},
        [("fit", ALL, {}), ("fit", ALL, {"max_iter": 3}), ("fit", ALL, {"alpha": 1.0})],
    ),
    "warm-start-sgd": (
        {"warm_start": True, "solver": "sgd", "learning_rate": "invscaling"},
        [("fit", ALL, {}), ("fit", ALL, {"max_iter": 3})],
    ),
    "warm-start-early-stopping": (  # coefs_ are the best ones then, and trained on in place
        {"warm_start": True, "early_stopping": True},
        [("fit", ALL, {}), ("fit", ALL, {"max_iter": 12}), ("fit", ALL, {})],
    ),
    "warm-start-lbfgs": (
        {"warm_start": True, "solver": "lbfgs", "max_iter": 2},
        [("fit", ALL, {}), ("fit", ALL, {})],
    ),
    "warm-start-other-solver": (
        {"warm_start": True},
        [
            ("fit", ALL, {}),
            ("fit", ALL, {"solver": "lbfgs", "max_iter": 2}),
            ("fit", ALL, {"solver": "sgd"}),
        ],
    ),
    "partial-fit": (
        {},
        [
            ("partial_fit", slice(20), {}),
            ("partial_fit", slice(20, 27), {}),
            ("partial_fit", ALL, {}),
            ("partial_fit", slice(5), {}),
        ],
    ),
    "partial-fit-sgd": (
        {"solver": "sgd", "learning_rate": "invscaling"},
        [("partial_fit", slice(20), {}), ("partial_fit", ALL, {}), ("partial_fit", ALL, {})],
    ),
    "partial-fit-adaptive": (
        {**SOLVERS["sgd-adaptive"]},
        [("partial_fit", ALL, {})] * 5,
    ),
    "partial-fit-generator": (
        {"random_state": None},
        [("partial_fit", ALL, {})] * 3,
    ),
    "partial-fit-after-fit": ({}, [("fit", ALL, {}), ("partial_fit", slice(20), {})]),
    "fit-after-partial-fit": ({}, [("partial_fit", ALL, {}), ("fit", ALL, {})]),
    "partial-fit-after-lower-rate": (
        {},
        [("partial_fit", ALL, {}), ("partial_fit", ALL, {"learning_rate_init": 1e-4})],
    ),
}


@every_backend
@every_dtype
@two_tasks
@pytest.mark.parametrize("sequence", SEQUENCES)
def test_sequence(sequence: str, task: str, dtype: str, backend: str) -> None:
    params, calls = SEQUENCES[sequence]
    chosen = _cast(task, dtype)
    ours, theirs = twins(chosen, backend, **{**BASE, **params})
    if params.get("random_state", 0) is None:
        ours.random_state, theirs.random_state = (np.random.RandomState(9) for _ in range(2))
    for method, rows, changed in calls:
        for model in (ours, theirs):
            model.set_params(**changed)
        extra = _first_call_classes(chosen) if method == "partial_fit" else {}
        train_both(ours, theirs, chosen.X[rows], chosen.y[rows], method=method, **extra)
        assert_same_model(ours, theirs, chosen.X, chosen.y, TOLERANCES[dtype])


def _first_call_classes(task: Task) -> Params:
    return {"classes": np.unique(task.y)} if task.estimator == "MLPClassifier" else {}


@every_backend
def test_partial_fit_weighted(backend: str) -> None:
    task = TASKS["regression"]
    ours, theirs = twins(task, backend, **BASE)
    for k in range(3):
        weights = np.roll(WEIGHTS, k)
        train_both(ours, theirs, task.X, task.y, method="partial_fit", sample_weight=weights)
    assert_same_model(ours, theirs, task.X, task.y, TOLERANCES["float64"])


@every_backend
@pytest.mark.parametrize(("first", "then"), [("adam", "sgd"), ("sgd", "adam")])
def test_partial_fit_keeps_its_optimizer_when_solver_changes(
    first: str, then: str, backend: str
) -> None:
    task = TASKS["regression"]
    ours, theirs = twins(task, backend, **{**BASE, "solver": first})
    for solver in (first, then, then):
        for model in (ours, theirs):
            model.set_params(solver=solver)
        train_both(ours, theirs, task.X, task.y, method="partial_fit")
    assert_same_model(ours, theirs, task.X, task.y, TOLERANCES["float64"])


@every_backend
def test_edited_weights_are_trained_on(backend: str) -> None:
    task = TASKS["multioutput"]
    ours, theirs = twins(task, backend, **BASE, warm_start=True)
    train_both(ours, theirs, task.X, task.y)
    for model in (ours, theirs):
        model.coefs_[0][:, 0] = 0.25
        model.coefs_[1] = np.asfortranarray(model.coefs_[1] / 2)
        model.intercepts_[0] = np.repeat(model.intercepts_[0], 2)[::2]  # strided
    train_both(ours, theirs, task.X, task.y)
    assert_same_model(ours, theirs, task.X, task.y, TOLERANCES["float64"])


@every_backend
@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32")])
def test_training_goes_on_in_another_dtype(dtypes: tuple[str, str], backend: str) -> None:
    ours, theirs = twins(TASKS["regression"], backend, **BASE)
    for dtype in dtypes:
        task = _cast("regression", dtype)
        train_both(ours, theirs, task.X, task.y, method="partial_fit")
    assert_same_model(ours, theirs, task.X, task.y, TOLERANCES["float32"])


@every_backend
@pytest.mark.parametrize("hidden", [(9,), (2,)])
def test_warm_start_ignores_changed_width(hidden: tuple[int, ...], backend: str) -> None:
    task = TASKS["regression"]
    ours, theirs = twins(task, backend, **{**BASE, "hidden_layer_sizes": (4,)}, warm_start=True)
    train_both(ours, theirs, task.X, task.y)
    for model in (ours, theirs):
        model.set_params(hidden_layer_sizes=hidden)
    train_both(ours, theirs, task.X, task.y)
    assert_same_model(ours, theirs, task.X, task.y, TOLERANCES["float64"])


@every_backend
def test_one_target_trains_all_outputs(backend: str) -> None:
    # NumPy's broadcasting, which scikit-learn lets happen.
    task = TASKS["multioutput"]
    ours, theirs = twins(task, backend, **BASE)
    train_both(ours, theirs, task.X, task.y, method="partial_fit")
    train_both(ours, theirs, task.X, task.y[:, 0], method="partial_fit")
    assert_same_history(ours, theirs, TOLERANCES["float64"])
    assert_same_parameters(ours, theirs, TOLERANCES["float64"])


@every_backend
@pytest.mark.parametrize(
    "params",
    [
        {"early_stopping": True, "tol": 0.5, "n_iter_no_change": 2},
        {"tol": 0.05, "n_iter_no_change": 1, "max_iter": 50},
        SOLVERS["sgd-adaptive"],
        OPTIONS["rate-too-small"],
    ],
)
def test_verbose_prints_the_same(
    params: Params, backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    task = TASKS["multiclass"]
    ours, theirs = twins(task, backend, **{**BASE, **params}, verbose=True)
    printed = []
    for model in (ours, theirs):
        said(model.fit, task.X, task.y)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "Iteration 1, loss = " in printed[0]
