"""Optional libraries that a claim compares with."""

from importlib import import_module
from typing import Any

from ..processes.service import decline


def peer(module: str) -> Any:
    """Import one, or end this process with a line that says what is missing."""
    try:
        return import_module(module)
    except ImportError as missing:
        decline(f"{missing}; pip install {module.partition('.')[0]}")
