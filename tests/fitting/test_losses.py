"""Losses that scikit-learn's perceptrons do not have."""

import pickle

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network
from scipy.special import expit
from sklearn.base import clone
from sklearn.metrics import d2_pinball_score
from sklearn.model_selection import GridSearchCV

from gpubackprop import MLPClassifier, MLPRegressor

rng = np.random.default_rng(0)
X = rng.standard_normal((120, 3))
NOISE = rng.standard_normal(120) * (1 + np.abs(X[:, 1]))
Y = X[:, 0] + NOISE / 2
LABELS, THREE = (Y > 0).astype(int), np.digitize(Y, [-0.5, 0.5])
WEIGHT = rng.uniform(0.5, 2, 120)
SMALL = {"hidden_layer_sizes": (6,), "activation": "tanh", "random_state": 0, "alpha": 0.0}
pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer", "ignore:lbfgs failed")


def pinball(r, level):
    return np.maximum(level * -r, (1 - level) * r)


# PyTorch's documentation (L1Loss, HuberLoss) and scikit-learn's (pinball loss, gamma deviance)
LOSSES = {
    "absolute_error": ({}, Y, lambda a, y: np.abs(a - y)),
    "huber": (
        {"huber_delta": 0.4},
        Y,
        lambda a, y: np.where(abs(a - y) < 0.4, (a - y) ** 2 / 2, 0.4 * (abs(a - y) - 0.2)),
    ),
    "log_cosh": ({}, Y, lambda a, y: np.log(np.cosh(a - y))),
    "gamma": ({}, np.exp(Y), lambda a, y: y / a - np.log(y / a) - 1),
    "quantile": (
        {"quantile": [0.9, 0.2]},
        Y,
        lambda a, y: pinball(a[:, 0] - y, 0.9) + pinball(a[:, 1] - y, 0.2),
    ),
}


def of(name, **parameters):
    """A regressor of small width with the loss, its targets and its loss of each example."""
    constants, y, loss = LOSSES[name]
    return MLPRegressor(name, **SMALL | constants | parameters), y, loss


def mean_loss(model, y, loss, weight=None):
    """Loss of the network's outputs, by the formulas."""
    hidden = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    a = hidden @ model.coefs_[1] + model.intercepts_[1]
    a = np.exp(a) if model.loss == "gamma" else a
    a = a.ravel() if a.shape[1] == 1 else a
    return np.average(loss(a, y), weights=weight)


@pytest.mark.parametrize("backend", ["reference", "compiled"])
@pytest.mark.parametrize("name", LOSSES)
def test_one_step_is_down_the_gradient_of_the_formula(name, backend):
    """Against central differences of the weighted loss, in float64."""
    step = {"solver": "sgd", "momentum": 0, "max_iter": 1, "batch_size": 120, "backend": backend}
    model, y, loss = of(name, **step, learning_rate_init=1e-3)
    moved = model.fit(X, y, WEIGHT)
    start = clone(model).set_params(learning_rate_init=1e-300).fit(X, y, WEIGHT)
    assert start.loss_ == pytest.approx(mean_loss(start, y, loss, WEIGHT), rel=1e-10)
    for W, after in zip(
        [*start.coefs_, *start.intercepts_], [*moved.coefs_, *moved.intercepts_], strict=True
    ):
        before, found = W.flat[0], (W.flat[0] - after.flat[0]) / 1e-3
        losses = []
        for shift in (1e-6, -1e-6):
            W.flat[0] = before + shift
            losses.append(mean_loss(start, y, loss, WEIGHT))
        W.flat[0] = before
        assert found == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_lbfgs_minimises_it_on_both_backends_alike(name):
    fits = [of(name, solver="lbfgs", backend=b, max_iter=12) for b in ("reference", "compiled")]
    one, another = (model.fit(X, y) for model, y, _ in fits)
    assert one.loss_ == pytest.approx(another.loss_, rel=1e-6)
    assert one.loss_ == pytest.approx(mean_loss(one, *fits[0][1:]), rel=1e-9)
    first = clone(one).set_params(max_iter=1).fit(X, fits[0][1])
    assert one.loss_ < first.loss_


@pytest.mark.parametrize("name", LOSSES)
def test_streams_searches_copies_and_validation(name):
    model, y, loss = of(name, learning_rate_init=0.01)
    again = pickle.loads(pickle.dumps(clone(model).partial_fit(X, y).partial_fit(X, y)))
    assert again.loss_curve_[1] < again.loss_curve_[0]
    watched = clone(model).set_params(max_iter=3).fit(X, y, X_val=X, y_val=y)
    assert watched.validation_loss_curve_[-1] == pytest.approx(mean_loss(watched, y, loss))
    stopped = clone(model).set_params(early_stopping=True, max_iter=30).fit(X, y)
    assert np.isfinite(stopped.best_validation_score_)


def test_a_search_over_losses_and_activations():
    grid = [
        {"loss": ["huber"], "huber_delta": [0.5, 2.0]},
        {"loss": ["absolute_error"], "activation": ["gelu", ["elu"]], "out_activation": ["selu"]},
    ]
    search = GridSearchCV(MLPRegressor(**SMALL, max_iter=5), grid, cv=2, error_score="raise")
    scores = search.fit(X, Y).cv_results_["mean_test_score"]
    assert len(set(scores)) == 4


