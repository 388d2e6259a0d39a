"""SIGTERM, held back until what it would destroy is saved."""

import signal
import threading
from typing import Any


class Termination:
    """Within a `with` in the main thread, SIGTERM waits until it is let through.

    A second one does not wait. Where the signal is ignored, or the handler is not Python's, nothing
    is changed.
    """

    def __init__(self) -> None:
        self.waits = False
        """Whether a signal has come."""
        self._before: Any = None

    def __enter__(self) -> "Termination":
        if threading.current_thread() is threading.main_thread():
            self._hold()
        return self

    def __exit__(self, *error: object) -> None:
        if signal.getsignal(signal.SIGTERM) == self._note:
            signal.signal(signal.SIGTERM, self._before)
        if self.waits:
            signal.raise_signal(signal.SIGTERM)

    def come(self) -> None:
        """Take it that a signal has come, as one has to a process that this one trains with."""
        self.waits = self._before is not None

    def let_through(self) -> None:
        """Let a signal that waits do what it would have done; it may not return."""
        if self.waits:
            self.waits = False
            signal.signal(signal.SIGTERM, self._before)
            signal.raise_signal(signal.SIGTERM)
            self._hold()  # a handler of the program's own decided to go on

    def _hold(self) -> None:
        before = signal.getsignal(signal.SIGTERM)
        if before not in (None, signal.SIG_IGN):
            self._before = before
            signal.signal(signal.SIGTERM, self._note)

    def _note(self, number: int, frame: Any) -> None:
        again, self.waits = self.waits, True
        if again:
            self.let_through()
