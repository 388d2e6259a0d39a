"""The floor: the matrix products of an epoch and nothing else, called from machine code.

The BLAS runs each with the threads of its own. `floor_divided` runs the same as our backend does.
"""

from contestants.contestant import Repeated
from contestants.products import Product, products
from gpubackprop.kernels.blas import gemm_call
from gpubackprop.kernels.native.kernel import Kernel, Launch
from gpubackprop.kernels.native.layout import Layout
from gpubackprop.kernels.replay import replay
from problems import Problem

_GEMM = Kernel("loops.gemm", Layout.INTEGERS)


def enter(problem: Problem, dtype: str, activation: str) -> Repeated:
    launches = []
    for batch, count in products(problem, dtype):
        launch = replay([_launch(product) for product in batch])
        launch.block[-1] = count
        launches.append(launch)

    def epoch() -> None:
        for launch in launches:
            launch.run()

    return Repeated(epoch)


def _launch(product: Product) -> Launch:
    launch = _GEMM.launch(gemm_call(*product))
    return launch._replace(keep=(*launch.keep, *product))
