"""Every option of the estimators: what it refuses and how it is told, copies, searches, pickles."""

import pickle
from inspect import signature
from typing import Any, NamedTuple

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from gpubackprop import MLPClassifier, MLPRegressor
from gpubackprop.fitting.options.values import Options
from gpubackprop.fitting.scikit_learn import contract

X = np.random.default_rng(3).standard_normal((40, 3))
SMALL: dict[str, Any] = {
    "hidden_layer_sizes": (4, 3),
    "batch_size": 10,
    "random_state": 0,
    "max_iter": 3,
    "tol": 1e9,
    "n_iter_no_change": 1,
}


def listen(estimator: Any, record: Any) -> None:
    """Do nothing, after every epoch."""


def halved(progress: float) -> float:
    return 1 - progress / 2


class Wrong(NamedTuple):
    """A value that is refused, alone or with others."""

    value: Any
    right: str
    """Words of the message that say what would be right."""
    beside: dict[str, Any] = {}  # noqa: RUF012


class Row(NamedTuple):
    """An option."""

    right: Any
    wrong: list[Wrong]
    beside: dict[str, Any] = {}  # noqa: RUF012
    """Parameters without which it has no meaning."""
    estimators: tuple[Any, ...] = (MLPClassifier, MLPRegressor)
    partial: bool = True
    """Whether `partial_fit` knows it."""


CLASSIFIER, REGRESSOR = (MLPClassifier,), (MLPRegressor,)
LBFGS = {"solver": "lbfgs"}
ADAPTIVE = {"solver": "sgd", "learning_rate": "adaptive"}
ROWS: dict[str, Row] = {
    "activation": Row(
        ("gelu", "tanh"), [Wrong("swish", "'gelu'"), Wrong(("relu",), "each of the 2")]
    ),
    "solver": Row("lion", [Wrong("adagrad", "'adamw'")]),
    "loss": Row("focal", [Wrong("huber", "'focal'")], estimators=CLASSIFIER),
    "loss of a regressor": Row("huber", [Wrong("focal", "'huber'")], estimators=REGRESSOR),
    "device": Row("cpu", [Wrong("gpu", "'cuda'"), Wrong(0, "str")]),
    "backend": Row("reference", [Wrong("numba", "'compiled'")]),
    "precision": Row("float32", [Wrong("float16", "'bf16'")]),
    "callbacks": Row([listen], [Wrong("listen", "callable"), Wrong([3], "callable")]),
    "checkpoint": Row("sqrt", [Wrong("log", "'sqrt'"), Wrong(0, "1")]),
    "class_weight": Row(
        {0: 1.0, 1: 2.0},
        [
            Wrong("equal", "'balanced'"),
            Wrong({0: -1.0, 1: 1.0}, "at least 0"),
            Wrong({0: "a"}, "at least 0"),
            Wrong([{0: 1}], "give one dict"),
        ],
        estimators=CLASSIFIER,
    ),
    "scoring": Row(
        "loss",
        [
            Wrong("nonsense", "a scorer's name"),
            Wrong("loss", "early_stopping=True"),
            Wrong("loss", "'adam'", {**LBFGS, "early_stopping": True}),
        ],
        {"early_stopping": True},
        partial=False,
    ),
    "weight_decay": Row(0.1, [Wrong(-1.0, "[0"), Wrong(0.1, "adam", LBFGS)]),
    "schedule": Row(
        halved,
        [
            Wrong("step", "'cosine'"),
            Wrong("cosine", "adam", LBFGS),
            Wrong(
                "cosine", "learning_rate='constant'", {"solver": "sgd", "learning_rate": "adaptive"}
            ),
            Wrong(lambda progress: -1.0, "from 0 on"),
        ],
        partial=False,
    ),
    "warmup": Row(1.0, [Wrong(-1, "[0"), Wrong(1, "adam", LBFGS)], partial=False),
    "clip_norm": Row(1.0, [Wrong(0.0, "(0"), Wrong(1.0, "adam", LBFGS)]),
    "focal_gamma": Row(
        1.0,
        [Wrong(-1.0, "[0", {"loss": "focal"}), Wrong(1.0, "loss='focal'")],
        {"loss": "focal"},
        CLASSIFIER,
    ),
    "out_activation": Row(
        "softplus",
        [Wrong("gelu", "'softplus'"), Wrong("tanh", "None", {"loss": "poisson"})],
        estimators=REGRESSOR,
    ),
    "huber_delta": Row(
        2.0,
        [Wrong(0.0, "(0", {"loss": "huber"}), Wrong(2.0, "loss='huber'")],
        {"loss": "huber"},
        REGRESSOR,
    ),
    "quantile": Row(
        (0.1, 0.9),
        [Wrong(1.5, "between 0 and 1", {"loss": "quantile"}), Wrong(0.5, "loss='quantile'")],
        {"loss": "quantile"},
        REGRESSOR,
    ),
    "sort_quantiles": Row(
        True,
        [Wrong("yes", "bool"), Wrong(True, "loss='quantile'")],
        {"loss": "quantile", "quantile": (0.1, 0.9)},
        REGRESSOR,
    ),
    "dropout": Row(
        (0.1, 0.5, 0.0),
        [Wrong(1.0, "below 1"), Wrong((0.1, 0.2), "3 rates"), Wrong(0.5, "'adam'", LBFGS)],
    ),
    "label_smoothing": Row(
        0.1, [Wrong(1.0, "below 1"), Wrong("much", "below 1")], estimators=CLASSIFIER
    ),
}
CASES = [(e, name) for name, row in ROWS.items() for e in row.estimators]
every = pytest.mark.parametrize(("estimator", "case"), CASES)


