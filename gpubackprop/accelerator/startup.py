"""Act once a module has been imported: what is needed where Python starts, which is `sys` alone."""

import sys

TYPE_CHECKING = False  # the module `typing` takes as long to import as Python to start
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

PERCEPTRONS = "sklearn.neural_network"
"""The package, as the module below it is imported by others in the midst of a circle."""

begun = False
"""Whether Python's start, or a call, has asked for acceleration."""


class AfterImport:
    """Calls `act` when the module of a name has been executed; the other finders find it."""

    def __init__(self, name: str, act: "Callable[[], None]") -> None:
        self.name, self._act = name, act
        self._loader: Any = None

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "ModuleSpec | None":
        """Let the other finders find it, and stand before its loader."""
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is not None:
            self._loader, spec.loader = spec.loader, self  # type: ignore[assignment]
        return spec

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        """Create the module as its own loader does."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: "Any") -> None:
        """Execute the module, which has its own loader again, and act."""
        module.__spec__.loader = module.__loader__ = self._loader
        try:
            self._loader.exec_module(module)
        except BaseException:
            sys.meta_path.insert(0, self)  # it may be imported again
            raise
        self._act()


def after_import(name: str, act: "Callable[[], None]") -> None:
    """Act now if a module is imported, else when it has been; only one act waits for it."""
    if name in sys.modules:
        act()
    elif name not in [each.name for each in sys.meta_path if isinstance(each, AfterImport)]:
        sys.meta_path.insert(0, AfterImport(name, act))


def forget() -> None:
    """Act after no import any more."""
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, AfterImport)]


def begin() -> None:
    """Accelerate scikit-learn's perceptrons, once they are imported."""
    global begun
    begun = True
    after_import(PERCEPTRONS, _patch)


def _patch() -> None:
    try:
        from . import patching
    except ImportError as reason:  # what is built on is missing in this scikit-learn
        import warnings

        warnings.warn(f"scikit-learn is not accelerated: {reason}", stacklevel=2)
    else:
        patching.install()
