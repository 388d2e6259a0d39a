"""An estimator of scikit-learn and ours of the same name, each in a process of its own, in turn."""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from importlib import import_module

from ..contestants import OURS
from ..options import Options
from ..ratios import Ratio
from ..report.section import Figures, Measure
from . import service
from .service import Restarted

SKLEARN = "scikit_learn"
PACKAGES = {OURS: "gpubackprop", SKLEARN: "sklearn.neural_network"}


def duel(name: str) -> Callable[[Options], AbstractContextManager[Measure]]:
    """Have the cases of a section measured by its module's `once(package, case, quick)`.

    It returns a dict with `seconds` and what else is to be compared; its first answer to a case
    only warms up.
    """

    @contextmanager
    def measuring(options: Options) -> Iterator[Measure]:
        quick = ["--quick"] if options.quick else []
        with ExitStack() as stack:
            services = {}
            for who, package in PACKAGES.items():
                process = Restarted(*service.module("duel"), name, package, *quick)
                services[who] = stack.enter_context(closing(process))
            yield partial(_measured, services, options.pairs)

    return measuring


def _measured(services: dict[str, Restarted], pairs: int, case: str) -> Figures:
    found = {name: process.ask(case) for name, process in services.items()}
    seconds: dict[str, list[float]] = {name: [] for name in services}
    for _ in range(pairs):
        for name, process in services.items():
            time.sleep(service.PAUSE)
            seconds[name].append(process.ask(case)["seconds"])
    return {"case": case, "seconds": seconds, "found": found}


def gain(figures: Figures) -> Ratio:
    """Scikit-learn's time over ours."""
    return Ratio.of(figures["seconds"][SKLEARN], figures["seconds"][OURS])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module")
    parser.add_argument("package")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    once, package = import_module(args.module).once, import_module(args.package)
    service.answer({}, lambda case: once(package, case, args.quick))


if __name__ == "__main__":
    main()
