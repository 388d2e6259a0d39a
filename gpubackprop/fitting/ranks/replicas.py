"""Copies of one estimator on all ranks: they start alike and stay alike, as the first one leads.

A decision is taken from facts that all ranks share, or the first rank takes it for all: else one
would wait where the others do not.
"""

import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
import scipy.sparse

from ...algorithm.parameters import Array
from ...distributed.current import current, is_first
from ...kernels.group import Group
from ..conversion import layer_sizes
from ..rows import checked, were_given

_log = logging.getLogger("gpubackprop")

_OF_EACH_RANK = {"random_state", "verbose", "callbacks", "device"}
"""Parameters that may differ: the first rank's count, or each rank's its own."""
_SAMPLED_ROWS = 1024
"""Rows of X that are compared."""


def require_alone(reason: str) -> None:
    """Raise ValueError where ranks train together what scikit-learn's own code has to train."""
    together = current()
    if together is not None:
        raise ValueError(
            f"{together.said}: {reason}, where scikit-learn's own code runs, which trains in "
            "one process only; fit outside of the block"
        )


def device_of_this_rank(device: str) -> str:
    """Device of a fit: of ranks that train together each has a GPU of its own, if any."""
    together = current()
    if together is None:
        return device
    if together.devices:
        return f"cuda:{together.devices[together.group.index]}"
    if device == "auto":
        _log.debug("device 'auto': the CPU, as all ranks must choose alike")
        return "cpu"
    return f"cuda:{together.place}" if device == "cuda" else device


def require_alike(estimator: Any, X: Any, y: Any, sample_weight: Array | None) -> None:
    """Raise ValueError on all ranks that train together if estimators or their data do not fit."""
    together = current()
    if together is None:
        return
    sparse = scipy.sparse.issparse(X)
    if not (sparse or isinstance(X, np.ndarray)):
        raise ValueError(
            f"data_parallel trains on X in the process's memory, got {type(X).__name__}: "
            "give X.get() for an array on a GPU"
        )
    facts = {
        "the class": type(estimator).__name__,
        **{f"the parameter {name}": value for name, value in _parameters(estimator).items()},
        "the layers": layer_sizes(estimator),
        "classes_": repr(getattr(estimator, "classes_", None)),
        "the type of X": f"sparse {X.dtype}" if sparse else str(X.dtype),
        "the type of y": str(y.dtype),
        "sample_weight": "none" if sample_weight is None else "given",
        "X_val": "given" if were_given(estimator) else "none",
    }
    everyones = together.group.exchange(facts)
    for name, first in everyones[0].items():
        for rank, theirs in enumerate(everyones):
            if theirs.get(name) != first:
                raise ValueError(
                    f"all processes of data_parallel must fit alike, but {name} is {first} on "
                    f"rank 0 and {theirs.get(name)} on rank {rank}"
                )
    if not together.shards:
        shown = X.shape, _fingerprint(X, y, sample_weight)
        _require_equal(
            together.group.exchange(shown),
            "the same, or say data_parallel(shards=True) where each holds rows of its own",
        )
    if were_given(estimator):
        val = checked(estimator, X, y)
        shown = val.X.shape, _fingerprint(val.X, val.targets, val.sample_weight)
        _require_equal(together.group.exchange(shown), "the same X_val, y_val and weights of them")


def _parameters(estimator: Any) -> dict[str, str]:
    found = estimator.get_params(deep=False).items()
    return {name: _named(value) for name, value in found if name not in _OF_EACH_RANK}


def _named(value: Any) -> str:
    """Name a function, whose address differs from process to process; show any other value."""
    return str(getattr(value, "__qualname__", None) or repr(value))