def model(estimator: Any, case: str, **more: Any) -> Any:
    return estimator(**{**SMALL, **ROWS[case].beside, case.split()[0]: ROWS[case].right, **more})


def target(estimator: Any) -> Any:
    return (X[:, 0] > 0).astype(int) if estimator is MLPClassifier else np.exp(X[:, 0])


def test_every_option_has_a_row() -> None:
    named = {(e, case.split()[0]) for e, case in CASES}
    for e, base in (MLPClassifier, contract.MLPClassifier), (MLPRegressor, contract.MLPRegressor):
        assert {n for each, n in named if each is e} >= set(signature(e).parameters) - set(
            signature(base).parameters
        )
    assert {name for _, name in named} >= set(Options._fields)


@every
def test_copies_have_it_and_train_alike(estimator: Any, case: str) -> None:
    """A clone, `set_params` and a pickle, of a model to be trained and of a trained one."""
    name, row, y = case.split()[0], ROWS[case], target(estimator)
    first = model(estimator, case).fit(X, y)
    by_name = estimator(**SMALL).set_params(**row.beside, **{name: row.right})
    for copy in clone(first), pickle.loads(pickle.dumps(model(estimator, case))), by_name:
        assert not hasattr(copy, "coefs_")
        again = copy.fit(X, y)
        assert again.loss_curve_ == first.loss_curve_
        np.testing.assert_array_equal(again.coefs_[0], first.coefs_[0])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(first)).predict(X), first.predict(X))


@every
def test_a_search_over_it(estimator: Any, case: str) -> None:
    name, row = case.split()[0], ROWS[case]
    default = signature(estimator).parameters[name].default
    base = estimator(**{**SMALL, **row.beside})
    search = GridSearchCV(base, {name: [default, row.right]}, cv=2, error_score="raise")
    if name == "sort_quantiles":
        search.param_grid = {name: [False, True]}
    assert np.isfinite(search.fit(X, target(estimator)).cv_results_["mean_test_score"]).all()


WRONG = [
    pytest.param(e, case, wrong, id=f"{e.__name__}-{case}-{i}")
    for e, case in CASES
    for i, wrong in enumerate(ROWS[case].wrong)
]


@pytest.mark.parametrize(("estimator", "case", "wrong"), WRONG)
def test_a_wrong_value_is_named_with_what_is_right(estimator: Any, case: str, wrong: Wrong) -> None:
    name = case.split()[0]
    refused = estimator(**{**SMALL, **wrong.beside, name: wrong.value})
    with pytest.raises((ValueError, TypeError)) as error:
        refused.fit(X, target(estimator))
    message = str(error.value)
    assert name in message
    assert wrong.right in message
    told = wrong.value[0] if isinstance(wrong.value, list) else wrong.value
    assert callable(told) or repr(told) in message or repr(wrong.value) in message


@every
def test_partial_fit_knows_it_or_refuses_it(estimator: Any, case: str) -> None:
    name, row, y = case.split()[0], ROWS[case], target(estimator)
    classes = {"classes": [0, 1]} if estimator is MLPClassifier else {}
    if row.partial:
        assert np.isfinite(model(estimator, case).partial_fit(X, y, **classes).loss_)
    else:
        with pytest.raises(ValueError, match="|".join((name, *row.beside))):
            model(estimator, case).partial_fit(X, y, **classes)


class _Backprop:
    """A user's own gradient, which scikit-learn's code has to be run with."""

    def _backprop(self: Any, *arguments: Any) -> Any:
        return super()._backprop(*arguments)  # type: ignore[misc]


OWN = {e: type(e.__name__, (_Backprop, e), {}) for e in (MLPClassifier, MLPRegressor)}


@every
def test_scikit_learns_own_code_honours_it_or_refuses_it(estimator: Any, case: str) -> None:
    name, row, y = case.split()[0], ROWS[case], target(estimator)
    params = {**SMALL, **row.beside, name: row.right}
    try:
        theirs = OWN[estimator](**params).fit(X, y)
    except ValueError as error:
        refusal = str(error)
    else:
        ours, refusal = estimator(**params).fit(X, y), f"{name}="
        tolerance = 1e-4 if name == "precision" else 1e-9
        np.testing.assert_allclose(theirs.loss_curve_, ours.loss_curve_, rtol=tolerance)
    assert any(f"{each}=" in refusal for each in (name, *row.beside))
