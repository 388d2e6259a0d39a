"""Where the BLAS of the compiled backend comes from: SciPy's, or what `GPUBACKPROP_BLAS` names.

One library serves a process as long as it lives: recorded calls hold the addresses of its routines.
"""

import ctypes
import os
import site
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

VARIABLE = "GPUBACKPROP_BLAS"

ONE = {np.dtype(np.float32): 0x3F800000, np.dtype(np.float64): 0x3FF0000000000000}
"""The bits of 1."""

_ROUTINES: Mapping[np.dtype[Any], str] = {
    np.dtype(np.float32): "sgemm",
    np.dtype(np.float64): "dgemm",
}
_SYMBOLS = ("{}_", "scipy_{}_", "{}_64_", "scipy_{}_64_", "{}64_")
"""What a Fortran routine may be called: of 32-bit integers first, then of 64-bit ones.

Integers are passed by the address of 64 bits whose upper half is 0, so both read them rightly.
"""
_MKL = ("lib/libmkl_rt.so*", "lib/libmkl_rt*.dylib", "Library/bin/mkl_rt*.dll")
"""Where pip and conda put it, below the folder that they install into."""


class Library(NamedTuple):
    """A BLAS in this process."""

    routines: Mapping[np.dtype[Any], int]
    """Address of sgemm and of dgemm, by their types."""
    file: str | None
    """The library that `GPUBACKPROP_BLAS` names; None for SciPy's."""


@cache
def library() -> Library:
    """Load the BLAS that is to be used, once.

    ValueError if `GPUBACKPROP_BLAS` names no library, or one that does not multiply matrices;
    RuntimeError if SciPy's BLAS has another signature than expected.
    """
    named = os.environ.get(VARIABLE)
    return _load(named) if named else Library({t: _scipy(r) for t, r in _ROUTINES.items()}, None)


def _load(named: str) -> Library:
    """Load and try what the variable names."""
    try:
        file = _installed_mkl() if named.lower() == "mkl" else Path(named).expanduser().absolute()
        loaded = ctypes.CDLL(str(file)) if file else None
    except (OSError, RuntimeError) as reason:  # RuntimeError: ~ of nobody
        raise _refused(named, str(reason)) from None
    if loaded is None:
        raise _refused(named, f"no {_MKL[0]} in {' or '.join(map(str, _folders()))}")
    routines = {dtype: _address(loaded, routine) for dtype, routine in _ROUTINES.items()}
    for dtype, routine in _ROUTINES.items():
        if not routines[dtype]:
            raise _refused(named, f"{file} has no {_SYMBOLS[0].format(routine)}")
        if not _multiplies(routines[dtype], dtype):
            raise _refused(named, f"{routine} of {file} computes a wrong product")
    return Library(routines, str(file))


def _refused(named: str, reason: str) -> ValueError:
    return ValueError(
        f"{VARIABLE}={named}: {reason}; it takes 'mkl', where 'pip install mkl' or conda has "
        "installed that, or the path of a BLAS library; SciPy's BLAS is used where it is not set"
    )


def _folders() -> list[Path]:
    """Where this Python's packages are installed, the environment's first."""
    return [Path(sys.prefix), Path(site.getuserbase())]


def _installed_mkl() -> Path | None:
    """Find MKL's one library that loads the others, the newest of several."""
    found = (sorted(folder.glob(name)) for folder in _folders() for name in _MKL)
    return next((files[-1] for files in found if files), None)


def _address(loaded: ctypes.CDLL, routine: str) -> int:
    """Address of a routine under one of the names that it may have, or 0."""
    functions = (getattr(loaded, symbol.format(routine), None) for symbol in _SYMBOLS)
    addresses = (ctypes.cast(f, ctypes.c_void_p).value for f in functions if f is not None)
    return next(addresses, None) or 0


def _multiplies(routine: int, dtype: np.dtype[Any]) -> bool:
    """Try a product of small integers, which are exact."""
    m, n, k = 2, 3, 4
    first = np.arange(1, 1 + k * m, dtype=dtype).reshape(k, m)
    second = np.arange(2, 2 + n * k, dtype=dtype).reshape(n, k)
    out = np.full((n, m), np.nan, dtype)
    words = np.array([ord("N"), m, n, k, ONE[dtype], 0], dtype=np.int64)
    plain, *sizes, alpha, beta = (words[i:].ctypes.data for i in range(len(words)))
    operands = first.ctypes.data, sizes[0], second.ctypes.data, sizes[2]
    gemm = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(routine)
    gemm(plain, plain, *sizes, alpha, *operands, beta, out.ctypes.data, sizes[0])
    return np.array_equal(out, (second[:, :, None] * first).sum(axis=1))


def _scipy(routine: str) -> int:
    """Address of a routine of the BLAS that SciPy was built with, which it exports."""
    from scipy.linalg import cython_blas

    capsule = cython_blas.__pyx_capi__[routine]
    name_of = ctypes.pythonapi.PyCapsule_GetName
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    signature = name_of(capsule)
    if signature is None or b"char *, char *, int *, int *, int *," not in signature:
        raise RuntimeError(f"SciPy's {routine} has an unknown signature: {signature!r}")
    return int(pointer_of(capsule, signature))
