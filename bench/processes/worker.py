"""One contestant in a process of its own: `python -m MODULE CONTESTANT`.

A line of input with a task has it set up and warmed up; an empty line asks for one measurement of
it. Each is answered with a line of JSON. In between the process sleeps.
"""

import argparse
import json
import math
from typing import Any

from .. import contestants
from ..contestants.contestant import Contestant
from ..problems import Problem
from . import service

WARM_EPOCHS = 2


class Worker:
    """Trains the problem that it is asked to, by the contestant that `enter` sets up."""

    def __init__(self, enter: contestants.Enter) -> None:
        self._enter = enter
        self._contestant: Contestant | None = None
        self._epochs = 1

    def answer(self, line: str) -> dict[str, Any]:
        """Measure, or get ready for another task."""
        if line:
            self._contestant = None  # its memory is free before the next takes some
            return self._get_ready(**json.loads(line))
        assert self._contestant is not None
        return {"seconds": self._contestant.train(self._epochs).seconds}

    def _get_ready(
        self, problem: dict[str, Any], dtype: str, activation: str, seconds: float
    ) -> dict[str, Any]:
        shape = Problem(**{**problem, "hidden": tuple(problem["hidden"])})
        try:
            contestant = self._enter(shape, dtype, activation)
        except ImportError as missing:
            return {"left_out": str(missing)}
        warm = contestant.train(WARM_EPOCHS)
        self._epochs = _enough_epochs(contestant, warm.seconds, seconds)
        self._contestant = contestant
        return {"losses": warm.losses, "versions": contestant.versions()}


def _enough_epochs(contestant: Contestant, estimate: float, wanted: float) -> int:
    """How many epochs take about the wanted seconds; an estimate from few epochs is a poor one."""
    epochs = WARM_EPOCHS
    while estimate * epochs < wanted / 2:
        epochs = min(math.ceil(wanted / estimate), 10 * epochs)
        estimate = contestant.train(epochs).seconds
    return max(1, round(wanted / estimate))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("contestant", choices=contestants.NAMES)
    try:
        enter = contestants.enter(parser.parse_args().contestant)
    except ImportError as missing:
        service.decline(str(missing))
    service.answer({}, Worker(enter).answer)


if __name__ == "__main__":
    main()
