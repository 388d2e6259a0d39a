"""The report of a profile: calls of all processes, summed up."""

import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

VARIABLE = "GPUBACKPROP_PROFILE"
"""Environment variable with the folder of the notes; none are taken where it is not set."""


class Call(NamedTuple):
    """A fit, or a prediction, of an estimator."""

    model: str
    method: str
    reason: str | None
    """Why scikit-learn's own code ran, if it did."""
    seconds: float
    estimate: float
    """Seconds that scikit-learn's code would have taken, or those that it took."""


@contextmanager
def profiled(file: TextIO) -> Iterator[None]:
    """Within a `with`, note all calls of this process and of those that it starts; then report."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ[VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[VARIABLE]
            print(text(read(Path(folder))), file=file)


def read(folder: Path) -> list[Call]:
    """Read the calls of all processes."""
    files = sorted(folder.glob("*.jsonl"))
    return [Call(**json.loads(l)) for path in files for l in path.read_bytes().splitlines()]


def text(calls: list[Call]) -> str:
    """Write the report.

    Examples
    --------
    >>> from gpubackprop.accelerator.report import Call, text
    >>> fits = [Call("MLPClassifier", "fit", None, 0.5, 3.0)] * 2
    >>> print(text([*fits, Call("MLPRegressor", "fit", "sparse X", 2.0, 2.0)]))
    gpubackprop: 3.0 s; scikit-learn alone an estimated 8.0 s
      accelerated
        MLPClassifier.fit, 2 times: 1.0 s; scikit-learn's code an estimated 6.0 s
      left to scikit-learn's own code
        MLPRegressor.fit, once: 2.0 s, as sparse X
    """
    if not calls:
        return "gpubackprop: saw no MLPClassifier or MLPRegressor of scikit-learn train"
    groups = defaultdict(list)
    for call in calls:
        groups[call.reason or "", call.model, call.method].append(call)
    accelerated, left = list[str](), list[str]()
    for (reason, model, method), same in sorted(groups.items()):
        times = "once" if len(same) == 1 else f"{len(same)} times"
        line = f"    {model}.{method}, {times}: {_seconds(sum(c.seconds for c in same))}"
        if reason:
            left.append(f"{line}, as {reason}")
        else:
            estimate = _seconds(sum(c.estimate for c in same))
            accelerated.append(f"{line}; scikit-learn's code an estimated {estimate}")
    taken, alone = sum(c.seconds for c in calls), sum(c.estimate for c in calls)
    lines = [f"gpubackprop: {_seconds(taken)}; scikit-learn alone an estimated {_seconds(alone)}"]
    lines += ["  accelerated", *accelerated] if accelerated else []
    lines += ["  left to scikit-learn's own code", *left] if left else []
    return "\n".join(lines)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{1000 * seconds:.1f} ms"
