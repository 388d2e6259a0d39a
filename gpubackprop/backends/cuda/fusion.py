"""Calls of a recorded step that one pass over memory can serve together."""

from ...kernels.calls import Call
from ...kernels.cuda.tile import WARP
from ...kernels.formulas import Activation, Loss

_ERROR = {"output_delta": "delta", "hidden_delta": "out"}
"""The argument that is the error, of the primitives that write it."""


def fuse(calls: list[Call]) -> list[Call]:
    """Join what the algorithm calls one after the other and a single pass can do."""
    return _with_softmax(_with_bias_grads(calls))


def _with_bias_grads(calls: list[Call]) -> list[Call]:
    """Find a layer's error and its bias gradient together.

    The algorithm calls `bias_grad` on what `output_delta` or `hidden_delta` has just written, with
    the `weight_grad` of the same layer between them, which reads the error and writes elsewhere.
    """
    fused: list[Call] = []
    for call in calls:
        if call.primitive == "bias_grad" and len(fused) >= 2:
            producer, between = fused[-2:]
            error = producer.arguments.get(_ERROR.get(producer.primitive, ""))
            if error is call.arguments["delta"] and between.primitive == "weight_grad":
                arguments = {**producer.arguments, "grad_b": call.arguments["grad_b"]}
                name = f"{producer.primitive}_and_bias_grad"
                fused[-2] = producer._replace(primitive=name, arguments=arguments)
                continue
        fused.append(call)
    return fused


def _with_softmax(calls: list[Call]) -> list[Call]:
    """Find the softmax together with the output error, where a warp holds a row."""
    fused: list[Call] = []
    for call in calls:
        if call.primitive == "output_delta_and_bias_grad" and fused:
            joined = _output_layer(fused[-1], call)
            if joined is not None:
                fused[-1] = joined
                continue
        fused.append(call)
    return fused


def _output_layer(layer: Call, output: Call) -> Call | None:
    """Join a softmax layer and its error, if they are that and a warp holds a row."""
    if layer.primitive != "dense" or output.arguments["loss"] is not Loss.CROSS_ENTROPY:
        return None
    forward, backward = dict(layer.arguments), dict(output.arguments)
    out = forward["out"]
    softmax = forward.pop("activation") is Activation.SOFTMAX
    if not (softmax and forward.pop("Z") is out is backward.pop("A") and out.shape[1] <= WARP):
        return None
    del backward["activation"], backward["loss"]
    backward.pop("constant", None)  # cross-entropy has none
    return layer._replace(primitive="softmax_output_layer", arguments={**forward, **backward})
