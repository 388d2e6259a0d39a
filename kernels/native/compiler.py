"""A Numba loop to an object file that needs nothing of Numba to run."""

import re
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array
from numba.np.numpy_support import from_dtype

from .layout import Layout
from .loader import initialise, target_machine

# contract: fused multiply-adds; nsz: -0.0 is 0.0. Neither changes a sum's order.
_OPTIONS = {
    "error_model": "numpy",
    "fastmath": {"contract", "nsz"},
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
_LIBC = {"memset", "memcpy", "memmove", "sched_yield"}
_LIBM = {f + s for f in ("sqrt", "exp", "expm1", "log", "pow", "tanh") for s in ("", "f")}


def compile_kernel(
    function: Callable[..., None], layouts: tuple[Layout, ...], real: np.dtype[Any], name: str
) -> tuple[str, bytes]:
    """Compile `function` for one floating-point type.

    Parameters
    ----------
    function : callable
        A loop nest that Numba understands, without allocations or exceptions.
    layouts : tuple of Layout
        Its parameters.
    real : dtype
        float32 or float64.
    name : str
        A unique identifier, part of the symbol's name.

    Returns
    -------
    symbol : str
        Name of the entry point `int symbol(void*, void*, int64_t *block)`.
    code : bytes
        The object file.

    Raises
    ------
    RuntimeError
        If the loop calls something that only a running Numba could provide.
    """
    initialise()
    entry = njit(**_OPTIONS)(_entry(function, layouts, real, name))
    signature = types.void(types.CPointer(types.int64))
    entry.compile(signature.args)
    (text,) = entry.inspect_llvm().values()
    module = llvm.parse_assembly(text)
    symbol = _entry_symbol(module, name)
    _require_self_contained(module, name)
    return symbol, target_machine().emit_object(module)


def _entry(
    function: Callable[..., None], layouts: tuple[Layout, ...], real: np.dtype[Any], name: str
) -> Callable[[Any], None]:
    """Write the function of one block that unpacks it and runs `function` inside."""
    names = ", ".join(f"a{i}" for i in range(len(layouts)))
    source = f"def {name}(block):\n    ({names},) = unpack(block)\n    kernel({names})\n"
    scope: dict[str, Any] = {
        "kernel": njit(inline="always", **_OPTIONS)(function),
        "unpack": _unpack(layouts, real),
    }
    exec(source, scope)  # Numba cannot inline a call with *arguments
    made: Callable[[Any], None] = scope[name]
    return made


def _unpack(layouts: tuple[Layout, ...], real: np.dtype[Any]) -> Any:
    """Make the intrinsic that reads a block into arrays and numbers."""
    kinds = [_numba_type(layout, real) for layout in layouts]

    @intrinsic  # type: ignore[untyped-decorator]
    def unpack(typing_context: Any, block: Any) -> Any:
        result = types.Tuple(kinds)

        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            slots = _Slots(context, builder, arguments[0])
            values = [slots.read(layout, kind) for layout, kind in zip(layouts, kinds, strict=True)]
            return context.make_tuple(builder, result, values)

        return result(block), codegen

    return unpack


def _numba_type(layout: Layout, real: np.dtype[Any]) -> Any:
    element = from_dtype(layout.dtype(real))
    if not layout.dimensions:
        return element
    return types.Array(element, layout.dimensions, "A" if layout is Layout.STRIDED else "C")


class _Slots:
    """Reads a block from its first slot to its last."""

    def __init__(self, context: Any, builder: Any, block: Any) -> None:
        self._context, self._builder = context, builder
        self._word = ir.IntType(64)
        self._base = builder.bitcast(block, self._word.as_pointer())
        self._position = 0

    def read(self, layout: Layout, kind: Any) -> Any:
        if layout is Layout.NUMBER:
            return self._builder.bitcast(self._next(), ir.DoubleType())
        if layout is Layout.COUNT:
            return self._next()
        data = self._context.get_data_type(kind.dtype)
        pointer = self._builder.inttoptr(self._next(), data.as_pointer())
        shape = [self._next() for _ in range(kind.ndim)]
        item = ir.Constant(self._word, self._context.get_abi_sizeof(data))
        if layout is Layout.STRIDED:
            strides = [self._next() for _ in range(kind.ndim)]
        else:
            strides = [item] if kind.ndim == 1 else [self._builder.mul(item, shape[1]), item]
        array = make_array(kind)(self._context, self._builder)
        populate_array(
            array, data=pointer, shape=shape, strides=strides, itemsize=item, meminfo=None
        )
        return array._getvalue()

    def _next(self) -> Any:
        where = self._builder.gep(self._base, [ir.Constant(self._word, self._position)])
        self._position += 1
        return self._builder.load(where)


def _entry_symbol(module: Any, name: str) -> str:
    # Numba's mangling keeps the name and its length: _ZN<module>2<length><name>...
    wanted = re.compile(rf"\d{name}[BE]")
    found = [f.name for f in module.functions if not f.is_declaration and wanted.search(f.name)]
    if len(found) != 1:
        raise RuntimeError(f"kernel {name}: expected one entry point, found {found}")
    return str(found[0])


def _require_self_contained(module: Any, name: str) -> None:
    called = {f.name for f in module.functions if f.is_declaration}
    foreign = {f for f in called if not f.startswith("llvm.")} - _LIBC - _LIBM
    if foreign:
        raise RuntimeError(f"kernel {name} needs {sorted(foreign)}, which only Numba provides")
