"""Whether threads that compute in step get the cores that they need."""

WINDOW_SECONDS = 0.02
"""Seconds of computing that are judged at a time: several slices of the processor's time."""
TOLERATED_SHARE = 0.25
"""Share of its time that a thread may do without a core; beside one busy process it is a third."""
GRACE_SECONDS = 1e-4
"""Thread-seconds lost by every order to waking threads that sleep."""
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.1, 3.2
"""Seconds until threads that were starved are tried again; each time in vain doubles them."""


class Starvation:
    """Judges by the time that threads computed, of the time that passed, whether they starve.

    Threads meet at barriers every few microseconds. One that waits for a core, which another
    process uses, lets all the others wait for milliseconds, whether these spin, yield or sleep:
    beside two busy processes two threads then take many times as long as one.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._passed = self._lost = 0.0
        self._pause, self._until = MIN_PAUSE_SECONDS, 0.0

    def note(self, now: float, passed: float, computed: float) -> None:
        """Take an order into account that has taken `passed` seconds, until `now` by any clock.

        `computed` are the seconds that the threads had a core meanwhile, all together.
        """
        self._passed += passed
        self._lost += max(0.0, self._size * passed - computed - GRACE_SECONDS)
        if self._passed < WINDOW_SECONDS:
            return
        if self._lost > TOLERATED_SHARE * self._size * self._passed:
            self._until = now + self._pause
            self._pause = min(2 * self._pause, MAX_PAUSE_SECONDS)
        else:
            self._pause = MIN_PAUSE_SECONDS
        self._passed = self._lost = 0.0

    def lasts(self, now: float) -> bool:
        """Whether one thread had better compute alone."""
        return now < self._until
