"""Networks of equal layers and their passes, ready to run: what most claims are measured on."""

from typing import NamedTuple

import numpy as np

from ...algorithm.checkpointing import Checkpoint
from ...algorithm.memory import Memory
from ...algorithm.parameters import Parameters
from ...algorithm.workspace import Workspace
from ...backends import Backend
from ...backends.backend import Run, Step
from ...backprop import bind
from ...kernels.formulas import Activation, Formulas, Loss
from ...kernels.protocol import Kernels


class Plain(NamedTuple):
    """L layers of d units each on inputs of d numbers, and a mini-batch of B examples."""

    depth: int
    width: int
    batch: int
    activation: Activation = Activation.RELU
    dtype: str = "float32"
    checkpoint: Checkpoint = None

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        return (self.width,) * (self.depth + 1)

    @property
    def parameters(self) -> int:
        return self.depth * self.width * (self.width + 1)

    @property
    def forward_flops(self) -> int:
        """Operations of the forward products: a multiplication and an addition for each weight and
        example."""
        return 2 * self.batch * self.depth * self.width**2

    @property
    def backward_flops(self) -> int:
        """Operations of the backward products: two a layer, one in the first layer."""
        return 2 * self.forward_flops - self.forward_flops // self.depth

    @property
    def formulas(self) -> Formulas:
        """The activation throughout, but for linear outputs with the squared error."""
        linear = Activation.IDENTITY, Loss.SQUARED_ERROR
        return Formulas(self.activation, *linear)

    def zeros(self, memory: Memory) -> Parameters:
        """Parameters that are all zero."""
        return Parameters.zeros(self.layer_sizes, self.dtype, memory)

    def workspace(self, net: Parameters) -> Workspace:
        """Memory for the mini-batch and what is computed of it."""
        return Workspace.allocate(net, self.formulas, self.batch, self.checkpoint)


class Passes:
    """The passes over one network and mini-batch, each to be run many times without Python."""

    def __init__(self, plain: Plain, backend: Backend) -> None:
        rng, memory = np.random.default_rng(0), backend.memory
        L, d, B = plain.depth, plain.width, plain.batch
        weights = rng.standard_normal((L, d, d)) * np.sqrt(2 / d)  # signals neither fade nor grow
        self.net = net = plain.zeros(memory)
        net.load([*weights, *np.zeros((L, d))])
        self.grad = grad = net.zeros_like()
        self._ws = ws = plain.workspace(net)
        with backend.session():
            for place in (ws.examples, ws.Y):
                place[...] = memory.put(rng.standard_normal((B, d)).astype(plain.dtype))

        def gradient(k: Kernels) -> None:
            bind(k).forward(ws.layers)
            bind(k).backward(ws, grad)

        def loss(k: Kernels) -> None:
            bind(k).forward(ws.layers)
            bind(k).output_error(ws)

        def prepared(step: Step) -> Run:
            run = backend.prepare(step, 3 * B * plain.parameters)  # as many threads for each

            def finished(repeats: int) -> None:
                run(repeats)
                memory.read(ws.sums)  # a GPU is waited for

            return finished

        self.forward = prepared(lambda k: bind(k).forward(ws.layers))
        self.backward = prepared(lambda k: bind(k).backward(ws, grad))
        self.gradient, self._loss = prepared(gradient), prepared(loss)

    def loss(self) -> float:
        """The loss with the parameters as they are."""
        memory, sums = self._ws.memory, self._ws.sums
        memory.write(sums, np.zeros(3))
        self._loss(1)
        return float(memory.read(sums)[0])
