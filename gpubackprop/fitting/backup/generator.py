"""The state of NumPy's random numbers, in what JSON holds."""

from typing import Any

import numpy as np

_WORDS = 624
"""Numbers in the state of a Mersenne Twister."""


def state_of(generator: np.random.RandomState) -> list[Any]:
    """Read a generator's state; ValueError unless it is a Mersenne Twister, NumPy's own choice."""
    kind = generator.get_state(legacy=False)["bit_generator"]
    if kind != "MT19937":
        raise ValueError(
            f"random_state draws from {kind}, of which no backup is made; give a seed or "
            "np.random.RandomState(seed)"
        )
    _, keys, position, has_gauss, gauss = generator.get_state(legacy=True)
    return [np.asarray(keys).tolist(), int(position), int(has_gauss), float(gauss)]


def set_state(generator: np.random.RandomState, state: Any) -> None:
    """Set a generator's state; ValueError for a wrong one: NumPy would read past its end."""
    keys, position, has_gauss, gauss = state
    whole = [*keys, position, has_gauss]
    if not all(type(each) is int for each in whole) or type(gauss) is not float:
        raise ValueError("a generator's state is made of numbers")
    if not (
        len(keys) == _WORDS and 0 <= position <= _WORDS and 0 <= min(keys) <= max(keys) < 2**32
    ):
        raise ValueError("a generator's state is out of range")
    generator.set_state(("MT19937", np.array(keys, np.uint32), position, has_gauss, gauss))
