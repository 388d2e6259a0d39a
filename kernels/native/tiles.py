"""Tiles of a matrix product whose sums stay in vector registers from the first term to the last.

Numba's loops have no word for a vector, so the code of a tile is written here, in LLVM's language.
"""

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..numba_contract import get_or_insert_function, make_array
from .targets import VECTOR_BYTES

SUMS, ROWS, VECTORS = 24, 8, 4
"""Registers for sums in the largest tiles, its rows, its columns in vectors.

With a row of B and an element of A that leaves 3 of AVX-512's 32 registers.
"""
_POINTED = 3
"""Rows of A for which one pointer does: its own, and one and two strides on, at no instruction."""
_BIT, _BYTE, _LANE, _WORD = (ir.IntType(bits) for bits in (1, 8, 32, 64))
_POINTER = _BYTE.as_pointer()


class _Corner(NamedTuple):
    """An element of a matrix, and the bytes from it to those below and beside it."""

    place: Any
    down: Any
    across: Any


@intrinsic  # type: ignore[untyped-decorator]
def multiply_tile(
    typing_context: Any, A: Any, B: Any, C: Any, i: Any, j: Any, rows: Any, columns: Any
) -> Any:
    """C[i : i + rows, j : j + columns] = A[i : i + rows] B[:, j : j + columns].

    Rows of B and C are without gaps. At most `ROWS` rows, as many columns as `VECTORS` vectors
    have, and `SUMS` vectors in all.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, b, c = (
            make_array(kind)(context, builder, array)
            for kind, array in zip(signature.args[:3], arguments[:3], strict=True)
        )
        i, j, rows, columns = arguments[3:]
        first = ir.Constant(_WORD, 0)
        matrices = (
            _corner(builder, array, *where)
            for array, where in ((a, (i, first)), (b, (first, j)), (c, (i, j)))
        )
        real = context.get_data_type(signature.args[0].dtype)
        terms = builder.extract_value(a.shape, 1)
        _Tile(builder, real, tuple(matrices), terms, columns).write_all(rows)
        return context.get_dummy_value()

    return types.void(A, B, C, i, j, rows, columns), codegen


def _corner(builder: Any, array: Any, row: Any, column: Any) -> _Corner:
    down, across = (builder.extract_value(array.strides, axis) for axis in (0, 1))
    offset = builder.add(builder.mul(row, down), builder.mul(column, across))
    return _Corner(builder.gep(builder.bitcast(array.data, _POINTER), [offset]), down, across)


class _Tile:
    """Writes the code of a tile, for each size that it can have, and the choice among them."""

    def __init__(
        self, builder: Any, real: Any, matrices: tuple[_Corner, ...], terms: Any, columns: Any
    ) -> None:
        self._builder, self._real, self._terms = builder, real, terms
        self._A, self._B, self._C = matrices
        self._bytes = 4 if isinstance(real, ir.FloatType) else 8
        self._lanes = VECTOR_BYTES // self._bytes
        self._vector = ir.VectorType(real, self._lanes)
        self._zeros = ir.Constant(self._vector, None)
        lanes = ir.Constant(_WORD, self._lanes)
        self._whole = builder.udiv(builder.sub(columns, ir.Constant(_WORD, 1)), lanes)
        self._mask = self._below(builder.sub(columns, builder.mul(self._whole, lanes)))

    def write_all(self, rows: Any) -> None:
        """Write all tiles; the one that has these rows, and the columns' vectors, is run."""
        builder = self._builder
        after = builder.append_basic_block("multiplied")
        size = builder.add(builder.mul(rows, ir.Constant(_WORD, VECTORS)), self._whole)
        choice = builder.switch(size, after)
        for vectors in range(1, VECTORS + 1):
            for height in range(1, min(ROWS, SUMS // vectors) + 1):
                tile = builder.append_basic_block(f"tile_{height}_{vectors}")
                choice.add_case(ir.Constant(_WORD, height * VECTORS + vectors - 1), tile)
                builder.position_at_end(tile)
                self._write(height, vectors)
                builder.branch(after)
        builder.position_at_end(after)

    def _write(self, rows: int, vectors: int) -> None:
        """Add a term to all sums at a time, then store them."""
        builder, before = self._builder, self._builder.block
        head, body, after = map(builder.append_basic_block, ("term", "add", "store"))
        starts = [self._down(self._A, r) for r in range(0, rows, _POINTED)]
        builder.branch(head)

        builder.position_at_end(head)
        term, b, *a = (builder.phi(kind) for kind in (_WORD, *[_POINTER] * (1 + len(starts))))
        sums = [builder.phi(self._vector) for _ in range(rows * vectors)]
        builder.cbranch(builder.icmp_unsigned("<", term, self._terms), body, after)

        builder.position_at_end(body)
        row_of_B = [self._load(b, v, vectors) for v in range(vectors)]
        added = []
        for r in range(rows):
            element = self._element(
                self._down(self._A._replace(place=a[r // _POINTED]), r % _POINTED)
            )
            own = sums[r * vectors : (r + 1) * vectors]
            added += [
                self._multiply_add(element, *each) for each in zip(row_of_B, own, strict=True)
            ]
        following = [
            builder.add(term, ir.Constant(_WORD, 1)),
            builder.gep(b, [self._B.down]),
            *(builder.gep(each, [self._A.across]) for each in a),
        ]
        following = [self._as_it_is(each) for each in following]
        builder.branch(head)

        changing = [term, b, *a, *sums]
        initial = [ir.Constant(_WORD, 0), self._B.place, *starts, *[self._zeros] * len(sums)]
        for phi, first, later in zip(changing, initial, [*following, *added], strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(later, body)
        builder.position_at_end(after)
        for r in range(rows):
            for v in range(vectors):
                self._store(sums[r * vectors + v], self._down(self._C, r), v, vectors)

    def _down(self, corner: _Corner, rows: int) -> Any:
        """Address of the element that lies some rows below."""
        offset = self._builder.mul(corner.down, ir.Constant(_WORD, rows))
        return self._builder.gep(corner.place, [offset])

    def _as_it_is(self, value: Any) -> Any:
        """Hide where a value comes from: LLVM would give each row a pointer, and spill some."""
        nothing = ir.FunctionType(value.type, [value.type])
        return self._builder.call(ir.InlineAsm(nothing, "", "=r,0"), [value])

    def _below(self, count: Any) -> Any:
        """Mask of the first lanes."""
        builder, bits = self._builder, ir.IntType(self._lanes)
        beyond = builder.trunc(builder.sub(ir.Constant(_WORD, self._lanes), count), bits)
        mask = builder.lshr(ir.Constant(bits, -1), beyond)
        return builder.bitcast(mask, ir.VectorType(_BIT, self._lanes))

    def _element(self, place: Any) -> Any:
        """Load an element into all lanes."""
        builder, lane = self._builder, ir.Constant(_LANE, 0)
        undefined = ir.Constant(self._vector, ir.Undefined)
        element = builder.load(builder.bitcast(place, self._real.as_pointer()))
        alone = builder.insert_element(undefined, element, lane)
        everywhere = ir.Constant(ir.VectorType(_LANE, self._lanes), None)
        return builder.shuffle_vector(alone, undefined, everywhere)

    def _load(self, row: Any, number: int, of: int) -> Any:
        """Load one of a row's vectors; lanes of the last that are beyond the columns are zero."""
        place = self._place(row, number)
        if number < of - 1:
            return self._builder.load(place, align=self._bytes)
        return self._call("masked.load", self._vector, place, self._align, self._mask, self._zeros)

    def _store(self, value: Any, row: Any, number: int, of: int) -> None:
        """Store one of a row's vectors, likewise."""
        place = self._place(row, number)
        if number < of - 1:
            self._builder.store(value, place, align=self._bytes)
        else:
            self._call("masked.store", ir.VoidType(), value, place, self._align, self._mask)

    def _place(self, row: Any, number: int) -> Any:
        place = self._builder.gep(row, [ir.Constant(_WORD, number * VECTOR_BYTES)])
        return self._builder.bitcast(place, self._vector.as_pointer())

    @property
    def _align(self) -> Any:
        return ir.Constant(_LANE, self._bytes)

    def _multiply_add(self, x: Any, y: Any, z: Any) -> Any:
        return self._call("fma", self._vector, x, y, z)

    def _call(self, name: str, result: Any, *arguments: Any) -> Any:
        """Call one of LLVM's functions of vectors."""
        kind = f"v{self._lanes}f{8 * self._bytes}" + (".p0" if name.startswith("masked") else "")
        prototype = ir.FunctionType(result, [each.type for each in arguments])
        function = get_or_insert_function(self._builder.module, prototype, f"llvm.{name}.{kind}")
        return self._builder.call(function, arguments)
