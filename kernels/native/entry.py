"""How machine code is called: a function of one block that unpacks it and runs the loop."""

from typing import Any

from llvmlite import ir
from numba import types

from ..numba_contract import make_array, populate_array

_WORD = ir.IntType(64)


def add_entry(context: Any, loop: Any, kinds: list[Any], symbol: str) -> None:
    """Write `void symbol(int64_t *block)` around a loop, in its module."""
    loop.linkage = "internal"
    loop.attributes.add("alwaysinline")
    prototype = ir.FunctionType(ir.VoidType(), [_WORD.as_pointer()])
    entry = ir.Function(loop.module, prototype, symbol)
    builder = ir.IRBuilder(entry.append_basic_block())
    slots = _Slots(context, builder, entry.args[0])
    values = [slots.read(kind) for kind in kinds]
    context.call_conv.call_function(builder, loop, types.void, kinds, values)
    builder.ret_void()


class _Slots:
    """Reads a block from its first slot to its last."""

    def __init__(self, context: Any, builder: Any, block: Any) -> None:
        self._context, self._builder, self._block = context, builder, block
        self._position = 0

    def read(self, kind: Any) -> Any:
        return self._array(kind) if isinstance(kind, types.Array) else self._number(kind)

    def _number(self, kind: Any) -> Any:
        return self._builder.bitcast(self._next(), self._context.get_value_type(kind))

    def _array(self, kind: Any) -> Any:
        data = self._context.get_data_type(kind.dtype)
        pointer = self._builder.inttoptr(self._next(), data.as_pointer())
        shape = [self._next() for _ in range(kind.ndim)]
        item = ir.Constant(_WORD, self._context.get_abi_sizeof(data))
        if kind.layout == "A":
            strides = [self._next() for _ in range(kind.ndim)]
        else:
            strides = [item] if kind.ndim == 1 else [self._builder.mul(item, shape[1]), item]
        array = make_array(kind)(self._context, self._builder)
        populate_array(
            array, data=pointer, shape=shape, strides=strides, itemsize=item, meminfo=None
        )
        return array._getvalue()

    def _next(self) -> Any:
        where = self._builder.gep(self._block, [ir.Constant(_WORD, self._position)])
        self._position += 1
        return self._builder.load(where)
