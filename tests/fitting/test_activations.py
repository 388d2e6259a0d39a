"""Activations that scikit-learn does not have, for all hidden layers, for each, for the outputs."""

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network
from scipy.special import erf, expit
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


SIGMA = {
    "identity": lambda z: z,
    "tanh": np.tanh,
    "logistic": expit,
    "leaky_relu": lambda z: np.where(z > 0, z, z / 100),
    "elu": lambda z: np.where(z > 0, z, np.exp(z) - 1),
    "selu": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * (np.exp(z) - 1)),
    "gelu": lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "silu": lambda z: z * expit(z),
    "mish": lambda z: z * np.tanh(np.log(1 + np.exp(z))),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "hardtanh": lambda z: np.clip(z, -1, 1),
}
"""As PyTorch's documentation has them."""
OURS = sorted(SIGMA.keys() - {"identity", "tanh", "logistic"})


def outputs(model, rows):
    """Outputs of a network, by its formulas."""
    names = model.activation
    A, hidden = rows, [names] * 2 if isinstance(names, str) else list(names)
    layers = zip(model.coefs_, model.intercepts_, strict=True)
    for (W, b), name in zip(layers, [*hidden, model.out_activation_], strict=True):
        A = SIGMA[name](A @ W + b)
    return A


@pytest.mark.parametrize(
    ("activation", "solver"),
    [
        ("gelu", "adam"),
        ("mish", "sgd"),
        (("selu", "tanh"), "lbfgs"),
        (["silu", "softplus"], "adam"),
    ],
    ids=str,
)
def test_both_backends_find_the_same_weights(activation, solver):
    one, another = (
        MLPClassifier(
            **PARAMETERS | {"activation": activation},
            solver=solver,
            backend=backend,
            checkpoint=checkpoint,
        )
        for backend, checkpoint in (("reference", None), ("compiled", 2))
    )
    for model in (one, another):
        model.fit(X, LABELS)
        assert model.loss_ < 1.05
    for mine, other in zip(one.coefs_, another.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("activation", "rows"), [*((name, 150) for name in OURS), ("gelu", 3000)])
def test_predictions_are_the_formulas(activation, rows, dtype):
    model = MLPRegressor(**PARAMETERS | {"activation": activation}, out_activation="tanh")
    model.fit(X.astype(dtype), X[:, 0] * X[:, 1])
    asked = np.resize(X, (rows, 4)).astype(dtype)
    expected = outputs(model, asked.astype(float)).ravel()
    epsilon = np.finfo(dtype).eps
    np.testing.assert_allclose(model.predict(asked), expected, rtol=0, atol=50 * epsilon)


def test_a_row_alone_is_predicted_as_among_others():
    """scikit-learn's own pass, which predicts few rows, knows no such activation."""
    model = MLPRegressor(**PARAMETERS, out_activation="softplus").fit(X, X[:, 0] ** 2)
    np.testing.assert_allclose(model.predict(X[:1]), model.predict(X)[:1], rtol=1e-12)


@pytest.mark.parametrize("name", OURS)
def test_initial_weights_keep_the_mean_square_of_a_layers_input(name):
    """He's rule, in units of 1 / fan_in where both fans are equal; SELU's is LeCun's."""
    z, weight = np.polynomial.hermite_e.hermegauss(200)
    mean_square = np.sum(SIGMA[name](z) ** 2 * weight) / np.sqrt(2 * np.pi)
    model = MLPRegressor(
        hidden_layer_sizes=(300, 300), activation=name, random_state=0, max_iter=1, alpha=0
    )
    rows = np.zeros((20, 300))
    model.set_params(learning_rate_init=1e-300).fit(rows, np.zeros(20))
    variance = 300 * np.var(model.coefs_[1])
    assert variance * mean_square == pytest.approx(1, rel=0.02)


def test_initial_weights_are_scikit_learns_where_the_activation_is():
    theirs = sklearn.neural_network.MLPRegressor(
        hidden_layer_sizes=(5, 4), activation="tanh", random_state=3
    )
    ours = MLPRegressor(hidden_layer_sizes=(5, 4), activation=["tanh", "tanh"], random_state=3)
    for model in (theirs, ours):
        model.set_params(max_iter=1, learning_rate_init=1e-300).fit(X, X[:, 0])
    for mine, their in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_array_equal(mine, their)


