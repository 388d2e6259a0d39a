"""The loops of a mini-batch as machine code: one factory each, called with the number type.

No loop allocates or raises, and sums are added up in the order written. Numba compiles what a
factory returns, and is imported where a loop is made.
"""

from typing import Any

import numpy as np

from . import blas
from .elementary import Scalar, exponential, inline, of_vectors
from .elementwise import dropping, error_of, loss_of, pull_back, sigma, sigma_and_slope
from .formulas import LOSSES, Activation, Loss
from .kernel import Kind, kernel
from .native.arguments import Array
from .philox import HALF, LOW, philox

MATRIX, STRIDED, CONVERTED, VECTOR = Kind.MATRIX, Kind.STRIDED, Kind.CONVERTED, Kind.VECTOR
INTEGERS, SHORTS, DOUBLES = Kind.INTEGERS, Kind.SHORTS, Kind.DOUBLES
INDICES = Kind.INDICES
DOUBLE, COUNT = Kind.DOUBLE, Kind.COUNT
FETCHED_AHEAD = 100
"""Rows between the one that is gathered and the one that the memory is asked for."""


@kernel(X=STRIDED, order=INTEGERS, cursor=INTEGERS, out=MATRIX)
def gather(real: Any) -> Scalar:
    """out_i = X[order[cursor + i]]; rows of the next batch are fetched as well."""
    from .native.intrinsics import fetch

    def kernel(X: Array, order: Array, cursor: Array, out: Array) -> None:
        start = cursor[0]
        columns = out.shape[1]
        if X.strides[1] == X.itemsize:  # known in this branch, so the copy becomes vector code
            for i in range(out.shape[0]):
                if start + i + FETCHED_AHEAD < order.shape[0]:
                    fetch(X, order[start + i + FETCHED_AHEAD])
                row = order[start + i]
                for j in range(columns):
                    out[i, j] = X[row, j]
        else:
            for i in range(out.shape[0]):
                row = order[start + i]
                for j in range(columns):
                    out[i, j] = X[row, j]

    return kernel


@kernel(X=CONVERTED, order=INTEGERS, cursor=INTEGERS, out=MATRIX)
def gather_converted(real: Any) -> Scalar:
    """out_i = X[order[cursor + i]], rounded to the type of out."""
    return gather.factory(real)


@kernel(
    data=VECTOR,
    indices=INDICES,
    indptr=INTEGERS,
    order=INTEGERS,
    cursor=INTEGERS,
    W=MATRIX,
    out=MATRIX,
)
def sparse_product(real: Any) -> Scalar:
    """out_i = sum of data_k W[indices_k] over the entries k of row order[cursor + i]."""
    zero = real(0)

    def kernel(
        data: Array,
        indices: Array,
        indptr: Array,
        order: Array,
        cursor: Array,
        W: Array,
        out: Array,
    ) -> None:
        for i in range(out.shape[0]):
            row = order[cursor[0] + i]
            for j in range(out.shape[1]):
                out[i, j] = zero
            for k in range(indptr[row], indptr[row + 1]):
                entry, column = data[k], indices[k]
                for j in range(out.shape[1]):
                    out[i, j] += entry * W[column, j]

    return kernel


@kernel(
    data=VECTOR,
    indices=INDICES,
    indptr=INTEGERS,
    order=INTEGERS,
    cursor=INTEGERS,
    delta=MATRIX,
    first=COUNT,
    grad_W=MATRIX,
)
def sparse_weight_grad(real: Any) -> Scalar:
    """grad_W = rows of A^T delta from `first` on, A being the rows order[cursor + i] of a CSR."""
    zero = real(0)

    def kernel(
        data: Array,
        indices: Array,
        indptr: Array,
        order: Array,
        cursor: Array,
        delta: Array,
        first: int,
        grad_W: Array,
    ) -> None:
        for c in range(grad_W.shape[0]):
            for j in range(grad_W.shape[1]):
                grad_W[c, j] = zero
        for i in range(delta.shape[0]):
            row = order[cursor[0] + i]
            for k in range(indptr[row], indptr[row + 1]):
                entry, column = data[k], indices[k] - first
                if 0 <= column < grad_W.shape[0]:
                    for j in range(grad_W.shape[1]):
                        grad_W[column, j] += entry * delta[i, j]

    return kernel


@kernel(counter=INTEGERS, amount=COUNT)
def advance(real: Any) -> Scalar:
    """counter += amount."""

    def kernel(counter: Array, amount: int) -> None:
        counter[0] += amount

    return kernel


@kernel(share=MATRIX, alpha=DOUBLE, decay=DOUBLES)
def normalize(real: Any) -> Scalar:
    """share /= sum(share), decay = alpha / sum(share)."""

    def kernel(share: Array, alpha: float, decay: Array) -> None:
        total = 0.0
        for i in range(share.shape[0]):
            total += share[i, 0]
        decay[0] = alpha / total
        for i in range(share.shape[0]):
            share[i, 0] = real(share[i, 0] / total)

    return kernel


