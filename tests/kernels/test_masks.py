"""Dropout draws what Philox's published formula says, and drops what is drawn below its rate.

The formula is written in whole numbers here, for any word: for words of 64 bits it is NumPy's own
generator, for words of 32 it has Random123's published answers.
"""

from math import sqrt

import numpy as np
import pytest

from gpubackprop.kernels import reference
from gpubackprop.kernels.compiled import Primitives
from gpubackprop.kernels.masks import Mask
from gpubackprop.kernels.philox import philox

KEY = 0x299F31D0A4093822
CONSTANTS = {
    32: ((0xD2511F53, 0xCD9E8D57), (0x9E3779B9, 0xBB67AE85)),
    64: ((0xD2E7470EE14C6C93, 0xCA5A826395121157), (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)),
}
"""Multipliers and key increments of Philox4x32 and Philox4x64 (Salmon et al., 2011)."""

PUBLISHED = {
    (0, 0, 0, 0, 0, 0): (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    (0xFFFFFFFF,) * 6: (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0): (
        *(0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
}
"""Random123's `kat_vectors`, philox4x32 10: counter and key, result."""


def mask_of(rate, key=KEY, layer=1, seen=0, rows=64):
    """Mask of whole batches; `seen` is a number, or an array that the mask reads."""
    numbers = np.atleast_1d(np.asarray(seen, np.int64))
    return Mask(rate, key, layer, numbers, np.arange(rows), np.zeros(1, np.int64))


def by_the_paper(counter, key, bits=32):
    (m_0, m_1), (w_0, w_1) = CONSTANTS[bits]
    low = (1 << bits) - 1
    (a, b, c, d), (k, l) = counter, key
    for _ in range(10):
        p, q = m_0 * a, m_1 * c
        a, b, c, d = q >> bits ^ b ^ k, q & low, p >> bits ^ d ^ l, p & low
        k, l = k + w_0 & low, l + w_1 & low
    return a, b, c, d


@pytest.mark.parametrize(("given", "result"), PUBLISHED.items())
def test_philox_has_the_published_answers(given, result):
    *counter, k, l = given
    x, y = philox(*(np.array(word, np.uint64) for word in (*counter, k << 32 | l)))
    assert (x >> 32, x & 0xFFFFFFFF, y >> 32, y & 0xFFFFFFFF) == result
    assert by_the_paper(counter, (k, l)) == result


def test_the_formula_of_these_tests_is_numpys_generator():
    generator = np.random.Philox(key=KEY, counter=2**70 - 2)  # it counts before it draws
    counter = 2**70 - 1
    words = [counter >> shift & 2**64 - 1 for shift in (0, 64, 128, 192)]
    assert tuple(generator.random_raw(4).tolist()) == by_the_paper(words, (KEY, 0), 64)


def expected_draws(mask, rows, columns):
    drawn = np.empty((rows, columns), int)
    for i, j in np.ndindex(rows, columns):
        n = int(mask.seen[0]) + i
        counter = n >> 32, n & 0xFFFFFFFF, j // 8, mask.layer
        words = by_the_paper(counter, (mask.key >> 32, mask.key & 0xFFFFFFFF))
        places = [1, 0, 3, 2]  # of two words side by side, the second holds the lower bits
        drawn[i, j] = words[places[j % 8 // 2]] >> 16 * (j % 2) & 0xFFFF
    return drawn


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (3, 8), (33, 37), (2, 130)], ids=str)
def test_dropout(kernels, dtype, rng, shape, in_place):
    mask = mask_of(0.3, KEY, 2, 2**32 - 2)  # the examples' numbers pass into a second word
    A = rng.standard_normal(shape).astype(dtype)
    out = A.copy() if in_place else np.full(shape, np.nan, dtype)
    kernels.dropout(out if in_place else A, mask, out)
    threshold = round(0.3 * 65536)
    scaled = A * dtype.type(65536 / (65536 - threshold))
    kept = expected_draws(mask, *shape) >= threshold
    np.testing.assert_array_equal(out, np.where(kept, scaled, 0))
    np.testing.assert_array_equal((out == 0) & np.signbit(out), ~kept)


def test_dropout_delta(kernels, dtype, rng):
    """What was zero before is not taken for dropped, whatever its sign."""
    mask, zeros = mask_of(0.25, seen=3), np.zeros((2, 21, 10), dtype)
    A = rng.standard_normal((42, 10)).astype(dtype)
    A[:21], A[::2] = zeros[0], -np.abs(A[::2])  # a half of the zeros is -0
    dropped, delta = np.empty_like(A), rng.standard_normal(A.shape).astype(dtype)
    delta[5, 5], expected = np.nan, delta.copy()
    kernels.dropout(A, mask, dropped)
    kernels.dropout_delta(dropped, mask, delta)
    M = np.empty_like(A)
    kernels.dropout(np.ones_like(A), mask, M)
    np.testing.assert_array_equal(delta, np.where(M == 0, 0, expected * M))
    assert 0 < (M == 0).sum() < M.size / 2


@pytest.mark.parametrize(("rate", "kept"), [(0.0, True), (np.nextafter(1, 0), False)])
def test_the_ends_of_the_range(kernels, dtype, rate, kept):
    A, out = np.ones((2, 64, 16), dtype)
    kernels.dropout(A, mask_of(rate), out)
    np.testing.assert_array_equal(out, 1.0 if kept else 0.0)


def test_what_was_seen_decides_what_is_dropped(kernels, dtype):
    """A replayed call must see the counter move, and a part of a batch its own rows."""
    A, seen = np.ones((8, 24), dtype), np.array([100])
    whole, part = np.empty_like(A), np.empty_like(A[3:])
    kernels.dropout(A, mask_of(0.5, seen=seen), whole)
    seen += 3
    kernels.dropout(A[3:], mask_of(0.5, seen=seen), part)
    np.testing.assert_array_equal(part, whole[3:])
    assert (part[:3] != whole[:3]).any()


def test_places_decide_what_is_dropped_of_rows_that_are_no_whole_batch(kernels, dtype):
    """As where a rank computes some rows of each mini-batch."""
    A, mask = np.ones((8, 24), dtype), mask_of(0.5, seen=100)
    whole, some = np.empty_like(A), np.empty_like(A[:3])
    kernels.dropout(A, mask, whole)
    places = {"place": np.array([9, 9, 6, 1, 3]), "cursor": np.array([2])}
    kernels.dropout(A[:3], mask._replace(**places), some)
    np.testing.assert_array_equal(some, whole[[6, 1, 3]])


def test_threads_drop_what_one_drops(dtype):
    A, seen = np.ones((7, 24), dtype), np.array([5])
    one, several = np.empty_like(A), np.empty_like(A)
    mask = mask_of(0.5, seen=seen)
    reference.dropout(A, mask, one)
    for stage in Primitives(3).dropout(A, mask, several):
        assert len(stage.launches) == 3
        stage.run()
    np.testing.assert_array_equal(several, one)


# the masks as random numbers: all backends have these very bits

N = 512, 400


def kept(rate=0.2, key=KEY, layer=1, seen=0):
    out = np.empty(N)
    reference.dropout(np.ones(N), mask_of(rate, key, layer, seen, len(out)), out)
    return out


def deviation(count, p):
    """Standard deviations of the binomial distribution that a count lies from its mean."""
    n = N[0] * N[1]
    return abs(count - n * p) / sqrt(n * p * (1 - p))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_expectation_and_variance(rate):
    M = kept(rate)
    assert deviation(np.count_nonzero(M), 1 - rate) < 4
    np.testing.assert_allclose(M.max(), 1 / (1 - rate), rtol=1e-4)
    sigma = sqrt(rate / (1 - rate) / M.size)
    assert abs(M.mean() - 1) < 4 * sigma
    np.testing.assert_allclose(M.var(), rate / (1 - rate), rtol=0.02)


@pytest.mark.parametrize(
    "other",
    [{"layer": 2}, {"seen": N[0]}, {"seen": 2**32}, {"key": KEY + 1}, {"key": KEY ^ 1 << 62}],
    ids=str,
)
def test_steps_layers_and_seeds_are_independent(other):
    both = (kept() != 0) & (kept(**other) != 0)
    assert deviation(np.count_nonzero(both), 0.8**2) < 4


@pytest.mark.parametrize("shift", [(1, 0), (0, 1), (0, 4), (0, 8)], ids=str)
def test_neighbours_are_independent(shift):
    M = kept()
    both = (M != 0) & (np.roll(M, shift, (0, 1)) != 0)
    assert deviation(np.count_nonzero(both), 0.8**2) < 4
