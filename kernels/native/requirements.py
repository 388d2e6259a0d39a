"""What compiling needs, and what to do where it does not work."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("numba", "llvmlite", "numpy")
"""Their versions have to go together."""


def installed() -> dict[str, str]:
    """Versions of these packages, in words where one is missing."""
    return {package: _version(package) for package in PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


@contextmanager
def importing() -> Iterator[None]:
    """Name the versions and the cure where Numba or llvmlite cannot be imported.

    ImportError takes the place of whatever the import raises: a Numba that is older than NumPy
    fails in many ways.
    """
    try:
        yield
    except Exception as reason:
        found = ", ".join(f"{package} {number}" for package, number in installed().items())
        raise ImportError(
            f"the compiled backend needs Numba, which cannot be imported: {reason} "
            f"(installed: {found}). Install versions that go together, as with 'pip install -U "
            "numba', or choose backend='reference', which does without."
        ) from reason
