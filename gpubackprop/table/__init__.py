"""Read a table, find out what its columns are, and turn them into a network's inputs."""

from gpubackprop.table.columns import describe
from gpubackprop.table.conversion import Column, features, fit_preprocessor, preprocessor
from gpubackprop.table.errors import TableError, counted, listing, naming, place, quoted
from gpubackprop.table.names import require, split
from gpubackprop.table.reading import read_table
from gpubackprop.table.target import Target, Task, labels_of, read_target

__all__ = [
    "Column",
    "TableError",
    "Target",
    "Task",
    "counted",
    "describe",
    "features",
    "fit_preprocessor",
    "labels_of",
    "listing",
    "naming",
    "place",
    "preprocessor",
    "quoted",
    "read_table",
    "read_target",
    "require",
    "split",
]
