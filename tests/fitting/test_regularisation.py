"""Dropout and label smoothing of the estimators: their masks, their targets, what they refuse."""

import pickle

import numpy as np
import pytest
from scipy.special import xlogy
from sklearn.base import clone

import gpubackprop
from gpubackprop import MLPClassifier, MLPRegressor

from .agreement import assert_bitwise_equal

rng = np.random.default_rng(5)
X = rng.standard_normal((60, 6))
THREE, TWO = rng.integers(3, size=60), rng.integers(2, size=60)
SEVERAL = rng.integers(2, size=(60, 3))
SMALL = {"hidden_layer_sizes": (8, 6), "batch_size": 20, "random_state": 3}


pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer", "ignore:lbfgs failed")


def fitted(y=THREE, epochs=3, estimator=MLPClassifier, **parameters):
    return estimator(max_iter=epochs, **{**SMALL, **parameters}).fit(X, y)


# dropout


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_the_seed_decides_what_is_dropped(estimator):
    one = fitted(estimator=estimator, dropout=0.4)
    assert_bitwise_equal(one, fitted(estimator=estimator, dropout=(0.0, 0.4, 0.4)))
    assert one.loss_curve_ != fitted(estimator=estimator).loss_curve_
    reference = fitted(estimator=estimator, dropout=0.4, backend="reference")
    np.testing.assert_allclose(one.loss_curve_, reference.loss_curve_, rtol=1e-12)


@pytest.mark.parametrize("generator", [int, np.random.RandomState])
def test_the_draws_of_scikit_learn_stay_what_they_are(generator, orders_run):
    """The rows that are held out and the order of every epoch are the same without dropout.

    The generator's last state would not tell: two streams of shuffles fall into step again.
    """
    for dropout in (0.0, 0.5):
        fitted(epochs=2, random_state=generator(3), early_stopping=True, dropout=dropout)
    np.testing.assert_array_equal(orders_run[:2], orders_run[2:])
    assert not np.array_equal(orders_run[0], orders_run[1])


def test_partial_fit_and_warm_start_go_on_with_new_masks():
    """Without shuffling, epochs one by one are the epochs of one fit."""
    settings = {"dropout": 0.4, "shuffle": False}
    whole = fitted(epochs=4, **settings)
    stream, warm = MLPClassifier(**SMALL, **settings), fitted(epochs=2, warm_start=True, **settings)
    for _ in range(4):
        stream.partial_fit(X, THREE, classes=[0, 1, 2])
        stream = pickle.loads(pickle.dumps(stream))
    np.testing.assert_allclose(stream.loss_curve_, whole.loss_curve_, rtol=1e-13)
    warm.fit(X, THREE)
    np.testing.assert_allclose(warm.loss_curve_[2], whole.loss_curve_[2], rtol=0.3)
    assert warm.t_ == whole.t_ == 240
    assert warm._dropout_key == whole._dropout_key


def test_a_fit_anew_begins_with_the_masks_of_the_first():
    model = fitted(dropout=0.4)
    again = pickle.loads(pickle.dumps(model))
    again.fit(X, THREE)
    assert_bitwise_equal(model, again)
    assert_bitwise_equal(model, fitted(dropout=0.4))
    assert clone(model).get_params()["dropout"] == 0.4


def test_a_kept_engine_takes_the_masks_of_its_next_fit():
    """`partial_fit` of another model with the same shapes has masks of its own."""
    one, another = (MLPClassifier(**SMALL, dropout=0.4) for _ in range(2))
    for _ in range(2):
        one.partial_fit(X, THREE, classes=[0, 1, 2])
    for _ in range(2):
        another.partial_fit(X, THREE, classes=[0, 1, 2])
        another.coefs_ = [W.copy() for W in another.coefs_]
    assert_bitwise_equal(one, another)


def test_predictions_drop_nothing():
    model = fitted(dropout=(0.5, 0.5, 0.5))
    plain = MLPClassifier(**SMALL)
    vars(plain).update({k: v for k, v in vars(model).items() if k != "dropout"})
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))
    many = np.tile(X, (20, 1))
    np.testing.assert_allclose(model.predict_proba(many)[:60], model.predict_proba(X), rtol=1e-12)


# label smoothing


def smoothed_log_loss(model, Y, s):
    """The loss by its formula, with Keras's targets, on scikit-learn's probabilities."""
    P = model.predict_proba(X)
    if Y.shape[1] > 1 and model.out_activation_ == "softmax":
        T = Y * (1 - s) + s / Y.shape[1]
        return -xlogy(T, P).sum() / len(X)
    P = P[:, 1:] if Y.shape[1] == 1 else P
    T = Y * (1 - s) + 0.5 * s
    return -(xlogy(T, P) + xlogy(1 - T, 1 - P)).sum() / len(X)


@pytest.mark.parametrize(
    ("y", "Y"),
    [(THREE, np.eye(3)[THREE]), (TWO, TWO[:, None]), (SEVERAL, SEVERAL)],
    ids=["softmax", "binary", "multilabel"],
)
@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_the_loss_is_that_of_smoothed_targets(y, Y, solver):
    """The loss of one full batch belongs to weights that the step hardly changes."""
    settings = {"label_smoothing": 0.2, "alpha": 0.0, "solver": solver, "batch_size": 60}
    model = fitted(y, 1 if solver == "sgd" else 20, learning_rate_init=1e-12, **settings)
    np.testing.assert_allclose(model.loss_, smoothed_log_loss(model, Y, 0.2), rtol=1e-9)
    assert set(np.unique(model.predict(X))) <= set(np.unique(y))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_smoothed_weights_are_learnt_by_partial_fit_too(early_stopping):
    whole = fitted(label_smoothing=0.3, shuffle=False, early_stopping=early_stopping)
    assert whole.loss_curve_ != fitted(shuffle=False, early_stopping=early_stopping).loss_curve_
    if not early_stopping:
        stream = MLPClassifier(**SMALL, label_smoothing=0.3, shuffle=False)
        for _ in range(3):
            stream.partial_fit(X, THREE, classes=[0, 1, 2])
        np.testing.assert_allclose(stream.loss_curve_, whole.loss_curve_, rtol=1e-13)


# refusals


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"dropout": 1.0}, "dropout must be of numbers from 0 to below 1, got 1.0"),
        ({"dropout": (0.5, 0.5)}, r"dropout must have 3 rates, .* got \(0.5, 0.5\)"),
        ({"dropout": 0.5, "hidden_layer_sizes": ()}, "the network has none"),
        ({"dropout": 0.5, "solver": "lbfgs"}, "dropout=0.5: the solver 'lbfgs'"),
        ({"label_smoothing": 1.0}, "label_smoothing must be from 0 to below 1, got 1.0"),
        ({"label_smoothing": "0.1"}, "label_smoothing must be from 0 to below 1, got '0.1'"),
    ],
)
def test_what_has_no_meaning_is_refused(parameters, told):
    with pytest.raises(ValueError, match=told):
        fitted(**parameters)


def test_a_regressor_has_no_labels_to_smooth():
    with pytest.raises(TypeError, match="label_smoothing"):
        MLPRegressor(label_smoothing=0.1)


class OwnBackprop(gpubackprop.MLPClassifier):
    def _backprop(self, *arguments):
        return super()._backprop(*arguments)


@pytest.mark.parametrize("parameters", [{"dropout": (0.0, 0.5, 0.0)}, {"label_smoothing": 0.1}])
def test_scikit_learns_own_code_cannot_do_it(parameters):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"{name}=.* scikit-learn's own code runs, which has no"):
        OwnBackprop(**SMALL, **parameters).fit(X, THREE)
