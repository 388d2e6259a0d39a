"""Blocks of rows in a random order, and their rows asked for before they are needed."""

import mmap

import numpy as np
import pytest

from gpubackprop.algorithm.memory import HOST
from gpubackprop.training import block_order
from gpubackprop.training.batches import Resident, Streamed
from gpubackprop.training.read_ahead import read_ahead
from tests.device_memory import StandInMemory


@pytest.mark.parametrize("row_bytes", [1, 160, 511.5, 512, 1 << 18, 1 << 20])
def test_a_block_is_a_power_of_two_of_rows(row_bytes):
    rows = block_order.block_rows(row_bytes)
    assert rows.bit_count() == 1
    assert rows == 1 or rows * row_bytes <= 1 << 18
    assert 2 * rows * row_bytes > 1 << 18


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize(("n", "block"), [(1003, 8), (37, 1), (24, 8), (5, 8)])
def test_rows_are_mixed_within_windows_of_whole_blocks(monkeypatch, n, block, held_out):
    monkeypatch.setattr(block_order, "WINDOW", 3)
    rows = np.arange(0, 2 * n, 2) if held_out else np.arange(n)
    generator, orders = np.random.RandomState(0), []
    for _ in range(2):
        orders.append(np.empty(n, np.int64))
        block_order.draw(orders[-1], rows if held_out else None, block, generator)
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), rows)
        of_block = np.searchsorted(rows, order) // block
        blocks = list(dict.fromkeys(of_block.tolist()))  # as they come first
        start = 0
        for first in range(0, len(blocks), 3):
            window = set(blocks[first : first + 3])
            end = start + int(np.isin(of_block, list(window)).sum())
            assert set(of_block[start:end]) == window
            start = end
        if n > 3 * block:
            assert sorted(blocks[:3]) != [0, 1, 2]
        if n > block > 1:
            assert np.count_nonzero(np.diff(of_block)) >= 2 * len(blocks)  # mixed
    assert not np.array_equal(*orders)


class Told(mmap.mmap):
    """A mapping that keeps the bytes that were asked for."""

    def madvise(self, option, start, length):
        assert option == mmap.MADV_WILLNEED
        assert length <= block_order.BLOCK_BYTES
        self.asked.append((start, start + length))
        super().madvise(option, start, length)


ROWS, COLUMNS, HEAD = 4096, 32, 3
"""Of a matrix in a file, which begins after some rows of something else."""


@pytest.fixture
def told(tmp_path, monkeypatch):
    """A mapped matrix of 256 blocks of 16 rows, 64 of which are a window; its mapping."""
    monkeypatch.setattr(block_order, "BLOCK_BYTES", 4096)
    monkeypatch.setattr(block_order, "WINDOW", 64)
    path = tmp_path / "rows"
    np.random.default_rng(0).standard_normal((HEAD + ROWS, COLUMNS)).tofile(path)
    with path.open("rb") as file:
        mapping = Told(file.fileno(), 0, access=mmap.ACCESS_READ)
    mapping.asked = []
    return np.frombuffer(mapping).reshape(-1, COLUMNS)[HEAD:], mapping


@pytest.mark.parametrize("feed", ["resident", "streamed"])
def test_rows_are_asked_for_a_window_ahead(told, feed):
    X, mapping = told
    ahead, batch_size = read_ahead(X), 100
    order, row = np.empty(ROWS, np.int64), X.strides[0]
    block_order.draw(order, None, 16, np.random.RandomState(0))
    if feed == "resident":
        fed = Resident(HOST, X, X[:, :1], None, ROWS, batch_size, ahead, epochs=1)
    else:
        fed = Streamed(StandInMemory(), X, X[:, :1], None, 1100, ahead)
    asked, start = np.zeros(HEAD * row + X.nbytes, dtype=int), 0
    for window, rows in fed.windows(order):
        for first, end in mapping.asked:
            asked[first:end] += 1
        mapping.asked.clear()
        assert rows == min(1100, ROWS - start)  # a window, in whole batches
        of_row = asked[HEAD * row :].reshape(ROWS, row).min(axis=1)
        assert of_row[order[: start + 2 * rows]].all()
        later = of_row[order[start + 2 * rows + 1100 :]]
        assert np.count_nonzero(later) <= 0.3 * len(later)  # neighbours, on a page
        if feed == "streamed":
            sent = fed.sources[window].X[:rows]
            np.testing.assert_array_equal(sent, X[order[start : start + rows]])
        start += rows
    assert start == ROWS
    assert asked.mean() < 2.5


def test_rows_in_memory_are_not_asked_for(told):
    X, _ = told
    for rows in (np.array(X), np.asfortranarray(X), X[:, 1:]):
        assert read_ahead(rows) is None
    assert read_ahead(np.asarray(X[5:])) is not None
