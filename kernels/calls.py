"""Calls of primitives with their arguments by name, which are run at once or noted for later.

A backend's primitives are an object whose methods are generators: each yields, in order, what has
to run. `executed` makes kernels of them, which run what is called.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from inspect import signature
from typing import Any, NamedTuple, cast

from .protocol import Kernels


class Call(NamedTuple):
    """One call of a primitive."""

    primitive: str
    arguments: Mapping[str, Any]
    layer: int | None = None
    """Of the network, counted from 1; None where the call belongs to no layer."""

    def __str__(self) -> str:
        return self.primitive if self.layer is None else f"{self.primitive}, layer {self.layer}"


class Calls:
    """Stands in for primitives: `take` is given each call, its arguments by name, and its layer."""

    def __init__(
        self, primitives: type, take: Callable[[Call], None], layer: int | None = None
    ) -> None:
        self._primitives, self._take, self._layer = primitives, take, layer

    def __getattr__(self, name: str) -> Callable[..., None]:
        primitives, take, layer = self._primitives, self._take, self._layer

        def hand_over(*args: Any, **named: Any) -> None:
            take(Call(name, _by_name(primitives, name, args, named), layer))

        return hand_over

    def of_layer(self, layer: int) -> "Calls":
        """Make the same primitives for one layer."""
        return Calls(self._primitives, self._take, layer)


def called(primitives: type, name: str, *args: Any) -> Call:
    """Make a call of a primitive from its arguments in their order."""
    return Call(name, _by_name(primitives, name, args, {}))


def _by_name(
    primitives: type, name: str, args: tuple[Any, ...], named: dict[str, Any]
) -> dict[str, Any]:
    """Arguments of a primitive by the names of its parameters; one left out has its default."""
    parameters = _parameters(primitives, name)
    if len(args) == len(parameters) and not named:  # as most are
        return dict(zip(parameters, args, strict=True))
    bound = signature(getattr(primitives, name)).bind(None, *args, **named)
    bound.apply_defaults()
    return {parameter: bound.arguments[parameter] for parameter in parameters}


@cache
def _parameters(primitives: type, name: str) -> tuple[str, ...]:
    """Names of a primitive's parameters, without `self`."""
    return tuple(signature(getattr(primitives, name)).parameters)[1:]


def of_layer(kernels: Kernels, layer: int) -> Kernels:
    """Return primitives whose calls belong to a layer; they themselves, where no one notes it."""
    return cast(Kernels, kernels.of_layer(layer)) if isinstance(kernels, Calls) else kernels


def executed(primitives: object) -> Kernels:
    """Make kernels of a backend's primitives that run what is called, at once."""

    def run(call: Call) -> None:
        with Naming(call):
            for each in getattr(primitives, call.primitive)(**call.arguments):
                each.run()

    return cast(Kernels, Calls(type(primitives), run))


def parts(primitives: object, call: Call) -> Iterator[Any]:
    """Yield what a call of a backend's primitive consists of."""
    with Naming(call):
        yield from getattr(primitives, call.primitive)(**call.arguments)


class Naming:
    """Lets an error that is raised within a `with` say in which call it was."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __enter__(self) -> None:
        """Begin the call."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            error.add_note(f"in {self._call}")
