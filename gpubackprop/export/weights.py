"""Weights and biases alone, in a safetensors file."""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted


def save_weights(model: Any, path: str | Path) -> None:
    """Write a model's weights and biases to a safetensors file.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Fitted, of gpubackprop or of scikit-learn.
    path : str or Path
        File to write. Its tensors are `coefs_.0`, `intercepts_.0`, and so on by layer.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the model has no weights yet.
    ImportError
        If safetensors is not installed.

    Examples
    --------
    >>> from gpubackprop import MLPRegressor
    >>> from gpubackprop.export import save_weights
    >>> model = MLPRegressor(solver="lbfgs").fit([[0.0], [1.0]], [0.0, 1.0])
    >>> save_weights(model, "model.safetensors")  # doctest: +SKIP
    """
    from safetensors.numpy import save_file

    check_is_fitted(model)
    save_file({name: np.ascontiguousarray(array) for name, array in _named(model)}, path)


def load_weights(model: Any, path: str | Path) -> Any:
    """Read weights and biases from a safetensors file into a fitted model.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Fitted, with layers of the same sizes; what it learned besides the weights stays.
    path : str or Path
        File that `save_weights` wrote.

    Returns
    -------
    model : object
        The same.

    Raises
    ------
    ValueError
        If the file's tensors are not those of this model's layers; the model is unchanged then.
    sklearn.exceptions.NotFittedError
        If the model has no weights yet: fit it for one epoch first.
    ImportError
        If safetensors is not installed.
    """
    from safetensors.numpy import load_file

    check_is_fitted(model)
    found, expected = load_file(path), dict(_named(model))
    shapes = {name: array.shape for name, array in found.items()}
    if shapes != {name: array.shape for name, array in expected.items()}:
        raise ValueError(
            f"{path} holds {_said(found)}, but the model's layers take {_said(expected)}"
        )
    for name, array in expected.items():
        array[...] = found[name]
    return model


def _named(model: Any) -> list[tuple[str, Any]]:
    kinds = ("coefs_", "intercepts_")
    return [(f"{kind}.{l}", each) for kind in kinds for l, each in enumerate(getattr(model, kind))]


def _said(arrays: dict[str, Any]) -> str:
    return ", ".join(f"{name} {array.shape}" for name, array in sorted(arrays.items()))
