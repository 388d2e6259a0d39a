"""Pairs of a recorded step's calls that one pass over memory can serve together."""

from collections.abc import Callable

from ...kernels.cuda.primitives import Primitives
from ...tape import Call


def fuse(calls: list[Call], kernels: Primitives) -> list[Call]:
    """Find a layer's error and its bias gradient in one pass.

    The algorithm calls `bias_grad` on what `output_delta` or `hidden_delta` has just written, with
    the `weight_grad` of the same layer between them, which reads the error and writes elsewhere.

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
    together: dict[Callable[..., None], tuple[Callable[..., None], int]] = {
        kernels.output_delta: (kernels.output_delta_and_bias_grad, 5),
        kernels.hidden_delta: (kernels.hidden_delta_and_bias_grad, 4),
    }
    fused: list[Call] = []
    for primitive, arguments in calls:
        if primitive == kernels.bias_grad and len(fused) >= 2:
            producer, produced = fused[-2]
            if producer in together and fused[-1][0] == kernels.weight_grad:
                pair, out = together[producer]
                if produced[out] is arguments[0]:
                    fused[-2] = pair, (*produced, arguments[1])
                    continue
        fused.append((primitive, arguments))
    return fused
