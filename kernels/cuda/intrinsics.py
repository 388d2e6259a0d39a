"""Loads and stores of several elements in one instruction; the simulator has them in Python."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import config

from .tile import WIDEST, WIDTH

if config.ENABLE_CUDASIM:

    def load_whole(p: Any, at: int) -> Any:
        """Four elements at once."""
        return p[at : at + WIDTH]

    def store_whole(p: Any, at: int, x: Any) -> None:
        """Four elements at once."""
        p[at : at + WIDTH] = x

else:
    from numba.cuda.extending import intrinsic

    def _as_vector(context: Any, builder: Any, pointer: Any, kind: Any, at: Any) -> Any:
        element = context.get_data_type(kind.dtype)
        first = builder.gep(pointer, [at])
        return builder.bitcast(first, ir.VectorType(element, WIDTH).as_pointer())

    @intrinsic  # type: ignore[untyped-decorator]
    def load_whole(typing_context: Any, p: Any, at: Any) -> Any:
        """Load four elements in as few instructions as possible."""

        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer, index = arguments
            vector = builder.load(_as_vector(context, builder, pointer, signature.args[0], index))
            vector.align = WIDEST
            lanes = [ir.Constant(ir.IntType(32), k) for k in range(WIDTH)]
            return context.make_tuple(
                builder, signature.return_type, [builder.extract_element(vector, k) for k in lanes]
            )

        return types.UniTuple(p.dtype, WIDTH)(p, types.int64), codegen

    @intrinsic  # type: ignore[untyped-decorator]
    def store_whole(typing_context: Any, p: Any, at: Any, x: Any) -> Any:
        """Store four elements in as few instructions as possible."""

        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer, index, values = arguments
            target = _as_vector(context, builder, pointer, signature.args[0], index)
            vector = ir.Constant(target.type.pointee, ir.Undefined)
            for k in range(WIDTH):
                lane = ir.Constant(ir.IntType(32), k)
                vector = builder.insert_element(vector, builder.extract_value(values, k), lane)
            builder.store(vector, target).align = WIDEST
            return context.get_dummy_value()

        return types.void(p, types.int64, x), codegen
