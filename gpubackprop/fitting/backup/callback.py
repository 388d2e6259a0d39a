"""The callback that asks for a backup."""

import os
from math import inf
from numbers import Real
from pathlib import Path
from typing import Any

from ...callbacks import Callbacks, listeners
from ...history import EpochRecord

FILE = "fit.backup"
"""Name of the file in a backup's folder."""


class Backup:
    """Save the state of a fit now and then, so that a fit that was killed goes on.

    Run the same program again: `fit` finds the state, trains on from it and ends with the very
    numbers, to the last bit, of a fit that was never killed. The file is removed when the fit is
    over. After SIGTERM, which Slurm and Kubernetes send before they kill, `fit` in the main thread
    saves at the end of the epoch and lets the signal take its course; of several processes that
    train together, the first one saves when one of them gets it, and then all end.

    Parameters
    ----------
    path : str or os.PathLike
        Folder for the file; it is made if it is missing. Each fit has a folder of its own: one of a
        warm start, too, and each fold of a search that is to be resumed.
    every : float, default=60.0
        Seconds from one save to the next, at the least; 0 saves after every epoch.

    Raises
    ------
    TypeError
        If `path` is no path, or `every` no number.
    ValueError
        If `every` is negative or not finite.

    Notes
    -----
    Saved are weights, the optimizer's state, random numbers, the rows' order, the history and the
    best weights so far. The next `fit` must be of the same data, parameters and version; only
    `max_iter`, `verbose`, `callbacks`, `device`, `backend` and `checkpoint` may differ, and on
    another device or with another number of threads results agree to rounding. Of data beyond 64
    MiB every n-th row is compared. What other callbacks keep for themselves is not saved.
    The solver "lbfgs", which has no epochs, and `partial_fit` are refused.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from gpubackprop import Backup, MLPClassifier
    >>> folder = tempfile.mkdtemp()
    >>> model = MLPClassifier(callbacks=[Backup(folder, every=30)], max_iter=5, tol=1e9)
    >>> model.set_params(n_iter_no_change=2).fit(*load_iris(return_X_y=True)).n_iter_
    4
    """

    def __init__(self, path: str | os.PathLike[str], every: float = 60.0) -> None:
        _require(path, every)
        self.path, self.every = path, every

    @property
    def file(self) -> Path:
        """Where the state is saved."""
        return Path(self.path).expanduser() / FILE

    def __call__(self, estimator: Any, record: EpochRecord) -> None:
        """Ask for nothing: `fit` saves when all callbacks of an epoch have been called."""

    def __repr__(self) -> str:
        return f"Backup({os.fspath(self.path)!r}, every={self.every!r})"


def _require(path: Any, every: Any) -> None:
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise TypeError(f"path must be the path of a folder, got {path!r}")
    if isinstance(every, bool) or not isinstance(every, Real):
        raise TypeError(f"every must be a number of seconds, got {every!r}")
    if not 0 <= float(every) < inf:
        raise ValueError(f"every must be 0 or more seconds, got {every!r}")


def asked_for(callbacks: Callbacks, incremental: bool) -> Backup | None:
    """Find the backup among the callbacks of `fit`, or of `partial_fit`, which is incremental.

    ValueError if there are several, or there is one in `partial_fit`.
    """
    found = [each for each in listeners(callbacks) if isinstance(each, Backup)]
    if len(found) > 1:
        raise ValueError(f"callbacks must hold one Backup at the most, got {len(found)}: {found}")
    if found and incremental:
        raise ValueError(
            f"partial_fit makes no backup, it is a single epoch; callbacks holds {found[0]!r}: "
            "take it out with set_params"
        )
    return found[0] if found else None


def refuse_for_lbfgs(callbacks: Callbacks) -> None:
    """Raise ValueError if a fit by L-BFGS has a backup among its callbacks."""
    backup = asked_for(callbacks, incremental=False)
    if backup is not None:
        raise ValueError(
            f"solver='lbfgs' has no epochs between which a backup could be made; callbacks holds "
            f"{backup!r}: take it out, or use the solver 'adam' or 'sgd'"
        )