@kernel(A=MATRIX, b=VECTOR)
def activate(real: Any, activation: Activation) -> Scalar:
    """A = sigma(A + b), in place, for an element-wise activation."""
    of = of_vectors(real)
    rate = activation is Activation.EXP  # which may overflow
    formula = sigma(real, activation, of._replace(exp=np.exp) if rate else of)

    def kernel(A: Array, b: Array) -> None:
        for i in range(A.shape[0]):
            for j in range(A.shape[1]):
                A[i, j] = formula(A[i, j] + b[j])

    return kernel


@kernel(Z=MATRIX, b=VECTOR, out=MATRIX)
def activate_and_slope(real: Any, activation: Activation) -> Scalar:
    """out = sigma(Z + b) and Z = sigma'(Z + b), in one pass, where sigma' is written with Z."""
    both = sigma_and_slope(real, activation, of_vectors(real))

    def kernel(Z: Array, b: Array, out: Array) -> None:
        for i in range(Z.shape[0]):
            for j in range(Z.shape[1]):
                out[i, j], Z[i, j] = both(Z[i, j] + b[j])

    return kernel


@kernel(A=MATRIX, b=VECTOR, flat=VECTOR)
def softmax(real: Any) -> Scalar:
    """A = softmax(A + b), in place; `flat` is A, all rows in one.

    A row at a time but for exp, which runs over all elements at once: rows are often short.
    """
    exp = exponential(real)
    zero, one = real(0), real(1)

    def kernel(A: Array, b: Array, flat: Array) -> None:
        for i in range(A.shape[0]):
            top = A[i, 0] + b[0]
            for j in range(A.shape[1]):
                z = A[i, j] + b[j]
                A[i, j] = z
                top = z if z > top else top
            for j in range(A.shape[1]):
                A[i, j] -= top
        for k in range(flat.shape[0]):
            flat[k] = exp(flat[k])
        for i in range(A.shape[0]):
            total = zero
            for j in range(A.shape[1]):
                total += A[i, j]
            scale = one / total
            for j in range(A.shape[1]):
                A[i, j] *= scale

    return kernel


@kernel(parts=DOUBLES, total=DOUBLES)
def collect(real: Any) -> Scalar:
    """total += sum(parts), parts = 0."""

    def kernel(parts: Array, total: Array) -> None:
        for i in range(parts.shape[0]):
            total[0] += parts[i]
            parts[i] = 0.0

    return kernel


@kernel(A=MATRIX, out=MATRIX)
def add(real: Any) -> Scalar:
    """out += A."""

    def kernel(A: Array, out: Array) -> None:
        for i in range(A.shape[0]):
            for j in range(A.shape[1]):
                out[i, j] += A[i, j]

    return kernel


@kernel(A=MATRIX, out=MATRIX)
def copy(real: Any) -> Scalar:
    """out = A."""

    def kernel(A: Array, out: Array) -> None:
        for i in range(A.shape[0]):
            for j in range(A.shape[1]):
                out[i, j] = A[i, j]

    return kernel


