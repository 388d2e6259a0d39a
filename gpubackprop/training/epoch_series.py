"""Epochs that follow each other in machine code, in one call and without Python between them."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from ..algorithm.memory import Array
from ..backends.backend import INTERRUPT_SECONDS, Rounds, Run, Tally
from .batches import Resident

MOST_ROWS = 1 << 15
"""Rows of the epochs of a call, unless one has more: the numbers of these take 256 KiB."""


class EpochSeries:
    """Runs epochs in one call, as many as an interrupt may wait for.

    Parameters
    ----------
    run : callable
        Takes a number of epochs, whose order lies in the feed.
    tally : Tally
        The sums of the losses, on the host.
    feed : Resident
        The training data.
    """

    def __init__(self, run: Run, tally: Tally, feed: Resident) -> None:
        self._run, self._tally, self._feed = run, tally, feed
        self.at_once = 0
        """Epochs of a call; none before `pace` has been told how long one takes."""

    def run(self, orders: Iterator[Array]) -> Array:
        """Run an epoch in each of the next orders, `at_once` at the most; return their sums."""
        tally = self._tally
        epochs = self._feed.line_up(islice(orders, self.at_once))
        tally.sums[...], tally.rounds[0] = tally.fresh, 0
        self._run(epochs)
        return tally.kept[:epochs]

    def pace(self, seconds: float) -> None:
        """Choose how many epochs the next call may run, of the seconds that one has taken."""
        self.at_once = min(len(self._tally.kept), int(INTERRUPT_SECONDS / max(seconds, 1e-6)))


def series(
    rounds: Rounds,
    parts: Sequence[tuple[Run, int]],
    sums: Array,
    fresh: Array,
    feed: Resident,
    most: int,
) -> EpochSeries | None:
    """Make a series of epochs, each of which takes every part its number of times.

    None where the backend cannot run them in one call. `rounds` is the backend's; `sums` begin as
    `fresh`, which may be written between two calls; the feed has room for the orders of `most`.
    """
    kept = np.zeros((most, *sums.shape))
    tally = Tally(sums, fresh, kept, np.zeros(1, dtype=np.int64))
    run = rounds(parts, tally)
    return None if run is None else EpochSeries(run, tally, feed)
