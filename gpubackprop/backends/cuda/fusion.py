"""Calls of a recorded step that one pass over memory can serve together."""

from collections.abc import Callable

from ...kernels.cuda.primitives import Primitives
from ...kernels.cuda.tile import WARP
from ...kernels.formulas import Activation, Loss
from ..recording import Call


def fuse(calls: list[Call], kernels: Primitives) -> list[Call]:
    """Join what the algorithm calls one after the other and a single pass can do.

    Parameters
    ----------
    calls : list
        Of a tape.
    kernels : Primitives
        Whose calls they are.

    Returns
    -------
    calls : list
        With the same results.
    """
    return _with_softmax(_with_bias_grads(calls, kernels), kernels)


def _with_bias_grads(calls: list[Call], kernels: Primitives) -> list[Call]:
    """Find a layer's error and its bias gradient together.

    The algorithm calls `bias_grad` on what `output_delta` or `hidden_delta` has just written, with
    the `weight_grad` of the same layer between them, which reads the error and writes elsewhere.
    """
    together: dict[Callable[..., None], tuple[int, Callable[..., None]]] = {
        kernels.output_delta: (5, kernels.output_delta_and_bias_grad),
        kernels.hidden_delta: (4, kernels.hidden_delta_and_bias_grad),
    }  # which argument is the error that it writes, and what finds the bias gradient as well
    fused: list[Call] = []
    for primitive, arguments in calls:
        if primitive == kernels.bias_grad and len(fused) >= 2:
            delta, grad_b = arguments
            (producer, produced), (between, _) = fused[-2:]
            if producer in together and between == kernels.weight_grad:
                error, both = together[producer]
                if produced[error] is delta:
                    fused[-2] = both, (*produced, grad_b)
                    continue
        fused.append((primitive, arguments))
    return fused


def _with_softmax(calls: list[Call], kernels: Primitives) -> list[Call]:
    """Find the softmax together with the output error, where a warp holds a row."""
    fused: list[Call] = []
    for primitive, arguments in calls:
        if primitive == kernels.output_delta_and_bias_grad and fused:
            out, Y, share, _, loss, delta, total, grad_b = arguments
            producer, produced = fused[-1]
            if producer == kernels.dense and loss is Loss.CROSS_ENTROPY:
                A, W, b, activation, Z, written = produced
                softmax = activation is Activation.SOFTMAX and Z is written is out
                if softmax and out.shape[1] <= WARP:
                    layer = (A, W, b, out, Y, share, delta, total, grad_b)
                    fused[-1] = kernels.softmax_output_layer, layer
                    continue
        fused.append((primitive, arguments))
    return fused