@pytest.mark.parametrize(
    ("output", "low", "high"), [("logistic", 0, 1), ("hardtanh", -1, 1), ("softplus", 0, np.inf)]
)
def test_outputs_stay_in_the_range_asked_for(output, low, high):
    y = X[:, 0] * 4
    model = MLPRegressor(**PARAMETERS | {"max_iter": 60}, out_activation=output).fit(X, y)
    assert model.out_activation_ == output
    predicted = clone(model).fit(X, y).predict(100 * X)
    assert low <= predicted.min()
    assert predicted.max() <= high
    assert np.corrcoef(model.predict(X), y)[0, 1] > 0.8
    np.testing.assert_allclose(model.predict(X), outputs(model, X).ravel(), rtol=1e-12, atol=1e-12)


def test_early_stopping_and_a_clone():
    model = MLPClassifier(**PARAMETERS | {"max_iter": 200}, early_stopping=True)
    assert clone(model).fit(X, LABELS).score(X, LABELS) > 0.9


@pytest.mark.parametrize(
    ("activation", "output"), [("silu", None), (["gelu", "elu"], "softplus"), ("mish", "logistic")]
)
def test_it_learns_what_the_derivative_says(activation, output):
    """One step of plain descent from known weights, against central differences."""
    one_step = {"max_iter": 1, "batch_size": 150, "solver": "sgd", "momentum": 0, "alpha": 0}
    formulas = {"activation": activation, "out_activation": output}
    settings = PARAMETERS | one_step | formulas | {"learning_rate_init": 1e-3}
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


def test_sparse_examples_are_refused_in_words_where_scikit_learns_code_trains():
    rows = scipy.sparse.csr_matrix(X)
    with pytest.raises(ValueError, match=r"activation='silu': sparse X .* no such activation"):
        MLPClassifier(**PARAMETERS | {"solver": "lbfgs"}).fit(rows, LABELS)
    model = MLPClassifier(**PARAMETERS).fit(X, LABELS)
    np.testing.assert_array_equal(model.predict(rows), model.predict(X))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"activation": "swish"}, r"'activation' parameter .*'silu'.* Got 'swish'"),
        (
            {"activation": ["gelu"]},
            r"activation must .* each of the 2 hidden layers, got \['gelu'\]",
        ),
        (
            {"activation": (["gelu"], "gelu")},
            r"activation must be one of .*mish.* got \(\['gelu'\], 'gelu'",
        ),
        (
            {"activation": ("gelu", "swish")},
            r"activation must be one of .*mish.* got \('gelu', 'swish'",
        ),
        ({"out_activation": "gelu"}, r"'out_activation' parameter .*'softplus'.* Got 'gelu'"),
        ({"out_activation": "tanh", "loss": "poisson"}, r"out_activation='tanh' .* loss='poisson'"),
    ],
)
def test_what_nobody_has_is_refused_with_the_names(parameters, words):
    with pytest.raises(ValueError, match=words):
        MLPRegressor(**PARAMETERS | parameters).fit(X, LABELS)


@pytest.mark.parametrize(
    "parameters", [{"activation": ["tanh", "relu"]}, {"out_activation": "tanh"}]
)
def test_what_scikit_learns_code_does_not_know_is_not_handed_to_it(parameters):
    (name,) = parameters
    model = MLPRegressor(**PARAMETERS | {"activation": "relu", "solver": "lbfgs"} | parameters)
    with pytest.raises(ValueError, match=rf"{name}=.*: sparse X .* no such {name}"):
        model.fit(scipy.sparse.csr_matrix(X), LABELS)


OF_OUTPUTS = [
    ({}, {"out_activation": "softplus"}, "softplus"),
    ({}, {"loss": "gamma"}, "exp"),
    ({"loss": "gamma"}, {"loss": "huber"}, "identity"),
    ({"out_activation": "tanh"}, {"out_activation": None}, "identity"),
]


@pytest.mark.parametrize(("first", "then", "asked"), OF_OUTPUTS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_training_does_not_go_on_with_other_outputs_than_asked_for(first, then, asked, solver):
    y = np.arange(1.0, 1 + len(X))
    options = {**PARAMETERS, "activation": "relu", "solver": solver, "warm_start": True}
    model = MLPRegressor(**options | first).fit(X, y)
    with pytest.raises(ValueError, match=rf"ask for outputs of '{asked}', but training goes on"):
        model.set_params(**then).fit(X, y)
    assert model.set_params(warm_start=False).fit(X, y).out_activation_ == asked
