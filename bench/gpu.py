"""How fast training is on a GPU: passes over memory, steps, other libraries, the CPU, precisions.

    python bench/gpu.py                             all tables; some 6 minutes
    python bench/gpu.py --only kernels step         some of them
    python bench/gpu.py --quick                     in small: does it all run?

Every row is written to FOLDER/gpu-DEVICE.md and .json as soon as it is finished; tables of an
earlier run stay unless they are measured anew.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from ..backends.cuda import detection
from . import host
from .on_gpu import cpu, host_time, kernels, peers, precision, step
from .own_process import InProcess
from .report.section import Figures, Section
from .report.store import Report, file_name
from .service import UnavailableError

_TABLES = (kernels.SECTION, step.SECTION, host_time.SECTION, precision.SECTION)
SECTIONS: dict[str, Section] = {
    section.name: section for section in (*_TABLES, cpu.SECTION, peers.SECTION)
}
RACES: dict[str, Callable[[str, bool], Figures]] = {"cpu": cpu.measure, "peers": peers.measure}
"""Sections whose contestants have a process each; the others have one for all their cases."""
RESULTS = Path(__file__).with_name("results")


def main() -> int:
    args = _arguments()
    usable, reason = detection.status()
    if not usable:
        print(f"nothing is measured: {reason}")
        return 1
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # leave the others some memory
    device = _device()
    report = Report(args.folder, file_name(device, args.quick), _about(device, args), SECTIONS)
    deadline = time.monotonic() + 60 * args.minutes
    sound = True
    try:
        for name in args.only:
            sound &= measured(report, name, args.quick, deadline)
    except KeyboardInterrupt:
        print("interrupted; the finished rows:")
        sound = False
    print(f"\n{report.text()}")
    return 0 if sound else 1


def measured(report: Report, name: str, quick: bool, deadline: float) -> bool:
    """Measure a section's cases, each whatever happens to the others; say whether all went well."""
    section, process = SECTIONS[name], InProcess(name, quick)
    report.begin(name)
    print(f"\n{section.title}", flush=True)
    sound = True
    try:
        for case in section.cases:
            try:
                if time.monotonic() > deadline:
                    raise UnavailableError("there was no time left; see --minutes")
                race = RACES.get(name)
                figures = race(case, quick) if race else process.measure(case)
                report.add(name, figures)
                print(" | ".join(section.cells(figures)), flush=True)
            except Exception as reason:
                report.fail(name, case, str(reason) or repr(reason))
                print(f"{case}: not measured, {reason}", flush=True)
                sound = False
    finally:
        process.close()
    return sound


def _device() -> str:
    found: bytes = import_module("cupy").cuda.runtime.getDeviceProperties(0)["name"]
    return found.decode()


def _about(device: str, args: argparse.Namespace) -> str:
    names = (*detection.CUPY, "numba-cuda", "torch", "jax", "numpy", "gpubackprop")
    versions = [f"{name} {number}" for name, number in detection.installed(names).items()]
    size = "toy problems, the ratios mean nothing; " if args.quick else ""
    driver = detection.driver().reason
    return f"{size}{device}; {driver}; {host.sentence()}; {', '.join(versions)}; median (range)."


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    known = list(SECTIONS)
    add("--only", nargs="+", choices=known, default=known, metavar="NAME", help=", ".join(known))
    add("--quick", action="store_true", help="toy problems: does it all run?")
    add("--minutes", type=float, default=6.0, help="no row is begun after these (6)")
    add("--folder", type=Path, default=RESULTS, help="where the tables are written (bench/results)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
