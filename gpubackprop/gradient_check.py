"""Backpropagation against central differences."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .algorithm.parameters import Array
from .network import Network


class GradientCheck(NamedTuple):
    """How far backpropagation and central differences are apart.

    Parameters
    ----------
    worst : float
        Largest |g - g_fd| / max(|g| + |g_fd|, scale), scale being a thousandth of the largest
        gradient: a gradient that is zero beside the others has no relative error of its own.
    parameter : str
        Where that is, such as "W2[0, 1]", counted as in the derivation from layer 1.
    backpropagation, central_difference : float
        The two values there.
    """

    worst: float
    parameter: str
    backpropagation: float
    central_difference: float


def check_gradients(
    net: Network,
    A0: npt.ArrayLike,
    Y: npt.ArrayLike,
    epsilon: float | None = None,
    seen: int | None = None,
) -> GradientCheck:
    """Compare the gradient of every parameter with (L(w + eps) - L(w - eps)) / (2 eps).

    Parameters
    ----------
    net : Network
        Its own gradient, in its own dtype; the differences are taken in float64.
    A0 : array_like of shape (d_0, B)
        A batch.
    Y : array_like of shape (d_L, B)
        Its targets.
    epsilon : float, optional
        Half the difference; by default the cube root of the machine epsilon, which balances
        rounding against truncation.
    seen : int, optional
        As for `Network.forward`: the masks of all these passes are the same; by default nothing is
        dropped.

    Returns
    -------
    check : GradientCheck
        The worst relative error and where it is.

    Raises
    ------
    ValueError
        If a shape is wrong or epsilon is not positive.

    Notes
    -----
    Costs two forward passes a parameter: for small networks. A ReLU whose input changes sign within
    epsilon shows as an error that is not one.

    Examples
    --------
    >>> from gpubackprop import Network, check_gradients
    >>> net = Network((3, 4, 2), "tanh", dtype="float64", random_state=0)
    >>> check_gradients(net, [[1.0], [2.0], [3.0]], [[0.0], [1.0]]).worst < 1e-6
    True
    """
    grads = net.backward(net.forward(A0, seen), Y)
    W, b = central_differences(net, A0, Y, epsilon, seen)
    names, found, expected = [], [], []
    for kind, gradients, differences in ("W", grads.weights, W), ("b", grads.biases, b):
        for l, (gradient, difference) in enumerate(zip(gradients, differences, strict=True), 1):
            for index in np.ndindex(difference.shape):
                names.append(f"{kind}{l}[{', '.join(map(str, index))}]")
                found.append(float(gradient[index]))
                expected.append(float(difference[index]))
    g, g_fd = np.array(found), np.array(expected)
    scale = max(1e-3 * np.abs(g_fd).max(), np.finfo(net.dtype).tiny)
    error = np.abs(g - g_fd) / np.maximum(np.abs(g) + np.abs(g_fd), scale)
    worst = int(np.argmax(error))
    return GradientCheck(float(error[worst]), names[worst], found[worst], expected[worst])


def central_differences(
    net: Network,
    A0: npt.ArrayLike,
    Y: npt.ArrayLike,
    epsilon: float | None = None,
    seen: int | None = None,
) -> tuple[list[Array], list[Array]]:
    """Compute (L(w + eps) - L(w - eps)) / (2 eps) for every weight and every bias, in float64.

    Parameters
    ----------
    net, A0, Y, epsilon, seen
        As for `check_gradients`.

    Returns
    -------
    weights : list of ndarray, (d_l, d_l-1) each
    biases : list of ndarray, (d_l,) each

    Raises
    ------
    ValueError
        If a shape is wrong or epsilon is not positive.
    """
    half = float(np.cbrt(np.finfo(np.float64).eps)) if epsilon is None else epsilon
    if not half > 0:
        raise ValueError(f"epsilon must be positive, got {epsilon!r}")
    twin = net.astype("float64")  # differences of float32 losses would be mostly rounding

    def differences(array: Any) -> Array:
        found = np.empty(array.shape)
        for index in np.ndindex(array.shape):
            found[index] = _central_difference(twin, A0, Y, array, index, half, seen)
        return found

    return [differences(W) for W in twin.weights], [differences(b) for b in twin.biases]


def _central_difference(
    net: Network,
    A0: npt.ArrayLike,
    Y: npt.ArrayLike,
    array: npt.NDArray[Any],
    index: tuple[int, ...],
    epsilon: float,
    seen: int | None,
) -> float:
    value = float(array[index])  # a copy: CuPy's scalars are views
    losses = []
    for sign in (1, -1):
        array[index] = value + sign * epsilon
        losses.append(net.loss(net.forward(A0, seen), Y))
    array[index] = value
    return (losses[0] - losses[1]) / (2 * epsilon)
