"""Cases measured in a process of their own: a case that crashes spoils no other."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from importlib import import_module

from ..options import Options
from ..report.section import Measure
from . import service
from .service import Restarted

PATIENCE = 300.0
"""Seconds that a case may take."""


def own_process(name: str) -> Callable[[Options], AbstractContextManager[Measure]]:
    """Have the cases of a section measured by its module's `measure(case, quick)`.

    In `on_gpu` it is given the first GPU as well. All cases share one process; after a crash the
    next has a new one.
    """

    @contextmanager
    def measuring(options: Options) -> Iterator[Measure]:
        quick = ["--quick"] if options.quick else []
        process = Restarted(*service.module("own_process"), name, *quick, patience=PATIENCE)
        with closing(process):
            yield process.ask

    return measuring


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    measure = partial(import_module(args.module).measure, quick=args.quick)
    if ".on_gpu." in args.module:
        from ...kernels.cuda.gpu import gpu

        measure = partial(measure, gpu=gpu(0))
    service.answer({}, measure)


if __name__ == "__main__":
    main()
