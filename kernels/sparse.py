"""Sparse examples: a CSR matrix as the primitives read it, and a mini-batch of its rows."""

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from .native.arguments import Array


@dataclass(frozen=True, eq=False)
class CSR:
    """A matrix in compressed sparse rows, in SciPy's terms; entries of one place add up."""

    data: Array
    """The entries, float32 or float64, (nnz,)."""
    indices: Array
    """Column of each entry, int32, (nnz,)."""
    indptr: Array
    """Where the entries of each row begin and the last row's end, int64, (n + 1,)."""
    columns: int
    """d."""

    @cached_property
    def array(self) -> Any:
        """The same numbers as a sparse array of SciPy's."""
        shape = len(self.indptr) - 1, self.columns
        made = import_module("scipy.sparse")  # not before: a fit of dense rows does without
        return made.csr_array((self.data, self.indices, self.indptr), shape=shape)

    @classmethod
    def of(cls, matrix: Any, dtype: Any) -> "CSR":
        """Read a sparse matrix or array of SciPy's, with entries of this dtype.

        CSR is read in place where its types are as above; another format is converted. ValueError
        if an index lies outside of the matrix: machine code would read past its arrays.
        """
        csr = matrix.tocsr()
        _require_inside(csr)
        return cls(
            np.ascontiguousarray(csr.data, dtype=dtype),
            np.ascontiguousarray(csr.indices, dtype=np.int32),
            np.ascontiguousarray(csr.indptr, dtype=np.int64),
            csr.shape[1],
        )


class SparseRows(NamedTuple):
    """A mini-batch: rows `order[cursor + i]` of a sparse matrix, read where they are."""

    matrix: CSR
    order: Array
    """(n,) int64."""
    cursor: Array
    """One int64."""

    def taken(self, rows: int) -> Any:
        """Copy the first rows of the mini-batch, as a sparse array of SciPy's."""
        start = self.cursor[0]
        return self.matrix.array[self.order[start : start + rows]]


def _require_inside(csr: Any) -> None:
    """Raise ValueError if a row's entries or their columns lie outside of the matrix."""
    (n, d), indptr, entries = csr.shape, csr.indptr, len(csr.indices)
    rising = len(indptr) == n + 1 and indptr[0] == 0 and bool(np.all(indptr[1:] >= indptr[:-1]))
    if not rising or indptr[-1] > min(entries, len(csr.data)):
        raise ValueError(f"X.indptr must rise from 0 to at most the {entries} entries of sparse X")
    if entries and not 0 <= csr.indices.min() <= csr.indices.max() < d:
        raise ValueError(
            f"X.indices must be from 0 to {d - 1}, the columns of sparse X, got "
            f"{csr.indices.min()} to {csr.indices.max()}"
        )
