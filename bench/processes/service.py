"""A process that measures when asked: the side that serves and the side that asks."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

PAUSE = 0.1
"""Seconds between two measurements: idle threads of the one before have gone to sleep."""


def answer(ready: dict[str, Any], measure: Callable[[str], dict[str, Any]]) -> None:
    """Say `ready`, then answer each line of standard input, which says what to measure."""
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(line.rstrip("\n"))), flush=True)


def decline(reason: str) -> NoReturn:
    """Say why this process cannot measure, and end."""
    print(json.dumps({"left_out": reason}), flush=True)
    sys.exit(0)


class UnavailableError(Exception):
    """A process that cannot measure, with the reason."""


class CrashError(UnavailableError):
    """A process that has ended unasked."""


class Service:
    """A measuring process: Python with the arguments of `module`.

    A process that has not answered for as many seconds as its `patience` is ended. Where it is not
    to `wait` until it is ready, call `get_ready` before `ask`. UnavailableError if the process
    declines or dies while it gets ready.
    """

    def __init__(self, *arguments: str, patience: float | None = None, wait: bool = True) -> None:
        command = [sys.executable, "-P", *arguments]  # no module is the working directory's
        self._patience = patience
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,  # Ctrl-C is for the process that asks
        )
        if wait:
            self.get_ready()

    def get_ready(self) -> None:
        """Wait until the process is ready, and keep what it says of itself."""
        try:
            self.ready = self._answer()
        except BaseException:
            self.close()
            raise

    def ask(self, what: str = "") -> dict[str, Any]:
        """Ask for one measurement, or to get ready for those that follow."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{what}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._crash() from None
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._end()
        self._process.communicate()
        self._errors.close()

    def _end(self) -> None:
        """End the process and those it started: compilers' workers hold its output open."""
        if self._process.returncode is None:  # not `poll()`: what it has started outlives it
            os.killpg(self._process.pid, signal.SIGKILL)  # its session is its own

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        guard = threading.Timer(self._patience or 0, self._end)
        if self._patience is not None:
            guard.start()
        try:
            line = next((line for line in self._process.stdout if line.startswith("{")), "")
        finally:
            guard.cancel()
        if not line:
            raise self._crash()
        said: dict[str, Any] = json.loads(line)
        if "left_out" in said:
            raise UnavailableError(said["left_out"])
        return said

    def _crash(self) -> CrashError:
        """Pass the process's errors on, and return their last line."""
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # it has closed its output and hangs
            self._end()
            code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read()
        sys.stderr.write(said)
        *_, last = ["it said nothing", *filter(str.strip, said.splitlines())]
        return CrashError(f"its process ended with code {code}: {last.strip()}")


class Restarted:
    """A service that is started when it is asked and does not run, as after a crash."""

    def __init__(self, *arguments: str, patience: float | None = None) -> None:
        self._arguments, self._patience = arguments, patience
        self._service: Service | None = None

    def ask(self, what: str = "") -> dict[str, Any]:
        """Ask for one measurement; UnavailableError if the process ends."""
        if self._service is None:
            self._service = Service(*self._arguments, patience=self._patience)
        try:
            return self._service.ask(what)
        except UnavailableError:
            self.close()
            raise

    def close(self) -> None:
        """End the process."""
        if self._service is not None:
            self._service.close()
            self._service = None


def module(name: str) -> tuple[str, str]:
    """Have Python run a module of this package."""
    return "-m", f"{__package__}.{name}"


def in_turn(
    services: dict[str, Service], rounds: int
) -> tuple[dict[str, list[float]], dict[str, UnavailableError]]:
    """Ask each for its seconds, one after the other, `rounds` times (A B C A B C ...).

    Who ends meanwhile is left out, and the others go on.
    """
    seconds: dict[str, list[float]] = {name: [] for name in services}
    lost: dict[str, UnavailableError] = {}
    for _ in range(rounds):
        for name in list(seconds):
            time.sleep(PAUSE)
            try:
                seconds[name].append(services[name].ask()["seconds"])
            except UnavailableError as reason:
                lost[name] = reason
                del seconds[name]
    return seconds, lost