def _fingerprint(X: Any, y: Array, sample_weight: Array | None) -> int:
    parts = [*arrays_of(X[:: max(1, X.shape[0] // _SAMPLED_ROWS)]), *arrays_of(y)]
    return sum(map(checksum, parts if sample_weight is None else [*parts, sample_weight]))


def arrays_of(matrix: Any) -> list[Array]:
    """List the arrays that a matrix is made of, sparse or not."""
    if scipy.sparse.issparse(matrix):
        return [matrix.data, matrix.indices, matrix.indptr]
    return [matrix]


def checksum(array: Array) -> int:
    """Number that changes, all but certainly, where a bit of an array does."""
    return zlib.crc32(np.ascontiguousarray(array).data.cast("B"))


def _require_equal(seen: list[Any], wanted: str) -> None:
    if any(each != seen[0] for each in seen):
        raise ValueError(f"the processes were given different rows; give all of them {wanted}")


def begin_as_first(estimator: Any, group: Group) -> None:
    """Take the first rank's weights, optimizer, counters and random numbers."""
    take_first_generator(estimator, group)
    take_numbers(estimator, group.exchange(numbers(estimator))[0])
    take_first_arrays(estimator, group)


def take_first_generator(estimator: Any, group: Group) -> None:
    """Draw from now on what the first rank draws."""
    generator = estimator._random_state
    generator.set_state(group.exchange(generator.get_state() if group.index == 0 else None)[0])


def numbers(estimator: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Numbers and names among the attributes of an estimator and of its optimizer."""
    own = {name: value for name, value in _scalars(estimator).items() if name not in _OF_EACH_RANK}
    return own, _scalars(getattr(estimator, "_optimizer", None))


def _scalars(holder: Any) -> dict[str, Any]:
    found = getattr(holder, "__dict__", {})
    kinds = (bool, int, float, str, np.generic)
    return {name: value for name, value in found.items() if isinstance(value, kinds)}


def take_numbers(estimator: Any, first: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Set what `numbers` found on the first rank."""
    own, of_optimizer = first
    vars(estimator).update(own)
    if of_optimizer:
        vars(estimator._optimizer).update(of_optimizer)


def take_first_arrays(estimator: Any, group: Group) -> None:
    """Write the first rank's weights, and its optimizer's vectors, into the estimator's arrays."""
    state = getattr(getattr(estimator, "_optimizer", None), "__dict__", {})
    vectors = chain.from_iterable(v for _, v in sorted(state.items()) if isinstance(v, list))
    for array in [*estimator.coefs_, *estimator.intercepts_, *vectors]:
        first = array_of_first(array, group)
        if group.index != 0:
            array[...] = first


def array_of_first(array: Array, group: Group) -> Array:
    """Return the first rank's array, of the same shape and type on all ranks."""
    flat = np.ascontiguousarray(array).reshape(-1)
    sent = flat.copy() if group.index == 0 else np.zeros_like(flat)
    group.all_reduce(sent)
    return sent.reshape(array.shape)


def follow_first(estimator: Any, group: Group, answers: tuple[bool, bool]) -> tuple[bool, bool]:
    """Take up what the first rank's callbacks changed in its estimator; return its answers.

    They are whether to stop, and whether an engine has to start anew.
    """
    answers, first = group.exchange((answers, numbers(estimator)))[0]
    if group.index != 0:
        take_numbers(estimator, first)
    if answers[1]:
        take_first_arrays(estimator, group)
    return answers


def require_equal_weights(theta: Array, epoch: int, group: Group) -> None:
    """Raise RuntimeError on all ranks if their parameters are no longer the same to the bit."""
    sums = group.exchange(checksum(theta))
    if len(set(sums)) > 1:
        raise RuntimeError(
            f"the processes have drifted apart: their weights differ after epoch {epoch} "
            f"(checksums {', '.join(f'{each:08x}' for each in sums)}); run all of them on the same "
            "kind of machine with the same versions of libraries"
        )


@contextmanager
def silent_but_first(estimator: Any) -> Iterator[None]:
    """Let ranks other than the first print nothing within a `with`."""
    said = estimator.verbose
    if not is_first():
        estimator.verbose = False
    try:
        yield
    finally:
        estimator.verbose = said


def group_of_all() -> Group | None:
    """Group that trains in this context; None where a process trains alone."""
    together = current()
    return None if together is None else together.group
