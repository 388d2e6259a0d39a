"""Random bits from counters: the same for the same counter and key, on every machine.

Source: J. Salmon, M. Moraes, R. Dror and D. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
2011, section 4.3: Philox4x32-10, ten rounds of two 32-bit products.
"""

from typing import Any

import numpy as np

HALF, LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
"""Bits of half a word, and those that it keeps."""
_M_0, _M_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W_0, _W_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


def philox(a: Any, b: Any, c: Any, d: Any, key: Any) -> Any:
    """Return the block of 128 bits that belongs to a counter, as two 64-bit words.

    Numba inlines it on either machine, NumPy computes whole arrays with it.

    Parameters
    ----------
    a, b, c, d : uint64
        The counter's words, below 2^32.
    key : uint64
        The paper's first key word in its upper half, the second in its lower half.

    Returns
    -------
    x, y : uint64
        The paper's first result word above its second, and its third above its fourth.

    Examples
    --------
    >>> import numpy as np
    >>> from gpubackprop.kernels.philox import philox
    >>> x, y = philox(*np.zeros(5, np.uint64))
    >>> f"{x:016x} {y:016x}"
    '6627e8d5e169c58d bc57ac4c9b00dbd8'
    """
    k, l = key >> HALF, key & LOW
    for _ in range(9):
        # b and d keep what a product has above 32 bits: only a's and c's lower halves are read
        p, q = _M_0 * (a & LOW), _M_1 * (c & LOW)
        a, b, c, d = (q >> HALF) ^ b ^ k, q, (p >> HALF) ^ d ^ l, p
        k, l = k + _W_0, l + _W_1
    p, q = _M_0 * (a & LOW), _M_1 * (c & LOW)
    return q ^ ((b ^ k) << HALF), p ^ ((d ^ l) << HALF)
