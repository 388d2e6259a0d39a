"""A scikit-learn estimator in the terms of the algorithm: formulas, parameters, state, targets."""

from functools import cache
from typing import Any

import numpy as np
import scipy.sparse

from ..algorithm.memory import HOST, Memory
from ..algorithm.optimizers import make
from ..algorithm.parameters import Array, Parameters
from ..backends import dtype_of
from ..backends.cuda import device_arrays
from ..kernels.formulas import LOSSES, PAIRINGS, Activation, Formulas, Loss
from ..kernels.optimizers import Adam, Rule
from ..kernels.sparse import CSR
from . import solvers
from .options.formula_names import ACTIVATION_OF, constants, hidden_activations
from .options.values import has_options, options


def formulas(estimator: Any) -> Formulas:
    """Activations and loss of an initialised estimator."""
    output = ACTIVATION_OF[estimator.out_activation_]
    hidden, loss = hidden_activations(estimator), _loss(estimator.loss, output)
    return Formulas(hidden, output, loss, constants(estimator))


@cache
def _loss(name: str, output: Activation) -> Loss:
    """scikit-learn's log loss is the cross-entropy of softmax, or of the sigmoid."""
    named = [loss for loss, row in LOSSES.items() if row.estimators == name]
    return named[0] if len(named) == 1 else next(l for l in named if output in PAIRINGS[l])


def loss_scale(estimator: Any) -> float:
    """scikit-learn reports the squared error as a mean over outputs, the derivation as a sum."""
    outputs = len(estimator.intercepts_[-1])
    return 1 / outputs if estimator.loss == "squared_error" else 1.0


def chosen_dtype(estimator: Any, given: Any) -> np.dtype[Any]:
    """Type that the estimator's `precision` says, or that of the data, which is given."""
    return dtype_of(options(estimator).precision) or np.dtype(given)


def in_chosen_dtype(estimator: Any, X: Any) -> Any:
    """Convert examples for scikit-learn's code, which computes in their type."""
    cls: Any = type(estimator)
    ours = has_options(cls) and X.dtype.kind == "f"  # not numbers of rows
    return X.astype(chosen_dtype(estimator, X.dtype), copy=False) if ours else X


def working_dtype(estimator: Any, X: Any) -> np.dtype[Any]:
    """The type that NumPy would compute in: the wider of the data's and the weights'."""
    return np.result_type(X.dtype, *estimator.coefs_, *estimator.intercepts_)


_SPAN = 1e12
"""Of targets and sample weights; squares of gradients stay in float32's range up to about 1e19."""


def training_dtype(estimator: Any, X: Any, y: Array, sample_weight: Array | None) -> np.dtype[Any]:
    """Type to train in: the working type, unless wider targets or weights would leave its range.

    NumPy computes errors, gradients and moments in the widest type of all.
    """
    chosen, dtype = dtype_of(options(estimator).precision), working_dtype(estimator, X)
    if chosen is not None:
        return chosen
    spans = [_largest(y, dtype)]
    if sample_weight is not None:
        sizes = np.abs(device_arrays.on_host(sample_weight))
        spans.append(_largest(sizes / sizes.min(initial=np.inf, where=sizes > 0), dtype))
    return np.result_type(dtype, np.float64) if max(spans) > _SPAN else dtype


def _largest(values: Array, dtype: np.dtype[Any]) -> float:
    """Largest size among values of a wider type."""
    if np.can_cast(values.dtype, dtype):
        return 0.0
    return max(abs(float(values.min())), abs(float(values.max())))


def usable(X: Array, dtype: np.dtype[Any]) -> Array:
    """Return X itself where the primitives can read it in place, else a copy on its own device."""
    return readable(X.astype(dtype, copy=False))


def readable(X: Array) -> Array:
    """Return X itself where a batch of its rows can be gathered and converted, else a copy."""
    if device_arrays.on_gpu(X):
        backwards = min(X.strides) < 0  # kernels count rows upwards
        return device_arrays.namespace(X).ascontiguousarray(X) if backwards else X
    native = X.dtype.isnative and X.dtype.char in "fd"
    return np.require(X, dtype=None if native else np.float64, requirements=["ALIGNED"])


def examples(X: Any, dtype: np.dtype[Any]) -> Any:
    """Examples as a batch's primitives read them; the entries of sparse ones get this dtype."""
    return CSR.of(X, dtype) if scipy.sparse.issparse(X) else readable(X)


def targets(estimator: Any, y: Any, dtype: np.dtype[Any]) -> Array:
    """Targets in the shape of the network's outputs, on y's device; one column counts for all.

    TypeError if they are not numbers; ValueError if y has neither one column nor as many as the
    network has outputs.
    """
    if scipy.sparse.issparse(y):
        y = y.toarray()
    if y.dtype.kind not in "biuf":
        raise TypeError(f"y must be numbers, got {y.dtype}")
    outputs = len(estimator.intercepts_[-1])
    if y.shape[1] not in (1, outputs):
        raise ValueError(f"y has {y.shape[1]} columns, the network was made for {outputs}")
    xp = device_arrays.namespace(y)
    Y: Array = xp.ascontiguousarray(xp.broadcast_to(y, (len(y), outputs)), dtype=dtype)
    return Y


def layer_sizes(estimator: Any) -> tuple[int, ...]:
    """d_0 .. d_L of an initialised estimator."""
    return (estimator.coefs_[0].shape[0], *(len(b) for b in estimator.intercepts_))


def refuse_layers(layer_units: list[int], estimator: Any, error: type[Exception]) -> None:
    """Raise in words what scikit-learn's code runs into: IndexError where layers are missing."""
    error = IndexError if len(layer_units) < estimator.n_layers_ else error
    raise error(
        f"hidden_layer_sizes and the data ask for layers of {tuple(map(int, layer_units))} units, "
        f"but training goes on with a network of {layer_sizes(estimator)}; fit anew without "
        "warm_start to change them"
    )


def network(estimator: Any, dtype: np.dtype[Any], memory: Memory = HOST) -> Parameters:
    """Copy the estimator's parameters, which may have any type and memory order."""
    net = Parameters.zeros(layer_sizes(estimator), dtype, memory)
    net.load([*estimator.coefs_, *estimator.intercepts_])
    return net


def optimizer(estimator: Any, net: Parameters) -> Rule:
    """Copy the state of the estimator's optimizer object into flat vectors."""
    state = estimator._optimizer  # of another solver than now, if that has changed since
    kept = solvers.of(state)
    numbers = {name: getattr(state, name) for name in kept.constants}
    decay = options(estimator).weight_decay
    ours: Rule = make(kept.solver, net, weight_decay=decay, **numbers)
    load_state(ours, state, [net.over(vector) for vector in ours.vectors])
    return ours


def load_state(ours: Rule, state: Any, vectors: list[Parameters]) -> None:
    """Copy the state of the estimator's optimizer object into ours, which has its constants.

    `vectors` are those of ours, as the parameters lie in them.
    """
    for name, vector in zip(solvers.of(state).vectors, vectors, strict=True):
        arrays = _writable(getattr(state, name))
        setattr(state, name, arrays)
        vector.load(arrays)
    if isinstance(ours, Adam):
        vectors[0].memory.write(ours.t, np.array([state.t], dtype=np.int64))


def _writable(arrays: list[Array]) -> list[Array]:
    """Copy those that are read-only, as in a memory-mapped model; scikit-learn makes them anew."""
    return [array if array.flags.writeable else array.copy() for array in arrays]
