"""What the passes of a `Network` hand out: the cache of the forward pass, then the gradients."""

from typing import Any, NamedTuple

from .algorithm.parameters import Array
from .representation import shown


class Cache(NamedTuple):
    """What the forward pass keeps for the backward pass.

    Parameters
    ----------
    Z : tuple of ndarray, (d_l, B) each
        Pre-activations of the layers 1 .. L.
    A : tuple of ndarray, (d_l, B) each
        Activations of the layers 0 .. L; A[0] is the mini-batch, A[-1] the prediction.
    masks : tuple, (d_l, B) each
        With dropout, M of the layers 0 .. L-1, which hold 0 or 1 / (1 - rate): the next layer reads
        A_l (.) M_l. None stands for a layer of which nothing is dropped.
    seen : int or None
        What `forward` was given, which decides the masks.

    Notes
    -----
    `backward` reads A alone, in which sigma' is written; Z is there to be looked at. With a
    checkpoint, None stands where other layers have used the memory since.
    """

    Z: tuple[Any, ...]
    A: tuple[Any, ...]
    masks: tuple[Any, ...] = ()
    seen: int | None = None

    def __repr__(self) -> str:
        """Show the matrices: their shapes, and values of the first example."""
        layers = zip(self.Z, self.A[1:], strict=True)
        named = [p for l, (Z, A) in enumerate(layers, 1) for p in ((f"Z{l}", Z), (f"A{l}", A))]
        masks = [(f"M{l}", M) for l, M in enumerate(self.masks) if M is not None]
        dtype, examples = self.A[0].dtype, self.A[0].shape[1]
        title = f"Cache, {dtype}; values of the first of {examples} examples"
        return shown(title, [("A0", self.A[0]), *named, *masks], of_an_example=True)


class Gradients(NamedTuple):
    """What the backward pass finds.

    Parameters
    ----------
    deltas : tuple of ndarray, (d_l, B) each
        Errors dL/dZ of the layers 1 .. L.
    weights : tuple of ndarray, (d_l, d_l-1) each
        dL/dW.
    biases : tuple of ndarray, (d_l,) each
        dL/db.

    Notes
    -----
    With a checkpoint, None stands for errors whose memory other layers have used since.
    """

    deltas: tuple[Any, ...]
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    def __repr__(self) -> str:
        """Show the gradients of every layer, and values of the first example's error."""
        title = f"Gradients, {self.weights[0].dtype}"
        layers = enumerate(zip(self.weights, self.biases, strict=True), 1)
        named = [p for l, (W, b) in layers for p in ((f"dL/dW{l}", W), (f"dL/db{l}", b))]
        deltas = [(f"dL/dZ{l}", delta) for l, delta in enumerate(self.deltas, 1)]
        errors = shown("Errors, values of the first example", deltas, of_an_example=True)
        return f"{shown(title, named)}\n{errors}"
