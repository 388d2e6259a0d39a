"""A process that measures when asked: the side that serves and the side that asks."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

PAUSE = 0.1
"""Seconds between two measurements: idle threads of the one before have gone to sleep."""


def serve(ready: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> None:
    """Say `ready`, then answer each line of standard input with one measurement, as JSON."""
    print(json.dumps(ready), flush=True)
    for _ in sys.stdin:
        print(json.dumps(measure()), flush=True)


def decline(reason: str) -> NoReturn:
    """Say why this process cannot measure, and end."""
    print(json.dumps({"left_out": reason}), flush=True)
    sys.exit(0)


class UnavailableError(Exception):
    """A process that cannot measure, with the reason."""


class CrashError(UnavailableError):
    """A process that has ended unasked."""


class Service:
    """A measuring process.

    Parameters
    ----------
    script : str
        File beside this one.
    *arguments : str
        Its command line.

    Raises
    ------
    UnavailableError
        If the process declines or dies while it gets ready.
    """

    def __init__(self, script: str, *arguments: str) -> None:
        command = [sys.executable, str(Path(__file__).with_name(script)), *arguments]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the one who asks
        )
        try:
            self.ready = self._answer()
        except BaseException:
            self.close()
            raise

    def measure(self) -> dict[str, Any]:
        """Ask for one measurement."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise CrashError(f"its process ended with code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "left_out" in answer:
            raise UnavailableError(answer["left_out"])
        return answer


def in_turn(services: dict[str, Service], rounds: int) -> dict[str, list[float]]:
    """Ask each for its seconds, one after the other, `rounds` times (A B C A B C ...)."""
    seconds: dict[str, list[float]] = {name: [] for name in services}
    for _ in range(rounds):
        for name, service in services.items():
            time.sleep(PAUSE)
            seconds[name].append(service.measure()["seconds"])
    return seconds
