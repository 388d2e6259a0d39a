"""`python bench/gpu_worker.py SECTION [--quick]`: measures the cases it is asked for on GPU 0."""

import argparse
from importlib import import_module

from gpubackprop.kernels.cuda.gpu import gpu
from service import answer

MODULES = {
    "kernels": "on_gpu.kernels",
    "step": "on_gpu.step",
    "host": "on_gpu.host_time",
    "precision": "on_gpu.precision",
}
"""The sections that are measured in one process."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("section", choices=MODULES)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    measure, device = import_module(MODULES[args.section]).measure, gpu(0)
    answer({}, lambda case: measure(case, device, args.quick))


if __name__ == "__main__":
    main()
