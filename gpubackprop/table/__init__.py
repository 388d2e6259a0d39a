"""Read a table, find out what its columns are, and turn them into a network's inputs."""

from gpubackprop.table.columns import Target, Task, describe, read_target
from gpubackprop.table.conversion import Column, features, preprocessor
from gpubackprop.table.errors import TableError, listing, place
from gpubackprop.table.reading import read_table

__all__ = [
    "Column",
    "TableError",
    "Target",
    "Task",
    "describe",
    "features",
    "listing",
    "place",
    "preprocessor",
    "read_table",
    "read_target",
]
