"""Scores of held-out rows are scikit-learn's numbers, to the last bit."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.metrics import accuracy_score, r2_score

import gpubackprop
from gpubackprop.fitting.scikit_learn import scores

from .agreement import Array

RNG = np.random.RandomState(0)
WEIGHTS = [None, RNG.rand(50), RNG.rand(50).astype(np.float32), RNG.randint(0, 3, 50)]


@pytest.mark.parametrize("weight", WEIGHTS, ids=["none", "float64", "float32", "integers"])
@pytest.mark.parametrize(
    "labels",
    [
        RNG.randint(0, 4, 50),
        RNG.randint(0, 2, 50).astype(bool),
        np.array(["cat", "dog", "bird"])[RNG.randint(0, 3, 50)],
        np.array(["cat", "dog"], dtype=object)[RNG.randint(0, 2, 50)],
        RNG.randint(0, 3, 50).astype(np.float32),
        RNG.randint(0, 2, (50, 3)),
    ],
    ids=["integers", "booleans", "strings", "objects", "reals", "multilabel"],
)
def test_accuracy(labels: Array, weight: Array | None) -> None:
    predicted = labels.copy()
    predicted[::3] = labels[::-1][::3]
    expected = accuracy_score(labels, predicted, sample_weight=weight)
    assert 0 < expected < 1
    assert scores.accuracy(labels, predicted, weight) == expected


def test_accuracy_of_sparse_indicators() -> None:
    labels = RNG.randint(0, 2, (50, 3))
    predicted = labels.copy()
    predicted[::3, 0] ^= 1
    expected = accuracy_score(labels, predicted)
    sparse = [scipy.sparse.csr_matrix(each) for each in (labels, predicted)]
    assert scores.accuracy(*sparse) == expected


@pytest.mark.parametrize("weight", WEIGHTS, ids=["none", "float64", "float32", "integers"])
@pytest.mark.parametrize("predicted", [np.float32, np.float64])
@pytest.mark.parametrize("true", [np.float32, np.float64, np.int64, bool])
@pytest.mark.parametrize("outputs", [0, 1, 3])
def test_r2(outputs: int, true: Any, predicted: Any, weight: Array | None) -> None:
    shape = (50, outputs) if outputs else (50,)
    y = (10 * RNG.randn(*shape)).astype(true)
    y_hat = (y + 3 * RNG.randn(*shape)).astype(predicted)
    expected = r2_score(y, y_hat, sample_weight=weight)
    assert scores.r2(y, y_hat, weight) == expected
    if outputs == 1:  # as the regressor predicts one output
        assert scores.r2(y, y_hat[:, 0], weight) == expected


@pytest.mark.parametrize("error", [0.0, 1.0])
def test_r2_of_constant_targets(error: float) -> None:
    y = np.column_stack([np.ones(9), np.arange(9.0)])
    y_hat = y + np.array([error, 0.5])
    assert scores.r2(y, y_hat) == r2_score(y, y_hat)
    assert scores.r2(y[:, 0], y_hat[:, 0]) == r2_score(y[:, 0], y_hat[:, 0]) == 1 - error


def test_weights_that_sum_to_zero_are_refused() -> None:
    y, nothing = np.arange(4.0), np.zeros(4)
    for score in (scores.accuracy, scores.r2):
        with pytest.raises(ZeroDivisionError):
            score(y, y, nothing)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("method", ["_score", "_predict", "_forward_pass_fast"])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_a_subclass_scores_itself(name: str, method: str) -> None:
    """What a subclass makes of the scores is what early stopping sees, as with scikit-learn."""
    kind = getattr(gpubackprop, name)
    calls = 0

    def own(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        return getattr(kind, method)(self, *args, **kwargs)

    model = type("Own", (kind,), {method: own})(early_stopping=True, max_iter=3)
    model.fit(RNG.randn(50, 3), RNG.randint(0, 2, 50))
    assert calls == (6 if method == "_forward_pass_fast" else 3)  # score, and validation loss
