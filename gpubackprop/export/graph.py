"""A network's forward pass as a graph of ONNX operators."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..fitting.conversion import formulas
from ..kernels.formulas import LEAK, SELU_ALPHA, SELU_SCALE, Activation


class Graph:
    """The part of skl2onnx's graph that stands for one estimator, made as a converter is called."""

    def __init__(self, scope: Any, operator: Any, container: Any) -> None:
        from onnx import TensorProto
        from skl2onnx.common.data_types import guess_proto_type

        self._scope, self._operator, self._container = scope, operator, container
        self._types = TensorProto
        given = guess_proto_type(operator.inputs[0].type)
        self._real = TensorProto.DOUBLE if given == TensorProto.DOUBLE else TensorProto.FLOAT
        self.input = self._cast(operator.inputs[0].full_name, self._real)

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator and return the name of its output."""
        out = str(self._scope.get_unique_variable_name(kind.lower()))
        name = self._scope.get_unique_operator_name(kind)
        self._container.add_node(kind, list(inputs), [out], name=name, **attributes)
        return out

    def constant(self, values: Any) -> str:
        """Add numbers of the graph's type."""
        return self._initializer(self._real, np.asarray(values, dtype=np.float64))

    def labels(self, classes: Any) -> str:
        """Add classes: whole numbers where they are numbers, else texts."""
        if classes.dtype.kind in "biuf":
            return self._initializer(self._types.INT64, classes.astype(np.int64))
        return self._initializer(self._types.STRING, np.array([str(c).encode() for c in classes]))

    def integers(self, value: str) -> str:
        """Convert to int64."""
        return self._cast(value, self._types.INT64)

    def in_single(self, kind: str, value: str) -> str:
        """Add an operator that computes in float32, whatever the graph's type."""
        return self._cast(self.add(kind, self._cast(value, self._types.FLOAT)), self._real)

    def sorted_columns(self, value: str, ranks: Any) -> str:
        """Sort each row, and take the columns of these ranks."""
        ordered, where = (self._scope.get_unique_variable_name(n) for n in ("ordered", "where"))
        name = self._scope.get_unique_operator_name("TopK")
        count = self._initializer(self._types.INT64, np.array([len(ranks)]))
        outputs = [ordered, where]
        self._container.add_node("TopK", [value, count], outputs, name=name, axis=1, largest=0)
        return self.add("Gather", ordered, self._initializer(self._types.INT64, ranks), axis=1)

    def name_output(self, value: str, position: int) -> None:
        """Make a value the estimator's output at this position."""
        name = self._scope.get_unique_operator_name("Identity")
        outputs = [self._operator.outputs[position].full_name]
        self._container.add_node("Identity", [value], outputs, name=name)

    def _cast(self, value: str, kind: int) -> str:
        return self.add("Cast", value, to=kind)

    def _initializer(self, kind: int, values: Any) -> str:
        name = str(self._scope.get_unique_variable_name("constant"))
        self._container.add_initializer(name, kind, list(values.shape), values.ravel().tolist())
        return name


def forward(graph: Graph, model: Any) -> str:
    """Add sigma(A W + b) of every layer of a fitted estimator; return the last output's name."""
    A = graph.input
    activations = formulas(model).activations(len(model.coefs_))
    for W, b, sigma in zip(model.coefs_, model.intercepts_, activations, strict=True):
        Z = graph.add("Gemm", A, graph.constant(W), graph.constant(b))
        A = SIGMA[sigma](graph, Z)
    return A


def _same_named(kind: str, **attributes: Any) -> Callable[[Graph, str], str]:
    return lambda graph, Z: graph.add(kind, Z, **attributes)


def _sum(graph: Graph, a: str, b: str) -> str:
    return graph.add("Add", a, b)


def _scaled(graph: Graph, factor: float, value: str) -> str:
    return graph.add("Mul", graph.constant(factor), value)


def _negative_part(graph: Graph, Z: str) -> str:
    return graph.add("Min", Z, graph.constant(0.0))


def _leaky_relu(graph: Graph, Z: str) -> str:
    leak = _scaled(graph, LEAK, _negative_part(graph, Z))
    return _sum(graph, graph.add("Relu", Z), leak)


def _elu(graph: Graph, Z: str, alpha: float = 1.0) -> str:
    """Relu(Z) + alpha (exp(min(Z, 0)) - 1): onnxruntime's Elu knows no float64."""
    power = graph.add("Exp", _negative_part(graph, Z))
    below = _scaled(graph, alpha, _sum(graph, power, graph.constant(-1.0)))
    return _sum(graph, graph.add("Relu", Z), below)


def _selu(graph: Graph, Z: str) -> str:
    return _scaled(graph, SELU_SCALE, _elu(graph, Z, SELU_ALPHA))


def _softplus(graph: Graph, Z: str) -> str:
    """Relu(Z) + log(1 + exp(-|Z|))."""
    power = graph.add("Exp", _scaled(graph, -1.0, graph.add("Abs", Z)))
    above = graph.add("Log", _sum(graph, power, graph.constant(1.0)))
    return _sum(graph, graph.add("Relu", Z), above)


def _silu(graph: Graph, Z: str) -> str:
    return graph.add("Mul", Z, graph.add("Sigmoid", Z))


def _mish(graph: Graph, Z: str) -> str:
    return graph.add("Mul", Z, graph.add("Tanh", _softplus(graph, Z)))


def _gelu(graph: Graph, Z: str) -> str:
    """Z (1 + erf(Z / sqrt(2))) / 2."""
    erf = graph.in_single("Erf", _scaled(graph, np.sqrt(0.5), Z))
    return graph.add("Mul", _scaled(graph, 0.5, Z), _sum(graph, erf, graph.constant(1.0)))


def _hardtanh(graph: Graph, Z: str) -> str:
    return graph.add("Clip", Z, graph.constant(-1.0), graph.constant(1.0))


SIGMA: dict[Activation, Callable[[Graph, str], str]] = {
    Activation.IDENTITY: _same_named("Identity"),
    Activation.RELU: _same_named("Relu"),
    Activation.SIGMOID: _same_named("Sigmoid"),
    Activation.TANH: _same_named("Tanh"),
    Activation.SOFTMAX: _same_named("Softmax", axis=1),
    Activation.EXP: _same_named("Exp"),
    Activation.SILU: _silu,
    Activation.LEAKY_RELU: _leaky_relu,
    Activation.ELU: _elu,
    Activation.SELU: _selu,
    Activation.GELU: _gelu,
    Activation.MISH: _mish,
    Activation.SOFTPLUS: _softplus,
    Activation.HARDTANH: _hardtanh,
}
"""sigma(Z) in ONNX's operators."""
