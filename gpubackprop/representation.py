"""Texts that show arrays in a few words: a line each, with shape and first values."""

from collections.abc import Iterable
from typing import Any

_VALUES = 4
"""Of each array, at the most."""


def shown(title: str, arrays: Iterable[tuple[str, Any]], of_an_example: bool = False) -> str:
    """Write a title, and below it each array's name, shape and first values.

    Arrays, on a GPU or not, have one or two dimensions; None is one that other values were written
    over. Values are of the first row, of an example of the first column.

    Examples
    --------
    >>> import numpy as np
    >>> from gpubackprop.representation import shown
    >>> W, b = np.full((2, 9), 1 / 3), np.zeros(2)
    >>> print(shown("Arrays", [("W1", W), ("b1", b), ("b2", None)]))
    Arrays
      W1  (2, 9)  0.3333, 0.3333, 0.3333, 0.3333, ...
      b1  (2,)    0, 0
      b2          overwritten
    """
    rows = [(name, _shape(array), _values(array, of_an_example)) for name, array in arrays]
    names, shapes = (max(len(row[i]) for row in rows) for i in (0, 1))
    lines = (f"  {name:{names}}  {shape:{shapes}}  {values}" for name, shape, values in rows)
    return "\n".join((title, *lines))


def _shape(array: Any) -> str:
    return "" if array is None else str(tuple(array.shape))


def _values(array: Any, of_an_example: bool) -> str:
    if array is None:
        return "overwritten"
    first = array if array.ndim == 1 else array[:, 0] if of_an_example else array[0]
    # + 0.0 turns -0 into 0
    values = ", ".join(f"{float(value) + 0.0:.4g}" for value in first[:_VALUES])
    return values + ", ..." * (len(first) > _VALUES)
