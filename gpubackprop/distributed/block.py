"""The block in which processes train one network together."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..kernels.group import Group
from .current import Together, current, joined
from .finding import group_of
from .node import shared

_log = logging.getLogger("gpubackprop")


@contextmanager
def data_parallel(group: Any = None, *, shards: bool = False) -> Iterator[Group | None]:
    """Within a `with`, let all processes train each network together.

    Every process runs the same program. Estimators of gpubackprop, and scikit-learn's where they
    are accelerated, then compute in `fit` and `partial_fit` the numbers of one process, whatever
    the number of processes: each computes some rows of every mini-batch, and the gradients are
    added up before the update. The first process's random numbers, callbacks, verbose output and
    warnings count.

    Parameters
    ----------
    group : mpi4py.MPI.Intracomm, torch.distributed.ProcessGroup or object, optional
        Who trains together. By default all processes that mpiexec or srun started, or those of
        torch.distributed where that is initialised (as torchrun's or Ray's program does). A process
        that was started alone trains alone. Any object with `index`, `size`, `all_reduce`,
        `exchange` and `abort` will do (`gpubackprop.kernels.group.Group`).
    shards : bool, default=False
        Whether each process gives rows of its own to `fit`: together they are the training set, in
        the order of the ranks. By default all give the same rows, of which each takes a slice of
        every mini-batch.

    Yields
    ------
    group : Group or None
        With the process's `index` and the `size`; None for one process alone.

    Raises
    ------
    RuntimeError
        If blocks are nested, or processes were started together that cannot talk to each other.
    ImportError
        If mpiexec or srun started the process and mpi4py is missing.

    Notes
    -----
    On each machine the ranks share the cores: a rank computes with as many threads as there are
    cores for it, whatever the BLAS would take. device "auto" is the CPU; "cuda" is a GPU for each
    rank of a machine, in their order.

    With `shards` a mini-batch's rows are computed by those who hold them, and no row is moved. How
    many of a batch's rows one process holds varies: at 256 rows a batch the busiest of 2 computes
    1.05 times its share on average, of 16 1.5 times; at 4096 rows 1.01 and 1.1 times. `score` and
    the folds of a search are of a process's own rows.

    All processes give `fit` the same X_val, and the same y_val, also with `shards`. A `scoring` of
    one's own can predict the rows to validate with and not read them: each process predicts some.

    An exception in one process ends all, after five seconds in which the others may fail alike.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from gpubackprop import MLPClassifier, data_parallel
    >>> X, y = load_iris(return_X_y=True)
    >>> with data_parallel():  # mpiexec -n 4 python program.py
    ...     model = MLPClassifier(random_state=0, max_iter=500).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    """
    if current() is not None:
        raise RuntimeError("data_parallel inside data_parallel: one block is enough, leave one out")
    found = group_of(group)
    if found is None or found.size == 1:
        _log.info("data_parallel: one process, which trains alone")
        yield None
        return
    try:
        with shared(found) as neighbours, joined(Together(found, shards, neighbours.place)):
            yield found
    except BaseException:
        found.abort()
        raise
