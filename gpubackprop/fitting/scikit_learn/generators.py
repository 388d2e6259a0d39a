"""Generators of random numbers, as `check_random_state` makes them of seeds, without the detour.

NumPy's `RandomState(seed)` first seeds itself with words that it asks the operating system for and
mixes, which takes most of its time, and then by the seed, which alone counts.
"""

import pickle
from functools import cache
from typing import Any

import numpy as np
from numpy.random import MT19937, RandomState
from numpy.random.bit_generator import ISeedSequence
from sklearn.utils import check_random_state


class _Zeros(ISeedSequence):
    """Words for a generator that gets its seed next."""

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        """Return zeros, in a list, which NumPy reads soonest."""
        return [0] * n_words


def generator(seed: Any) -> Any:
    """Make a generator of a seed as `check_random_state` does."""
    whole = isinstance(seed, int | np.integer)
    return _seeded(seed) if whole and _is_understood() else check_random_state(seed)


def _seeded(seed: Any) -> RandomState:
    made = RandomState(MT19937(_Zeros()))  # type: ignore[arg-type]
    made.seed(seed)
    return made


@cache
def _is_understood() -> bool:
    """Whether this NumPy takes the words, and a generator holds no trace of them."""
    try:
        return pickle.dumps(_seeded(1)) == pickle.dumps(RandomState(1))
    except Exception:
        return False
