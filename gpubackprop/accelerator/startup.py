"""Begin acceleration, maybe where Python starts: nothing is imported until scikit-learn is."""

from ..after_import import after_import

PERCEPTRONS = "sklearn.neural_network"
"""The package, as the module below it is imported by others in the midst of a circle."""

begun = False
"""Whether Python's start, or a call, has asked for acceleration."""


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
