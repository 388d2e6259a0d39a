"""`shuffle="blocks"`: rows of a file in an order that a disk reads quickly."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from gpubackprop import MLPClassifier, MLPRegressor
from gpubackprop.fitting.engines import kept
from gpubackprop.training import block_order
from gpubackprop.training.read_ahead import ReadAhead

from .agreement import Array, assert_bitwise_equal

DIGITS, LABELS = load_digits(return_X_y=True)
SMALL: dict[str, Any] = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0}


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch, orders_run: list[Array]) -> list[Array]:
    """Orders of the epochs, of blocks of 16 rows of the digits, 8 of which are a window."""
    monkeypatch.setattr(block_order, "BLOCK_BYTES", 16 * DIGITS.itemsize * 64)
    monkeypatch.setattr(block_order, "WINDOW", 8)
    return orders_run


def fitted(X: Any, **params: Any) -> Any:
    model = MLPClassifier(**{**SMALL, "shuffle": "blocks", **params})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, LABELS)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_file_trains_as_memory_does(
    early_stopping: bool, orders: list[Array], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "X.npy", DIGITS)
    mapped, asked = np.load(tmp_path / "X.npy", mmap_mode="r"), []
    monkeypatch.setattr(ReadAhead, "ask_for", lambda ahead, rows: asked.append(rows.copy()))
    monkeypatch.setattr(kept, "MAX_BYTES", -1)  # an engine that is kept copies its rows
    params = {"early_stopping": early_stopping, "batch_size": 50}
    plain, read = fitted(DIGITS, **params), fitted(mapped, **params)
    assert_bitwise_equal(plain, read)
    np.testing.assert_array_equal(np.concatenate(asked), np.concatenate(orders[3:]))
    first, second, *_ = orders
    rows = np.sort(first)
    np.testing.assert_array_equal(rows, np.sort(second))
    assert len(rows) == (1617 if early_stopping else 1797)
    window = first[:113]  # the last block, which may be in it, has one row
    assert len(np.unique(np.searchsorted(rows, window) // 16)) == 8
    assert not np.array_equal(first, second)


def test_sparse_rows_have_blocks_of_their_mean_size(orders: list[Array]) -> None:
    entries = scipy.sparse.csr_array(DIGITS)
    block_order.BLOCK_BYTES = 5 * (12 * entries.nnz // len(DIGITS) + 4)
    fitted(entries)
    assert len(np.unique(orders[0][:32] // 4)) == 8


def test_partial_fit_takes_blocks_of_what_it_is_given(orders: list[Array]) -> None:
    model = MLPClassifier(**SMALL, shuffle="blocks")
    model.partial_fit(DIGITS[:512], LABELS[:512], classes=np.arange(10))
    assert len(np.unique(orders[0][:128] // 16)) == 8


class WithOwnSteps(MLPRegressor):
    """Has scikit-learn's code train it."""

    def _backprop(self, *arguments: Any) -> Any:
        return super()._backprop(*arguments)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (MLPRegressor(shuffle="block"), r"a str among \{'blocks'\}\. Got 'block' instead"),
        (MLPRegressor(shuffle="blocks", solver="lbfgs"), "shuffle='blocks': the solver 'lbfgs'"),
        (WithOwnSteps(shuffle="blocks"), "no such order; use True or False"),
    ],
)
def test_where_it_has_no_meaning_it_is_refused(model: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        model.fit(DIGITS, LABELS)
