"""A seed's generator is the one that scikit-learn makes of it, to the last bit."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.utils import check_random_state

from gpubackprop.fitting.scikit_learn import generators

SEEDS = [0, 1, 2**31, 2**32 - 1, True, np.int64(5), np.uint8(7)]


def refusal(make: Callable[[Any], Any], seed: Any) -> tuple[Any, str]:
    with pytest.raises(Exception, match=r".") as caught:
        make(seed)
    return caught.type, str(caught.value)


def assert_same(mine: Any, expected: Any) -> None:
    assert type(mine) is type(expected)
    assert pickle.dumps(mine) == pickle.dumps(expected)
    np.testing.assert_array_equal(mine.standard_normal(7), expected.standard_normal(7))
    np.testing.assert_array_equal(mine.permutation(9), expected.permutation(9))
    assert pickle.dumps(mine) == pickle.dumps(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_of_a_seed(seed: Any) -> None:
    assert generators._is_understood()
    assert_same(generators.generator(seed), check_random_state(seed))


def test_each_seed_has_one_of_its_own() -> None:
    first, second = generators.generator(3), generators.generator(3)
    first.rand(5)
    assert_same(second, check_random_state(3))


def test_what_is_no_seed_is_taken_as_scikit_learn_takes_it() -> None:
    own = np.random.RandomState(0)
    assert generators.generator(own) is own
    assert generators.generator(None) is check_random_state(None)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, "zero", np.random.default_rng(0)])
def test_a_wrong_seed_is_refused_in_scikit_learns_words(seed: Any) -> None:
    assert refusal(generators.generator, seed) == refusal(check_random_state, seed)


@pytest.mark.parametrize("words", [[1, 2], "words", None])
def test_a_numpy_that_reads_other_words_makes_it_by_itself(
    words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generators._Zeros, "generate_state", lambda *_: words)
    generators._is_understood.cache_clear()
    try:
        assert_same(generators.generator(3), check_random_state(3))
        assert not generators._is_understood()
    finally:
        generators._is_understood.cache_clear()


def test_a_numpy_that_keeps_the_words_makes_it_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generators, "_seeded", lambda seed: np.random.RandomState(seed + 1))
    generators._is_understood.cache_clear()
    try:
        assert_same(generators.generator(3), check_random_state(3))
    finally:
        generators._is_understood.cache_clear()
