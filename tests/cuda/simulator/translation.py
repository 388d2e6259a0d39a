"""Copies of functions, in which `cuda` and `math` are the simulator's."""

import math
from collections.abc import Iterator
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, ModuleType
from typing import Any

from numba import cuda

from tests.cuda.simulator.device import Device, Math


class Translation:
    """Each function is copied once, so that two callers share its shared memory."""

    def __init__(self, device: Device):
        self._math = Math()
        self._modules: dict[ModuleType, Any] = {cuda: device, math: self._math}
        self._functions: dict[FunctionType, FunctionType] = {}

    def value(self, value: Any) -> Any:
        if isinstance(value, ModuleType):
            return self._modules.setdefault(value, Members(value, self))
        if isinstance(value, FunctionType) or hasattr(value, "py_func"):
            return self.function(value)
        if isinstance(value, BuiltinFunctionType) and value.__module__ == "math":
            return getattr(self._math, value.__name__)
        if isinstance(value, tuple):
            parts = [self.value(part) for part in value]
            return value._make(parts) if hasattr(value, "_make") else tuple(parts)
        return value

    def function(self, function: Any) -> FunctionType:
        """A copy of a function, or of the one that `cuda.jit` wrapped."""
        original = getattr(function, "py_func", function)
        if original not in self._functions:
            self._functions[original] = copy = bare_copy(original)
            self._fill(copy, original)  # after it is known: functions may call each other
        return self._functions[original]

    def _fill(self, copy: FunctionType, original: FunctionType) -> None:
        for name in names_in(original.__code__):
            if name in original.__globals__:
                copy.__globals__[name] = self.value(original.__globals__[name])
        for new, old in zip(copy.__closure__ or (), original.__closure__ or (), strict=True):
            new.cell_contents = self.value(old.cell_contents)


class Members:
    """A module whose functions are translated when used."""

    def __init__(self, module: ModuleType, translation: Translation):
        self._module, self._translation = module, translation

    def __getattr__(self, name: str) -> Any:
        value = self._translation.value(getattr(self._module, name))
        setattr(self, name, value)  # found at once the next time
        return value


def bare_copy(original: FunctionType) -> FunctionType:
    """The same code with globals and cells of its own; the cells are still empty."""
    cells = tuple(CellType() for _ in original.__closure__ or ())
    code, name, defaults = original.__code__, original.__name__, original.__defaults__
    return FunctionType(code, dict(original.__globals__), name, defaults, cells or None)


def names_in(code: CodeType) -> Iterator[str]:
    """Names that code may look up, in its comprehensions too."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)
