"""Device, backend and precision of a whole process, for estimators without such parameters.

What a call of `accelerate` or `accelerated` says counts, else what the environment says.
"""

import os
from typing import NamedTuple


class ProcessChoice(NamedTuple):
    """Values as for `backends.select`."""

    device: str
    backend: str
    precision: str


VARIABLES = {name: f"GPUBACKPROP_{name.upper()}" for name in ProcessChoice._fields}
"""Environment variables by the name of what they choose."""

_said: dict[str, str] = {}
"""What calls chose, by the same names."""


def current() -> ProcessChoice:
    """Read the choice as it is now."""
    values = {name: os.environ.get(VARIABLES[name]) or "auto" for name in ProcessChoice._fields}
    return ProcessChoice(**{**values, **_said})


def said() -> dict[str, str]:
    """Return what calls chose, to be put back, or to be said in another process."""
    return _said


def say(choices: dict[str, str]) -> None:
    """Let these choices count from now on, in place of all that were said before."""
    global _said
    _said = dict(choices)
