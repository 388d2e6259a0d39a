"""Measures the cases it is asked for: `python -m gpubackprop.bench.case_worker MODULE [--quick]`.

A line of input is a case, the answer a line of JSON: what the module's `measure` returns. Sections
in `on_gpu` are given the first GPU as well.
"""

import argparse
from functools import partial
from importlib import import_module

from .service import answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    measure = partial(import_module(args.module).measure, quick=args.quick)
    if ".on_gpu." in args.module:
        measure = partial(measure, gpu=import_module("...kernels.cuda.gpu", __name__).gpu(0))
    answer({}, measure)


if __name__ == "__main__":
    main()
