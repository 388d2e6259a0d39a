"""Turn the acceleration of scikit-learn's own estimators on and off."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..after_import import after_import, forget
from ..fitting.options import process_choice
from . import startup

_PROCESSES = "multiprocessing.process"
_INHERITED = "gpubackprop"
"""Key in the configuration that a process hands on to those that it starts."""

_lock = threading.RLock()
_FOR_GOOD = object()
_wishes: dict[object, dict[str, str]] = {_FOR_GOOD: {}} if startup.begun else {}
"""Choices of everybody who wants acceleration, the environment first, the last to count most."""


def accelerate(
    *, device: str | None = None, backend: str | None = None, precision: str | None = None
) -> None:
    """Accelerate scikit-learn's own MLPClassifier and MLPRegressor in this process from now on.

    Models, classes, parameters, pickles and numbers stay scikit-learn's; its methods that compute
    are replaced. Models that exist already train faster as well, and so do those in processes that
    joblib or multiprocessing start. Where `n_jobs` alone would start processes, scikit-learn fits
    models, and pipelines that end in one, in threads. What gpubackprop does not compute, such as a
    subclass's own `_backprop`, is left to scikit-learn; the log "gpubackprop" says why.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "cuda:N", "cuda:N,M"}, optional
        Where to compute; else GPUBACKPROP_DEVICE says it, else "auto".
    backend : {"auto", "compiled", "reference"}, optional
        How to compute on the CPU; else GPUBACKPROP_BACKEND says it, else "auto".
    precision : {"auto", "float64", "float32", "tf32", "bf16"}, optional
        Type to compute in; else GPUBACKPROP_PRECISION says it, else "auto". Weights keep the type
        that scikit-learn gives them.

    Raises
    ------
    ValueError
        If a name is unknown, or two of them contradict each other.

    Warns
    -----
    UserWarning
        If the installed scikit-learn is an unknown one; it is left as it is.

    Examples
    --------
    >>> import gpubackprop
    >>> from sklearn.neural_network import MLPClassifier
    >>> gpubackprop.accelerate()
    >>> MLPClassifier(max_iter=5)
    MLPClassifier(max_iter=5)
    >>> gpubackprop.stop_accelerating()
    """
    _begin(_FOR_GOOD, _chosen(device, backend, precision))


@contextmanager
def accelerated(
    *, device: str | None = None, backend: str | None = None, precision: str | None = None
) -> Iterator[None]:
    """Accelerate scikit-learn's own MLPClassifier and MLPRegressor within a `with`.

    All threads of the process are concerned.

    Parameters
    ----------
    device, backend, precision : str, optional
        As for `accelerate`.

    Examples
    --------
    >>> import gpubackprop
    >>> from sklearn.neural_network import MLPRegressor
    >>> with gpubackprop.accelerated(device="cpu"):
    ...     model = MLPRegressor(solver="lbfgs").fit([[0.0], [1.0]], [0.0, 1.0])
    """
    wish = object()
    _begin(wish, _chosen(device, backend, precision))
    try:
        yield
    finally:
        _end([wish])


def stop_accelerating() -> None:
    """Give scikit-learn its own methods back, for all who asked for acceleration."""
    _end(list(_wishes))


def join(choices: dict[str, str]) -> "Inherited":
    """Accelerate in a process whose parent does, with its choices."""
    _begin(_FOR_GOOD, choices)
    return Inherited()


class Inherited:
    """Part of a process's configuration: where a child process reads it, it accelerates too."""

    def __reduce__(self) -> tuple[Any, ...]:
        return join, (process_choice.said(),)


def _chosen(device: str | None, backend: str | None, precision: str | None) -> dict[str, str]:
    named = {"device": device, "backend": backend, "precision": precision}
    chosen = {name: value for name, value in named.items() if value is not None}
    if chosen:
        from ..backends import require_known  # which imports NumPy

        require_known(**{**dict.fromkeys(named, "auto"), **chosen})
    return chosen


def _begin(wish: object, choices: dict[str, str]) -> None:
    with _lock:
        _wishes[wish] = choices
        _say_all()
        startup.begin()
        after_import(_PROCESSES, _tell_processes)


def _end(wishes: list[object]) -> None:
    with _lock:
        for wish in wishes:
            _wishes.pop(wish, None)
        _say_all()
        if _wishes:
            return
        for module in (startup.PERCEPTRONS, _PROCESSES):
            forget(module)
        if _PROCESSES in sys.modules:
            _configuration().pop(_INHERITED, None)
        if f"{__package__}.patching" in sys.modules:
            from . import patching

            patching.uninstall()


def _say_all() -> None:
    said: dict[str, str] = {}
    for choices in _wishes.values():
        said |= choices
    process_choice.say(said)


def _tell_processes() -> None:
    _configuration()[_INHERITED] = Inherited()


def _configuration() -> dict[str, Any]:
    from multiprocessing.process import current_process

    configuration: dict[str, Any] = vars(current_process())["_config"]
    return configuration
