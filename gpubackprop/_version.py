"""The version, for code that must not import the package's metadata."""

__version__ = "0.2.0"
