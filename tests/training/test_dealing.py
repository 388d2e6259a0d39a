"""Every row is computed by exactly one rank, in its place."""

import numpy as np
import pytest

from gpubackprop.distributed.thread_group import thread_groups
from gpubackprop.training.dealing import ELSEWHERE, Owners, Slices


def deals(kind, rows, size):
    owner = np.random.default_rng(3).integers(size, size=rows)
    for group in thread_groups(size):
        if kind == "slices":
            yield Slices(np.arange(rows), group)
        else:
            yield Owners(np.where(owner == group.index, np.arange(rows), ELSEWHERE), group)


@pytest.mark.parametrize("kind", ["slices", "owners"])
@pytest.mark.parametrize(("rows", "batch_size", "size"), [(23, 5, 2), (23, 5, 7), (4, 4, 3)])
def test_every_row_is_dealt_once(kind, rows, batch_size, size):
    order = np.random.default_rng(0).permutation(rows)
    seen = np.full(rows, ELSEWHERE)
    for deal in deals(kind, rows, size):
        dealt = deal.dealt(order, batch_size)
        batch = np.repeat(np.arange(len(dealt.counts)), dealt.counts)
        assert dealt.counts.max() <= deal.most(batch_size)
        at = batch * batch_size + dealt.place
        assert (seen[at] == ELSEWHERE).all()
        seen[at] = dealt.rows
    np.testing.assert_array_equal(seen, order)


def test_slices_differ_by_one_row_at_the_most():
    counts = [deal.dealt(np.arange(200), 64).counts for deal in deals("slices", 200, 3)]
    assert np.ptp(counts, axis=0).max() <= 1
