"""Epoch times of scikit-learn, PyTorch, JAX and the bare matrix products beside ours.

    python bench/compare.py                             every row that has a goal
    python bench/compare.py --problems mid --dtype float64 --peers scikit_learn
    python bench/compare.py --quick                     toy problems: does it all run?

Each contestant trains in a process of its own, from the same weights and in the same order of
rows; they are asked in turn, and what is reported is the median ratio of the pairs.
"""

import argparse
import sys
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from .. import contestants
from .. import host
from ..contestants import FLOOR, FLOORS, OURS
from ..goals import AT_LEAST, FLOOR_AT_MOST, Row
from ..problems import ACTIVATIONS, DTYPES, PROBLEMS
from ..ratios import Ratio, verdict
from ..service import CrashError, Service, UnavailableError, in_turn
from ..report.tables import save_json, save_text, table

TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
"""Relative difference of the first epoch's loss from ours that reordered sums explain."""
EPSILON_TOLERANCE = {"torch_eager": 5e-4}
"""For an optimizer that places epsilon elsewhere, in either type."""
QUICK_ROWS = [Row("digits", "float32", "relu"), Row("mid", "float64", "tanh")]


class Result(NamedTuple):
    """What was measured for one row."""

    row: Row
    seconds: dict[str, list[float]]
    ready: dict[str, dict[str, Any]]
    left_out: dict[str, UnavailableError]
    toy: bool
    """Whether the problem was made too small for goals to apply."""

    def ratio(self, name: str) -> Ratio:
        """A contestant's time over ours; ours over a floor's."""
        pair = (OURS, name) if name in FLOORS else (name, OURS)
        return Ratio.of(self.seconds[pair[0]], self.seconds[pair[1]])

    def disagreement(self, name: str) -> float:
        """Relative difference of a contestant's loss from ours, after one epoch.

        Later, rounding has switched units of a ReLU network on or off, and losses drift apart.
        """
        theirs, mine = (float(self.ready[who]["losses"][0]) for who in (name, OURS))
        return abs(theirs - mine) / abs(mine)

    def sound(self) -> bool:
        """Whether all have done the same work and none has crashed."""
        crashed = any(isinstance(reason, CrashError) for reason in self.left_out.values())
        return not crashed and not self.disagreeing()

    def disagreeing(self) -> list[str]:
        """Contestants that have not done the same work."""
        return [
            name
            for name in self.seconds
            if name not in (OURS, *FLOORS)
            and self.disagreement(name) > EPSILON_TOLERANCE.get(name, TOLERANCE[self.row.dtype])
        ]


def main() -> int:
    args = _arguments()
    print(f"{host.sentence()}; {args.pairs} pairs", flush=True)
    results: list[Result] = []
    sound = True
    try:
        for row in _rows(args):
            sound &= _measure_into(results, row, args)
    except KeyboardInterrupt:
        print("interrupted; the finished rows:")
    report = _report(results, args)
    print(f"\n{report}")
    save_text(args.markdown, report)
    save_json(args.json, _json(results))
    return 0 if sound else 1


def _rows(args: argparse.Namespace) -> list[Row]:
    """The rows asked for, or those with a goal."""
    if not (args.problems or args.dtype or args.activation):
        return QUICK_ROWS if args.quick else list(AT_LEAST)
    asked = (args.problems or PROBLEMS, args.dtype or ["float32"], args.activation or ["relu"])
    return [Row(*choice) for choice in product(*asked)]


def _measure_into(results: list[Result], row: Row, args: argparse.Namespace) -> bool:
    """Add a row to the results; say whether all went well."""
    try:
        result = _measure(row, args)
    except UnavailableError as reason:
        print(f"{' '.join(row)}: left out, {reason}", flush=True)
        return False
    results.append(result)
    print("\n".join(_lines(result)), flush=True)
    return result.sound()


def _measure(row: Row, args: argparse.Namespace) -> Result:
    """Start the contestants of a row, ask them in turn, end them."""
    services: dict[str, Service] = {}
    left_out: dict[str, UnavailableError] = {}
    options = ["--seconds", str(args.seconds), *(["--smallest"] if args.quick else [])]
    try:
        for name in dict.fromkeys([OURS, *args.peers]):
            try:
                services[name] = Service("worker.py", name, *row, *options)
            except UnavailableError as reason:
                if name == OURS:
                    raise
                left_out[name] = reason
        ready = {name: service.ready for name, service in services.items()}
        return Result(row, in_turn(services, args.pairs), ready, left_out, args.quick)
    finally:
        for service in services.values():
            service.close()


