"""Parallel fits of networks, in threads where scikit-learn would start processes by default.

scikit-learn's searches, cross-validations and ensembles hand their fits, one by one, to a
`Parallel` of its own. The first fit decides: what is no network is done by joblib's default, and
everything by a backend that the program has chosen.
"""

import functools
from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import Any

from joblib.parallel import BACKENDS, DEFAULT_PROCESS_BACKEND, get_active_backend
from sklearn.utils.parallel import Parallel

from ..fitting import overrides
from ..fitting.scikit_learn import contract

Task = tuple[Any, tuple[Any, ...], dict[str, Any]]
"""What is called, and its arguments."""


def preferring_threads(own: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands for the `__call__` of scikit-learn's `Parallel`, its `own`."""

    @functools.wraps(own)
    def call(self: Any, tasks: Iterable[Task]) -> Any:
        rest = iter(tasks)
        first = list(islice(rest, 1))
        if first and _starts_processes(self) and _fits_a_network(*first):
            self = Parallel(
                self.n_jobs,
                "gpubackprop",
                verbose=self.verbose,
                pre_dispatch=self.pre_dispatch,
                timeout=self.timeout,
            )
        return own(self, chain(first, rest))

    return call


def _starts_processes(parallel: Any) -> bool:
    """Whether joblib's default is to do the work in processes, chosen by nobody."""
    chosen = get_active_backend()[0] is get_active_backend()[0]  # a default is made anew
    processes = type(parallel._backend) is BACKENDS[DEFAULT_PROCESS_BACKEND]
    return processes and not chosen and parallel.n_jobs != 1 and not parallel.return_generator


def _fits_a_network(task: Task) -> bool:
    """Whether an argument of a task is an estimator that the engine trains."""
    _, arguments, _ = task
    return any(map(_is_network, arguments))


def _is_network(argument: Any) -> bool:
    """Whether it is a network, a pipeline that ends in one, or an ensemble of either."""
    for name in ("estimator_", "_final_estimator"):
        argument = getattr(argument, name, argument)
    return (
        isinstance(argument, contract.BaseMultilayerPerceptron)
        and overrides.in_class(argument) is None
    )
