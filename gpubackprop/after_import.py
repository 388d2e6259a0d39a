"""Act once a module has been imported: what is needed where Python starts, which is `sys` alone."""

import sys

TYPE_CHECKING = False  # the module `typing` takes as long to import as Python to start
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any


def after_import(name: str, act: "Callable[[], None]") -> None:
    """Act now if a module is imported, else when it has been; only one act waits for it."""
    if sys.modules.get(name) is not None:  # None keeps it from being imported
        act()
    elif name not in [each.name for each in sys.meta_path if isinstance(each, _Waiting)]:
        sys.meta_path.insert(0, _Waiting(name, act))


def forget(name: str) -> None:
    """Let nothing wait for the import of a module any more."""
    sys.meta_path[:] = [
        each for each in sys.meta_path if not (isinstance(each, _Waiting) and each.name == name)
    ]


class _Waiting:
    """Finds a module where the other finders do, and acts when it has been executed."""

    def __init__(self, name: str, act: "Callable[[], None]") -> None:
        self.name, self._act = name, act

    def find_spec(
        self, name: str, path: "Any" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """Find it, and stand before its loader; who only asks whether it exists changes nothing."""
        if name != self.name:
            return None
        others = [each for each in sys.meta_path if each is not self and hasattr(each, "find_spec")]
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:  # a folder without code has none
            spec.loader = _Loader(spec.loader, self)  # type: ignore[assignment]
        return spec

    def end(self) -> None:
        """Act, unless that was forgotten, or done, meanwhile."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            self._act()


class _Loader:
    """A module's own loader, but that it tells when it has executed the module."""

    def __init__(self, own: "Any", waiting: _Waiting) -> None:
        self._own, self._waiting = own, waiting

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._own, name)

    def exec_module(self, module: "Any") -> None:
        """Execute the module, which has its own loader again, and act."""
        module.__spec__.loader = module.__loader__ = self._own
        self._own.exec_module(module)
        self._waiting.end()
