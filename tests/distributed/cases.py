"""Fits that several ranks must compute as one process does, and how far apart they may end."""

from typing import NamedTuple

import numpy as np
import scipy.sparse
from sklearn.datasets import load_diabetes, load_digits

from gpubackprop import MLPClassifier, MLPRegressor


class Case(NamedTuple):
    """One fit."""

    name: str
    classifies: bool
    params: dict
    weighted: bool = False
    dtype: str = "float64"
    sparse: bool = False
    given: bool = False
    """Whether `fit` is given rows to validate with."""


ADAPTIVE = {
    "solver": "sgd",
    "learning_rate": "adaptive",
    "learning_rate_init": 0.2,
    "n_iter_no_change": 2,
    "tol": 1e-2,
}
WIDTHS = {"hidden_layer_sizes": (37, 19)}
STOPS = {"early_stopping": True, "n_iter_no_change": 3, "learning_rate_init": 0.01}

CASES = [
    Case("adam", True, {"max_iter": 6}),
    Case("float32", True, {"max_iter": 4, "activation": "tanh"}, dtype="float32"),
    Case("weights", True, {"max_iter": 6}, weighted=True),
    Case("adaptive rate", True, {"max_iter": 25, **ADAPTIVE}),
    Case("early stopping", True, {"max_iter": 40, **STOPS}),
    Case(
        "early stopping, weights, blocks",
        True,
        {"max_iter": 20, **STOPS, "shuffle": "blocks"},
        weighted=True,
    ),
    Case("uneven batches", True, {"max_iter": 4, "batch_size": 171, **WIDTHS}),
    Case("one row a batch", False, {"max_iter": 2, "batch_size": 1, "hidden_layer_sizes": (9,)}),
    Case(
        "three rows a batch, weights, dropout",
        False,
        {"max_iter": 3, "batch_size": 3, "hidden_layer_sizes": (9,), "dropout": (0.2, 0.5)},
        weighted=True,
    ),
    Case("last batch of one row", False, {"max_iter": 4, "batch_size": 63}),  # 442 = 7 * 63 + 1
    Case("in order", False, {"max_iter": 4, "shuffle": False, "batch_size": 50}),
    Case(
        "checkpoints",
        True,
        {"max_iter": 3, "hidden_layer_sizes": (20,) * 6, "checkpoint": "sqrt"},
    ),
    Case(
        "clipped AdamW with a schedule and dropout",
        True,
        {"max_iter": 4, "solver": "adamw", "schedule": "cosine", "clip_norm": 0.5, "dropout": 0.5},
    ),
    Case(
        "rows to validate with, a scorer",
        True,
        {"max_iter": 12, **STOPS, "scoring": "neg_log_loss", "class_weight": "balanced"},
        given=True,
    ),
    Case(
        "sparse, a scorer",
        True,
        {"max_iter": 12, **STOPS, "scoring": "f1_macro"},
        weighted=True,
        sparse=True,
    ),
    Case("poisson", False, {"max_iter": 4, "loss": "poisson"}),
    Case("lbfgs", True, {"max_iter": 10, "solver": "lbfgs"}),
    Case("lbfgs, weights", False, {"max_iter": 10, "solver": "lbfgs"}, weighted=True),
]


def data(case):
    """Examples, targets and weights."""
    if case.classifies:
        X, y = load_digits(return_X_y=True)
        X = X / 16
    else:
        X, y = load_diabetes(return_X_y=True)
        X, y = X / X.std(axis=0), (y - y.mean()) / y.std()
        y = np.exp(y) if case.params.get("loss") == "poisson" else y
    weight = np.random.default_rng(1).uniform(0.2, 3, len(X)) if case.weighted else None
    return X.astype(case.dtype), y if case.classifies else y.astype(case.dtype), weight


def fit(case, rows=slice(None), **params):
    """Fit some of the rows."""
    X, y, weight = data(case)
    cls = MLPClassifier if case.classifies else MLPRegressor
    model = cls(**{"random_state": 0, "device": "cpu", **case.params, **params})
    val = {"X_val": X[::9], "y_val": y[::9]} if case.given else {}
    own = scipy.sparse.csc_array(X[rows]) if case.sparse else X[rows]
    return model.fit(own, y[rows], None if weight is None else weight[rows], **val)


def shard(case, index, size):
    """A rank's own rows: parts of unequal sizes."""
    n = len(data(case)[0])
    ends = (n * np.arange(size + 1) ** 2) // size**2
    return slice(ends[index], ends[index + 1])


def theta(model):
    return np.concatenate([np.ravel(a) for a in model.coefs_ + model.intercepts_])


def differences(one, ranks):
    """What keeps a fit on several ranks from being equal to one process's, a line each."""
    first, bound = ranks[0], 1e-12 if theta(one).dtype == np.float64 else 1e-5
    losses, expected = ([*getattr(m, "loss_curve_", ()), m.loss_] for m in (first, one))
    if len({theta(model).tobytes() for model in ranks}) > 1:
        yield "the ranks' weights differ"
    if first.n_iter_ != one.n_iter_:
        yield f"{first.n_iter_} epochs instead of {one.n_iter_}"
        return
    if not np.allclose(losses, expected, rtol=bound, atol=0):
        yield f"losses {losses} instead of {expected}"
    off = np.abs(theta(first) - theta(one)).max() / np.abs(theta(one)).max()
    if off > 10 * bound:
        yield f"weights are off by {off:.1e}"
    scores, wanted = (getattr(m, "validation_scores_", None) or [] for m in (first, one))
    if not np.allclose(scores, wanted, rtol=bound, atol=0):
        yield f"scores {scores} instead of {wanted}"
