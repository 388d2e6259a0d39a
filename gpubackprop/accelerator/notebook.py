"""``%load_ext gpubackprop`` and ``%unload_ext gpubackprop`` in a notebook."""

from typing import Any

from .switch import accelerate, stop_accelerating


def load_ipython_extension(shell: Any) -> None:
    """Accelerate scikit-learn's perceptrons in a notebook."""
    accelerate()


def unload_ipython_extension(shell: Any) -> None:
    """Give scikit-learn its own methods back."""
    stop_accelerating()