def test_quantiles_cover_what_they_say_and_do_not_cross_when_sorted():
    model, _, _ = of("quantile", solver="lbfgs", max_iter=300)
    model.fit(X, Y)
    upper, lower = model.predict(X).T
    assert np.mean(upper > Y) == pytest.approx(0.9, abs=0.05)
    assert np.mean(lower > Y) == pytest.approx(0.2, abs=0.05)
    each = d2_pinball_score(Y, upper, alpha=0.9), d2_pinball_score(Y, lower, alpha=0.2)
    assert model.score(X, Y) == pytest.approx(np.mean(each))
    far = 30 * X
    crossed = model.predict(far)
    assert np.any(crossed[:, 0] < crossed[:, 1])
    in_order = model.set_params(sort_quantiles=True).predict(far)
    np.testing.assert_array_equal(in_order, np.sort(crossed, axis=1)[:, ::-1])
    model.set_params(quantile=0.5)
    with pytest.raises(ValueError, match=r"quantile=0\.5 has 1 levels, .* fitted with 2 outputs"):
        model.predict(far)


@pytest.mark.parametrize("y", [LABELS, THREE], ids=["two classes", "three"])
def test_focal_loss_with_gamma_0_is_the_log_loss(y):
    settings = {**SMALL, "max_iter": 10, "solver": "adam"}
    theirs = sklearn.neural_network.MLPClassifier(**settings).fit(X, y)
    for backend in ("reference", "compiled"):
        ours = MLPClassifier(**settings, loss="focal", focal_gamma=0.0, backend=backend).fit(X, y)
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)
        np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], atol=1e-9)


@pytest.mark.parametrize("gamma", [0.5, 3.0])
@pytest.mark.parametrize("y", [LABELS, THREE], ids=["two classes", "three"])
def test_focal_loss_is_its_formula_and_goes_down_its_gradient(y, gamma):
    step = {"solver": "sgd", "momentum": 0, "max_iter": 1, "batch_size": 120}
    model = MLPClassifier(
        **SMALL, **step, loss="focal", focal_gamma=gamma, learning_rate_init=1e-3
    ).fit(X, y)
    start = clone(model).set_params(learning_rate_init=1e-300).fit(X, y)

    def loss():
        z = np.tanh(X @ start.coefs_[0] + start.intercepts_[0]) @ start.coefs_[1]
        z = z + start.intercepts_[1]
        if z.shape[1] == 1:
            p = np.where(y == 1, expit(z[:, 0]), expit(-z[:, 0]))
        else:
            p = (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))[np.arange(120), y]
        return np.mean(-((1 - p) ** gamma) * np.log(p))

    assert start.loss_ == pytest.approx(loss(), rel=1e-10)
    for W, after in zip(start.coefs_, model.coefs_, strict=True):
        before, found = W[1, 0], (W[1, 0] - after[1, 0]) / 1e-3
        losses = []
        for shift in (1e-6, -1e-6):
            W[1, 0] = before + shift
            losses.append(loss())
        W[1, 0] = before
        assert found == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-5)


@pytest.mark.parametrize(
    ("parameters", "y", "words"),
    [
        (
            {"loss": "huber", "quantile": 0.3},
            Y,
            r"quantile=0.3 is of loss='quantile', got .*'huber'",
        ),
        ({"huber_delta": 2.0}, Y, r"huber_delta=2.0 is of loss='huber', got loss='squared_error'"),
        ({"loss": "quantile", "quantile": [0.1, 0.9]}, np.c_[Y, Y], r"y of one column, got 2"),
        ({"loss": "quantile", "quantile": [0.1, 0.1]}, Y, r"different ones, got \[0.1, 0.1\]"),
        ({"loss": "quantile", "quantile": 1.0}, Y, r"level between 0 and 1, .* got 1.0"),
        ({"quantile": np.array([0.1, 0.9])}, Y, r"quantile=array.* is of loss='quantile'"),
        ({"loss": "quantile", "quantile": ["a"]}, Y, r"quantile must be a level .* got \['a'\]"),
        ({"loss": "quantile", "quantile": [[0.1]]}, Y, r"quantile must be .* got \[\[0.1\]\]"),
        ({"loss": "quantile", "quantile": []}, Y, r"quantile must be a level .* got \[\]"),
        ({"sort_quantiles": True}, Y, r"sort_quantiles=True .* got loss='squared_error'"),
        ({"loss": "gamma"}, Y, r"loss='gamma' requires strictly positive y"),
        ({"loss": "gamma", "out_activation": "relu"}, Y, r"no formula with loss='gamma'; use None"),
        ({"loss": "huber", "huber_delta": 0.0}, Y, r"'huber_delta' parameter .* Got 0.0"),
        ({"loss": "hinge"}, Y, r"'loss' parameter .*'absolute_error'.* Got 'hinge'"),
        (
            {"loss": "huber", "solver": "lbfgs"},
            None,
            r"'huber': sparse X .* use one of poisson, squared_error$",
        ),
    ],
)
def test_what_has_no_meaning_is_refused(parameters, y, words):
    rows, y = (X, y) if y is not None else (scipy.sparse.csr_matrix(X), Y)
    with pytest.raises(ValueError, match=words):
        MLPRegressor(**SMALL | parameters).fit(rows, y)


def test_gamma_of_the_log_loss_is_refused():
    with pytest.raises(ValueError, match=r"focal_gamma=1.0 is of loss='focal'"):
        MLPClassifier(**SMALL, focal_gamma=1.0).fit(X, LABELS)