def _lines(result: Result) -> list[str]:
    """One row in words, as soon as it is finished."""
    best = min(result.seconds[OURS])
    lines = [f"\n{' '.join(result.row)}: ours {1e3 * best:.3g} ms an epoch at best"]
    for name in result.seconds:
        if name in FLOORS:
            lines.append(f"  ours / {name}: {_cell(result, name)}")
        elif name != OURS:
            agree = f"losses agree to {result.disagreement(name):.0e}"
            lines.append(f"  {name} / ours: {_cell(result, name)}; {agree}")
    lines += [f"  {name} LEARNS SOMETHING ELSE" for name in result.disagreeing()]
    lines += [f"  {name} is left out: {why}" for name, why in result.left_out.items()]
    return lines


def _cell(result: Result, name: str) -> str:
    if name not in result.seconds:
        return ""
    ratio = result.ratio(name)
    if result.toy:
        return str(ratio)
    if name == FLOOR:
        goal = verdict(ratio.median, at_most=FLOOR_AT_MOST.get(result.row))
    else:
        goal = verdict(ratio.median, at_least=AT_LEAST.get(result.row, {}).get(name))
    return f"{ratio}, {goal}" if goal else str(ratio)


def _report(results: list[Result], args: argparse.Namespace) -> str:
    """The whole table with what it belongs to."""
    peers = [name for name in args.peers if any(name in result.seconds for result in results)]
    names = [f"ours / {name}" if name in FLOORS else f"{name} / ours" for name in peers]
    header = ["problem", "dtype", "activation", "ms an epoch", *names]
    rows = [
        [
            *result.row,
            f"{1e3 * min(result.seconds[OURS]):.3g}",
            *(_cell(result, name) for name in peers),
        ]
        for result in results
    ]
    size = "toy problems, the ratios mean nothing; " if args.quick else ""
    about = f"{host.sentence()}; {size}median (range) of {args.pairs} pairs."
    versions = "\n".join(f"- {line}" for line in _versions(results))
    return f"{table(header, rows)}\n\n{about}\n\n{versions}"


def _versions(results: list[Result]) -> list[str]:
    found = {name: ready["versions"] for result in results for name, ready in result.ready.items()}
    return [
        f"{name}: " + ", ".join(f"{what} {value}" for what, value in versions.items())
        for name, versions in found.items()
    ]


def _json(results: list[Result]) -> dict[str, Any]:
    return {"host": host.describe(), "rows": [_json_row(result) for result in results]}


def _json_row(result: Result) -> dict[str, Any]:
    peers = [name for name in result.seconds if name != OURS]
    ratios = {name: result.ratio(name)._asdict() for name in peers}
    left_out = {name: str(reason) for name, reason in result.left_out.items()}
    named = {"row": result.row._asdict(), "left_out": left_out}
    return {**result._asdict(), **named, "ratios": ratios}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--problems", nargs="+", choices=PROBLEMS, metavar="NAME", help=", ".join(PROBLEMS))
    add("--dtype", nargs="+", choices=DTYPES, metavar="TYPE", help=", ".join(DTYPES))
    add("--activation", nargs="+", choices=ACTIVATIONS, metavar="NAME", help=", ".join(ACTIVATIONS))
    peers = [name for name in contestants.NAMES if name != OURS]
    default = list(contestants.DEFAULT_PEERS)
    add("--peers", nargs="+", choices=peers, default=default, metavar="NAME", help=", ".join(peers))
    add("--pairs", type=int, default=5, help="measurements of each contestant (5)")
    add("--seconds", type=float, default=0.5, help="length of one measurement (0.5)")
    add("--quick", action="store_true", help="toy problems, 2 pairs: does it all run?")
    add("--json", type=Path, help="write all measurements to this file")
    add("--markdown", type=Path, help="write the table to this file")
    args = parser.parse_args()
    if args.quick:
        args.pairs, args.seconds = 2, 0.02
    if args.pairs < 1:
        parser.error("--pairs must be at least 1")
    return args


if __name__ == "__main__":
    sys.exit(main())
