"""SiLU, an activation that scikit-learn does not have: its derivative reads Z, not A."""

import numpy as np
import pytest
import scipy.sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_iris

from gpubackprop import MLPClassifier, MLPRegressor

X, LABELS = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
PARAMETERS = {
    "hidden_layer_sizes": (7, 5),
    "activation": "silu",
    "max_iter": 20,
    "random_state": 0,
    "batch_size": 32,
    "learning_rate_init": 0.02,
}
pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer", "ignore:lbfgs failed")


def outputs(model, rows):
    """Outputs of a network, by its formula."""
    A = rows
    for W, b in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        Z = A @ W + b
        A = Z * expit(Z)
    return A @ model.coefs_[-1] + model.intercepts_[-1]


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_both_backends_find_the_same_weights(solver):
    one, another = (
        MLPClassifier(**PARAMETERS, solver=solver, backend=backend, checkpoint=checkpoint)
        for backend, checkpoint in (("reference", None), ("compiled", 2))
    )
    for model in (one, another):
        model.fit(X, LABELS)
        assert model.loss_ < 1.05
    for mine, other in zip(one.coefs_, another.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 150, 3000])
def test_predictions_are_the_formulas(rows, dtype):
    model = MLPRegressor(**PARAMETERS).fit(X.astype(dtype), X[:, 0] * X[:, 1])
    asked = np.resize(X, (rows, 4)).astype(dtype)
    expected = outputs(model, asked.astype(float)).ravel()
    epsilon = np.finfo(dtype).eps
    np.testing.assert_allclose(model.predict(asked), expected, rtol=0, atol=50 * epsilon)


def test_early_stopping_and_a_clone():
    model = MLPClassifier(**PARAMETERS | {"max_iter": 200}, early_stopping=True)
    assert clone(model).fit(X, LABELS).score(X, LABELS) > 0.9


def test_it_learns_what_the_derivative_says():
    """One step of plain descent from known weights, against central differences."""
    one_step = {"max_iter": 1, "batch_size": 150, "solver": "sgd", "momentum": 0, "alpha": 0}
    settings = PARAMETERS | one_step | {"learning_rate_init": 1e-3}
    model = MLPRegressor(**settings)
    y = X[:, 0] * X[:, 1]
    model.fit(X, y)
    after = [W.copy() for W in model.coefs_]
    start = MLPRegressor(**settings | {"learning_rate_init": 1e-300}).fit(X, y)
    for moved, W in zip(after, start.coefs_, strict=True):
        before, gradient = W[0, 0], (W[0, 0] - moved[0, 0]) / 1e-3
        losses = []
        for shift in (1e-5, -1e-5):
            W[0, 0] = before + shift
            losses.append(np.mean((outputs(start, X).ravel() - y) ** 2) / 2)
        W[0, 0] = before
        assert gradient == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-5)


def test_sparse_examples_are_refused_in_words():
    rows = scipy.sparse.csr_matrix(X)
    with pytest.raises(ValueError, match=r"activation='silu': sparse X .* no such activation"):
        MLPClassifier(**PARAMETERS).fit(rows, LABELS)
    model = MLPClassifier(**PARAMETERS).fit(X, LABELS)
    with pytest.raises(ValueError, match=r"activation='silu': sparse X .* no such activation"):
        model.predict(rows)


def test_what_nobody_has_is_refused_with_the_names():
    with pytest.raises(ValueError, match=r"'activation' parameter .*'silu'.* Got 'swish'"):
        MLPClassifier(activation="swish").fit(X, LABELS)