@kernel(
    A=MATRIX,
    threshold=COUNT,
    scale=DOUBLE,
    key=COUNT,
    layer=COUNT,
    seen=INTEGERS,
    place=INTEGERS,
    cursor=INTEGERS,
    first=COUNT,
    words=INTEGERS,
    draws=SHORTS,
)
def dropout(real: Any) -> Scalar:
    """A = A (.) M, in place, for the rows from `first` on; `draws` is `words`, a row's random bits.

    All of a row's bits come first, at once: then both loops become vector code.
    """
    block, (marked, _) = inline(philox), dropping(real)

    def kernel(
        A: Array,
        threshold: int,
        scale: float,
        key: int,
        layer: int,
        seen: Array,
        place: Array,
        cursor: Array,
        first: int,
        words: Array,
        draws: Array,
    ) -> None:
        lowest, factor = np.uint16(threshold), real(scale)
        k, l = np.uint64(key), np.uint64(layer)
        for i in range(A.shape[0]):
            n = np.uint64(seen[0] + place[cursor[0] + first + i])
            for c in range(words.shape[0] // 2):
                x, y = block(n >> HALF, n & LOW, np.uint64(c), l, k)
                words[2 * c] = np.int64(x)
                words[2 * c + 1] = np.int64(y)
            for j in range(A.shape[1]):
                A[i, j] = marked(A[i, j] * factor, draws[j] >= lowest)

    return kernel


@kernel(dropped=MATRIX, scale=DOUBLE, delta=MATRIX)
def dropout_delta(real: Any) -> Scalar:
    """delta = delta (.) M, in place, M as `dropped` shows it."""
    (_, is_marked), zero = dropping(real), real(0)

    def kernel(dropped: Array, scale: float, delta: Array) -> None:
        factor = real(scale)
        for i in range(delta.shape[0]):
            for j in range(delta.shape[1]):
                delta[i, j] = zero if is_marked(dropped[i, j]) else delta[i, j] * factor

    return kernel


@kernel(delta=VECTOR, saved=VECTOR)
def hadamard(real: Any, activation: Activation | None = None) -> Scalar:
    """delta = delta (.) sigma'(Z), from what sigma' is written with, or from itself, in place.

    All rows are one: they are often short.
    """
    formula = pull_back(real, activation, of_vectors(real))

    def kernel(delta: Array, saved: Array) -> None:
        for k in range(delta.shape[0]):
            delta[k] = formula(delta[k], saved[k])

    return kernel


@kernel(delta=MATRIX, A=MATRIX)
def pull_softmax(real: Any) -> Scalar:
    """delta_i = g - a sum(g), the error through a softmax, of g = a (.) dL/da in delta's place."""
    zero = real(0)

    def kernel(delta: Array, A: Array) -> None:
        for i in range(A.shape[0]):
            total = zero
            for j in range(A.shape[1]):
                total += delta[i, j]
            for j in range(A.shape[1]):
                delta[i, j] -= A[i, j] * total

    return kernel


@kernel(
    A=MATRIX,
    Y=MATRIX,
    share=MATRIX,
    constant=VECTOR,
    delta=MATRIX,
    total=DOUBLES,
    flat_A=VECTOR,
    flat_Y=VECTOR,
    flat_delta=VECTOR,
)
def output_delta(real: Any, loss: Loss) -> Scalar:
    """delta_i = share_i error_i and total += sum_i share_i L_i.

    The losses of all elements come first, into delta.
    """
    of = of_vectors(real)
    if loss in (Loss.POISSON, Loss.GAMMA):
        of = of._replace(log=np.log)  # y / a may overflow
    of_element = loss_of(real, loss, np.float64, of)
    has_constant = LOSSES[loss].constant is not None
    losses = (_losses_by_rows if has_constant else _losses_at_once)(real, of_element)
    error = error_of(real, loss, of)

    def kernel(
        A: Array,
        Y: Array,
        share: Array,
        constant: Array,
        delta: Array,
        total: Array,
        flat_A: Array,
        flat_Y: Array,
        flat_delta: Array,
    ) -> None:
        losses(A, Y, constant, delta, flat_A, flat_Y, flat_delta)
        of_batch = 0.0
        for i in range(A.shape[0]):
            weight = share[i, 0]
            of_row = 0.0
            for j in range(A.shape[1]):
                of_row += delta[i, j]
                delta[i, j] = error(A[i, j], Y[i, j], constant[j]) * weight
            of_batch += of_row * weight
        total[0] += of_batch

    return kernel


def _losses_at_once(real: Any, of_element: Scalar) -> Scalar:
    """Make delta = L of all elements in one row: the batch's rows are often short."""
    zero = real(0)

    def losses(
        A: Array, Y: Array, c: Array, delta: Array, flat_A: Array, flat_Y: Array, flat_delta: Array
    ) -> None:
        for k in range(flat_delta.shape[0]):
            flat_delta[k] = of_element(flat_A[k], flat_Y[k], zero)

    return inline(losses)


def _losses_by_rows(real: Any, of_element: Scalar) -> Scalar:
    """Make delta = L row by row: each output has a constant."""

    def losses(
        A: Array, Y: Array, c: Array, delta: Array, flat_A: Array, flat_Y: Array, flat_delta: Array
    ) -> None:
        for i in range(A.shape[0]):
            for j in range(A.shape[1]):
                delta[i, j] = of_element(A[i, j], Y[i, j], c[j])

    return inline(losses)


@kernel(delta=MATRIX, first=COUNT, grad_b=VECTOR)
def bias_grad(real: Any) -> Scalar:
    """grad_b = sum_i delta_i, of the columns from `first` on."""
    zero = real(0)

    def kernel(delta: Array, first: int, grad_b: Array) -> None:
        for j in range(grad_b.shape[0]):
            grad_b[j] = zero
        for i in range(delta.shape[0]):
            row = delta[i, first:]
            for j in range(grad_b.shape[0]):
                grad_b[j] += row[j]

    return kernel


@kernel(**blas.PARAMETERS)
def gemm(real: Any) -> Scalar:
    """Call the BLAS as `kernels.blas` laid it out."""
    from .native.intrinsics import call_gemm

    def kernel(
        routine: int,
        transpose_first: int,
        transpose_second: int,
        m: int,
        n: int,
        k: int,
        alpha: int,
        first: int,
        lead_first: int,
        second: int,
        lead_second: int,
        beta: int,
        out: int,
        lead_out: int,
    ) -> None:
        sizes = transpose_first, transpose_second, m, n, k
        factors = alpha, first, lead_first, second, lead_second
        call_gemm((routine, *sizes, *factors, beta, out, lead_out))

    return kernel
