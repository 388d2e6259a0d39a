"""A multi-layer perceptron in the derivation's notation, one step at a time."""

import logging
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from inspect import signature
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from . import backends
from .algorithm import checkpointing, optimizers
from .algorithm.checkpointing import Checkpoint
from .algorithm.dropout import Dropout, Rates, rates, seed
from .algorithm.memory import HOST, matrix
from .algorithm.parameters import Array, Parameters
from .algorithm.workspace import Workspace
from .backends.backend import Backend
from .backends.cuda import device_arrays
from .backprop import bind
from .kernels.formulas import ACTIVATIONS, LOSSES, initial_bound
from .kernels.optimizers import Rule
from .names import (
    BackendName,
    Device,
    Dtype,
    NetworkActivation,
    NetworkLoss,
    NetworkOutput,
    NetworkSolver,
    Precision,
    Reduction,
)
from .network_arguments import constants_of, dtype_of, formulas_of, require_sizes
from .network_records import Cache, Gradients
from .representation import shown

_log = logging.getLogger("gpubackprop")


class Network:
    """A multi-layer perceptron whose every intermediate quantity can be looked at.

    Parameters
    ----------
    layer_sizes : sequence of int
        d_0, d_1, .., d_L: inputs, hidden layers, outputs.
    activation : str or sequence of str, default="relu"
        sigma of the hidden layers, or of each: "identity", "relu", "sigmoid" ("logistic"), "tanh",
        "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus" or "hardtanh".
    output_activation : str, default="identity"
        sigma of the last layer: one of these whose sigma' is written with A, "softmax" or "exp".
    loss : str, default="squared_error"
        Loss of one example: "squared_error", 1/2 ||y_hat - y||^2, "absolute_error", "huber",
        "log_cosh" or "quantile" with any output activation but softmax and exp; "cross_entropy",
        -sum_k y_k log y_hat_k, or "focal" with softmax; their binary forms "binary_cross_entropy"
        and "binary_focal" with sigmoid; "poisson" or "gamma" with exp. `kernels.formulas.Loss` has
        the formulas.
    dtype : {"auto", "float32", "float64"} or dtype, default="auto"
        Type of all numbers, by name or as `np.float64`; "auto" is what `precision` says, and else
        float32.
    device : {"auto", "cpu", "cuda", "cuda:N"}, default="auto"
        Where to compute. "auto" is the CPU: a network's steps are taken and looked at one by one,
        which a GPU gains little by.
    backend : {"auto", "compiled", "reference"}, default="auto"
        How to compute on the CPU.
    random_state : int, RandomState or None, default=None
        Seed of the initial weights: Glorot's uniform, as in the estimators.
    precision : {"auto", "float64", "float32", "tf32", "bf16"}, default="auto"
        "auto" follows `dtype`. The last two are float32 with operands of matrix products rounded to
        10 or 7 bits of fraction, on a GPU; the CPU computes in float32.
    checkpoint : int, "sqrt" or None, default=None
        k keeps the activations of every k-th layer, shares the memory of the others and computes
        them again in the backward pass, with the same gradients to the last bit; "sqrt" is
        k = round(sqrt(L)), which takes the least memory. None keeps all.
    loss_constant : float, sequence of float or None, default=None
        Huber's delta (1 by default), the quantile's level (0.5) or the focal loss's gamma (2), one
        for all outputs or one for each.
    dropout : float or sequence of float, default=0.0
        Rate at which `forward` drops outputs of the hidden layers, where it is told how many
        examples were seen; a sequence has the inputs' rate first, then one for each hidden layer.

    Attributes
    ----------
    weights : tuple of ndarray, (d_l, d_l-1) each
        Writable views of the one parameter vector; values assigned to them are copied in.
    biases : tuple of ndarray, (d_l,) each
        Likewise.
    theta : ndarray
        The parameter vector; between parameters it holds zeros, for alignment.
    layer_sizes : tuple of int
        d_0, d_1, .., d_L; fixed, as is `dtype`.
    dtype : dtype
        Type of all numbers.

    Raises
    ------
    ValueError
        If a name is unknown, the loss and the output activation have no formula together,
        `precision` is another than that of `dtype`, or `checkpoint` is none of these.
    RuntimeError
        If a GPU is asked for and cannot be used; it says what is missing and the cure.

    Notes
    -----
    On a GPU every array is CuPy's, still a view of the one vector; rows of weights may lie apart.
    A batch and its targets may be anything that NumPy reads, or lie on a GPU as arrays of CuPy or
    of any library that speaks DLPack. Each call waits for CuPy's current stream before it computes
    and for its own before it returns. A pickle holds the numbers alone; where the GPU is missing it
    opens on the CPU, and the log says so.

    Source: the derivation of backpropagation for mini-batches that stack B examples as columns.

    Examples
    --------
    >>> import numpy as np
    >>> from gpubackprop import Network
    >>> net = Network((2, 2, 1), "sigmoid", "sigmoid", dtype="float64")
    >>> net.weights[0][:] = [[0.5, 1.0], [-1.0, 1.0]]
    >>> net.weights[1][:] = [[1.0, -1.0]]
    >>> for b in net.biases:
    ...     b[:] = 0
    >>> cache = net.forward([1, 0])
    >>> print(cache.A[2].round(4), round(net.loss(cache, [1]), 3))
    [[0.5875]] 0.085
    >>> print(net.backward(cache, [1]).weights[1].round(4))
    [[-0.0622 -0.0269]]
    >>> cache = Network((2,) * 7, checkpoint=3).forward([1, 0])
    >>> [l for l, A in enumerate(cache.A) if A is None]
    [1, 2]
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activation: NetworkActivation | Sequence[NetworkActivation] = "relu",
        output_activation: NetworkOutput = "identity",
        loss: NetworkLoss = "squared_error",
        dtype: Dtype = "auto",
        device: Device = "auto",
        backend: BackendName = "auto",
        random_state: int | np.random.RandomState | None = None,
        precision: Precision = "auto",
        *,
        checkpoint: Checkpoint = None,
        loss_constant: float | Sequence[float] | None = None,
        dropout: Rates = 0.0,
    ) -> None:
        self._layer_sizes = require_sizes(layer_sizes)
        checkpointing.require(checkpoint)
        self._checkpoint = checkpoint
        self._rates = rates(dropout, len(self._layer_sizes) - 2)
        self._choice = (backend, device, precision)
        self._bind(backends.select(*self._choice))
        self._dtype = dtype_of(dtype, precision)
        named = formulas_of(len(self._layer_sizes) - 2, activation, output_activation, loss)
        constants = constants_of(loss, loss_constant, self._layer_sizes[-1])
        self._formulas = named._replace(constants=constants)
        self._net = self._zeros()
        self._initialise(random_state)

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse to change what a network is made with, which would have no effect."""
        if name in _MADE_WITH:
            raise AttributeError(
                f"{name} of a Network is fixed: make another with {name}={value!r}"
            )
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        """Show formulas, and every parameter's shape and first values."""
        hidden = self._formulas.hidden
        each = hidden if isinstance(hidden, tuple) else (hidden,) * (len(self.layer_sizes) > 2)
        names = [ACTIVATIONS[sigma].name for sigma in (*each, self._formulas.output)]
        loss = LOSSES[self._formulas.loss].name
        title = f"Network {self.layer_sizes}: {', '.join(names)}; {loss}; {self.dtype}"
        layers = enumerate(zip(self.weights, self.biases, strict=True), 1)
        return shown(title, (p for l, (W, b) in layers for p in ((f"W{l}", W), (f"b{l}", b))))

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """d_0, d_1, .., d_L."""
        return self._layer_sizes

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of all numbers."""
        return self._dtype

    @property
    def theta(self) -> Array:
        """The parameter vector."""
        return self._net.theta

    @theta.setter
    def theta(self, values: npt.ArrayLike) -> None:
        self._assign("theta", [self._net.theta], [values])

    @property
    def weights(self) -> tuple[Array, ...]:
        """Views of the parameter vector, (d_l, d_l-1) each."""
        return tuple(W.T for W in self._net.W)

    @weights.setter
    def weights(self, values: Sequence[npt.ArrayLike]) -> None:
        self._assign("weights", self.weights, values)

    @property
    def biases(self) -> tuple[Array, ...]:
        """Views of the parameter vector, (d_l,) each."""
        return self._net.b

    @biases.setter
    def biases(self, values: Sequence[npt.ArrayLike]) -> None:
        self._assign("biases", self.biases, values)

    def _bind(self, backend: Backend) -> None:
        self._kernels, self._memory = backend.kernels, backend.memory
        self._backend, self._algorithm = backend, bind(backend.kernels)
        self._thread = threading.get_ident()  # a GPU's stream is a thread's own

    def _session(self) -> AbstractContextManager[None]:
        """Set up for primitives; the CPU needs nothing, and its BLAS may use all threads."""
        if self._memory is HOST:
            return nullcontext()
        if threading.get_ident() != self._thread:
            raise RuntimeError(
                "a network on a GPU is used by the thread that made it; copy.deepcopy makes another"
            )
        return self._backend.session()

    def _zeros(self) -> Parameters:
        return Parameters.zeros(self.layer_sizes, self.dtype, self._memory)

    def __getstate__(self) -> dict[str, Any]:
        """State without what cannot be pickled, and with parameters that open on any machine."""
        bound = ("_kernels", "_memory", "_backend", "_algorithm", "_net")
        state = {name: value for name, value in vars(self).items() if name not in bound}
        values = [np.ascontiguousarray(self._memory.read(p)) for p in (*self._net.W, *self._net.b)]
        return state | {"parameters": values}

    def __setstate__(self, state: dict[str, Any]) -> None:
        values = state.pop("parameters")
        for name in ("layer_sizes", "dtype"):  # as 0.1.0 pickled them
            if name in state:
                state[f"_{name}"] = state.pop(name)
        vars(self).update({"_rates": (), "_key": 0} | state)  # 0.1.0 had no dropout
        try:
            self._bind(backends.select(*self._choice))
        except backends.GPU_ERRORS as reason:
            _log.warning("a network that was on a GPU goes on on the CPU: %s", reason)
            backend, _, precision = self._choice
            self._choice = (backend, "cpu", precision)
            self._bind(backends.select(*self._choice))
        self._net = self._zeros()
        with self._session():
            self._net.load(values)

    def astype(self, dtype: Dtype) -> Self:
        """Copy the network into another dtype.

        Parameters
        ----------
        dtype : {"float32", "float64"} or dtype
            Type of the copy's numbers.

        Returns
        -------
        net : Network
            With these very weights, rounded to `dtype` where it is the narrower.
        """
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        twin._dtype = dtype_of(dtype)
        backend, device, precision = self._choice
        meant = backends.dtype_of(precision)
        if meant is not None and meant != twin.dtype:
            twin._choice = (backend, device, "auto")  # a precision of the other type
            twin._bind(backends.select(*twin._choice))
        twin._net = twin._zeros()
        with self._session():
            _fill(twin._net, [*self._net.W, *self._net.b])
        return twin

    def _assign(self, name: str, mine: Sequence[Array], values: Sequence[npt.ArrayLike]) -> None:
        """Copy values in, all or none, so that the views that someone holds stay what they are."""
        try:
            arrays = [self._array(value).copy() for value in values]  # they may be views of mine
        except (TypeError, ValueError) as reason:
            raise ValueError(f"{name} must be arrays of numbers: {reason}") from None
        self._require_shapes(name, arrays, [array.shape for array in mine])
        with self._session():
            for array, value in zip(mine, arrays, strict=True):
                array[...] = self._memory.put(value)

    def _initialise(self, random_state: int | np.random.RandomState | None) -> None:
        rng = (
            random_state
            if isinstance(random_state, np.random.RandomState)
            else np.random.RandomState(random_state)
        )
        W, b = [], []
        for l, (fan_in, fan_out) in enumerate(pairwise(self.layer_sizes)):
            bound = initial_bound(self._formulas.hidden, l, fan_in, fan_out)
            W.append(rng.uniform(-bound, bound, (fan_in, fan_out)))
            b.append(rng.uniform(-bound, bound, fan_out))
        self._key = seed(rng)
        with self._session():
            self._net.load([*W, *b])

    def forward(self, A0: npt.ArrayLike, seen: int | None = None) -> Cache:
        """Compute Z_l = W_l A_l-1 + b_l and A_l = sigma(Z_l), layer by layer.

        Parameters
        ----------
        A0 : array_like of shape (d_0, B) or (d_0,)
            The mini-batch, an example a column, in any memory order; one example may be 1-D.
        seen : int or None, default=None
            Examples that were trained on before this batch, which decides what is dropped; None
            drops nothing, as a prediction does.

        Returns
        -------
        cache : Cache
            Pre-activations and activations, for `loss` and `backward`.

        Raises
        ------
        ValueError
            If the batch has another number of rows, no columns, or is not finite numbers, or `seen`
            is none.
        """
        batch = self._columns(A0, self.layer_sizes[0], "A0")
        with self._session():
            ws = self._room(batch.shape[1], seen, shown=True)
            ws.examples[...] = self._memory.put(batch).T
            first = ws.examples if seen is None else ws.examples.copy()  # some may be dropped
            self._algorithm.drop_inputs(ws)
            self._algorithm.forward(ws.layers)
            masks = self._masks(ws)
        Z, A = [layer.Z for layer in ws.layers], [layer.output for layer in ws.layers]
        return Cache(_shown(Z, self._kept[1:]), _shown([first, *A], self._kept), masks, seen)

    def loss(self, cache: Cache, Y: npt.ArrayLike, reduction: Reduction = "mean") -> float:
        """Loss of the batch.

        Parameters
        ----------
        cache : Cache
            Of `forward`.
        Y : array_like of shape (d_L, B) or (d_L,)
            Targets.
        reduction : {"mean", "sum"}, default="mean"
            Over the examples.

        Returns
        -------
        loss : float
        """
        targets = self._targets(cache, Y, reduction)
        with self._session():
            ws = self._workspace(cache, targets, reduction)
            self._algorithm.output_error(ws)
            return float(self._memory.read(ws.loss)[0])

    def backward(self, cache: Cache, Y: npt.ArrayLike, reduction: Reduction = "mean") -> Gradients:
        """Compute the errors Delta_l = (W_l+1^T Delta_l+1) (.) sigma'(Z_l) and the gradients.

        Parameters
        ----------
        cache : Cache
            Of `forward`, with the weights as they were then.
        Y : array_like of shape (d_L, B) or (d_L,)
            Targets.
        reduction : {"mean", "sum"}, default="mean"
            Over the examples; the mean's 1/B enters once, at the output error.

        Returns
        -------
        grads : Gradients
        """
        targets = self._targets(cache, Y, reduction)
        with self._session():
            ws = self._workspace(cache, targets, reduction)
            grad = self._net.zeros_like()
            self._algorithm.backward(ws, grad)
        kept = checkpointing.survives(ws.layout.delta[::-1])[::-1]  # written from the last on
        deltas = [layer.delta for layer in ws.layers]
        return Gradients(_shown(deltas, kept), tuple(W.T for W in grad.W), tuple(grad.b))

    def optimizer(self, solver: NetworkSolver, **constants: float | bool) -> Rule:
        """Make an optimizer at rest, for `step`.

        Parameters
        ----------
        solver : {"sgd", "adam", "adamw", "nadam", "rmsprop", "lion"}
            Which one.
        **constants : float or bool
            momentum, nesterov, beta_1, beta_2, epsilon, weight_decay: those that it has; by default
            the estimators'.

        Returns
        -------
        optimizer : SGD, Adam, RMSProp or Lion
            A record of its constants and of its vectors, laid out as `theta`; `step` changes them.

        Raises
        ------
        ValueError
            If there is no such solver, or it has no such constant.

        Examples
        --------
        >>> from gpubackprop import Network
        >>> net = Network((2, 3, 1), random_state=0)
        >>> adam, cache = net.optimizer("adam", beta_1=0.8), net.forward([1, 0])
        >>> net.step(net.backward(cache, [1]), 0.01, adam)
        >>> adam.t
        array([1])
        """
        if solver not in optimizers.SOLVERS:
            known = ", ".join(optimizers.SOLVERS)
            raise ValueError(f"solver must be one of {known}, got {solver!r}")
        with self._session():
            made: Rule = optimizers.make(solver, self._net, **constants)
        return made

    def step(self, grads: Gradients, learning_rate: float, optimizer: Rule | None = None) -> None:
        """Take one step of gradient descent: W = W - rate grad W, b = b - rate grad b.

        Parameters
        ----------
        grads : Gradients
            Of `backward`.
        learning_rate : float
            The rate, eta in the derivation.
        optimizer : SGD, Adam, RMSProp, Lion or None, default=None
            Takes a step of its own instead; from the method `optimizer` of this network.

        Raises
        ------
        ValueError
            If the gradients have other shapes, or the optimizer vectors of another size or type.
        """
        self._require_shapes("grads.weights", grads.weights, [W.shape for W in self.weights])
        self._require_shapes("grads.biases", grads.biases, [b.shape for b in self.biases])
        with self._session():
            grad = self._net.zeros_like()
            _fill(grad, [*(W.T for W in grads.weights), *grads.biases])
            rule = optimizer or optimizers.make("sgd", self._net, momentum=0.0, nesterov=False)
            self._require_vectors(rule)
            self._memory.write(rule.rate, np.array([learning_rate], dtype=np.float64))
            optimizers.step(self._kernels, rule, self._net, grad, self._room(1))

    def _require_vectors(self, optimizer: Rule) -> None:
        shape, dtype = self.theta.shape, self.dtype
        for vector in optimizer.vectors:
            if (vector.shape, vector.dtype) != (shape, dtype):
                raise ValueError(
                    f"optimizer must be of this network, with vectors of {dtype} and shape {shape};"
                    f" got {vector.dtype} and {vector.shape}"
                )

    def _room(self, B: int, seen: int | None = None, shown: bool = False) -> Workspace:
        dropout = None if seen is None else self._dropout(seen, B)
        return Workspace.allocate(self._net, self._formulas, B, self._checkpoint, dropout, shown)

    def _dropout(self, seen: int, B: int) -> Dropout | None:
        if not any(self._rates):
            raise ValueError(
                f"seen={seen!r} decides what is dropped, and this network drops nothing"
            )
        whole = isinstance(seen, (int, np.integer)) and not isinstance(seen, bool)
        if not (whole and 0 <= seen < 2**62):
            raise ValueError(f"seen must be a number of examples, from 0, got {seen!r}")
        return Dropout.of(self._rates, self._key, int(seen), self._memory, B)

    def _masks(self, ws: Workspace) -> tuple[Any, ...]:
        """Show what is dropped: dropout of ones is its mask."""
        if ws.dropout is None:
            return ()
        found: list[Any] = []
        for l, d in enumerate(self.layer_sizes[:-1]):
            mask, M = ws.dropout.mask(l), None
            if mask is not None:
                M = matrix(ws.rows, d, self.dtype, self._memory)
                M[...] = 1
                self._kernels.dropout(M, mask, M)
            found.append(None if M is None else M.T)
        return tuple(found)

    @property
    def _kept(self) -> tuple[bool, ...]:
        """Which activations still hold their values after the forward pass."""
        layers = len(self.layer_sizes) - 1
        return checkpointing.survives(checkpointing.layout(layers, self._checkpoint).A)

    def _targets(self, cache: Cache, Y: npt.ArrayLike, reduction: str) -> Array:
        """Check what `loss` and `backward` are given; return the targets, an example a column."""
        if reduction not in ("mean", "sum"):
            raise ValueError(f"reduction must be 'mean' or 'sum', got {reduction!r}")
        B = np.shape(cache.A[0])[-1]
        kept = zip(self.layer_sizes, self._kept, strict=True)
        widths = [(d, B) if still else None for d, still in kept]
        self._require_shapes("cache.A", cache.A, widths)
        self._require_shapes("cache.Z", cache.Z, widths[1:])
        targets = self._columns(Y, self.layer_sizes[-1], "Y")
        if targets.shape[1] != B:
            raise ValueError(f"Y has {targets.shape[1]} columns, the batch has {B}")
        return targets

    def _workspace(self, cache: Cache, targets: Array, reduction: str) -> Workspace:
        """Put a cache and its targets back into the layout of the primitives."""
        ws = self._room(targets.shape[1], cache.seen)
        ws.Y[...] = self._memory.put(targets).T
        if reduction == "sum":
            ws.share[...] = 1
        layers, read = [], self._laid_out(cache.A[0], ws.examples)
        if ws.dropout is not None:
            ws.examples[...] = read
            self._algorithm.drop_inputs(ws)
            read = ws.examples
        for layer, A, Z in zip(ws.layers, cache.A[1:], cache.Z, strict=True):
            below, output = read, self._laid_out(A, layer.output)
            saves_Z = layer.activation.reads_pre_activation
            Z = self._laid_out(Z, layer.Z) if saves_Z else output
            read = output if layer.mask is None else layer.dropped
            if layer.mask is not None and A is not None:
                self._kernels.dropout(output, layer.mask, read)
            shown = layer._replace(Z=Z, output=output, keeps_slope=False)
            layers.append(shown._replace(input=below, dropped=read))
        return ws._replace(layers=tuple(layers))

    def _laid_out(self, shown: Array | None, buffer: Array) -> Array:
        """Lay a cached matrix out like `buffer`: a view if it is, else a copy in it."""
        if shown is None:  # overwritten since
            return buffer
        values = self._memory.put(shown.T)
        if (values.dtype, values.strides) == (buffer.dtype, buffer.strides):
            return values
        buffer[...] = values
        return buffer

    @staticmethod
    def _require_shapes(name: str, arrays: Sequence[Any], shapes: Sequence[Any]) -> None:
        found = [None if array is None else np.shape(array) for array in arrays]
        if found != list(shapes):
            raise ValueError(f"{name} must have shapes {list(shapes)}, got {found}")

    def _columns(self, batch: npt.ArrayLike, d: int, name: str) -> Array:
        """Check a batch and make it a matrix of the network's type, an example a column."""
        try:
            array = self._array(batch)
        except (TypeError, ValueError) as reason:
            raise ValueError(f"{name} must be an array of numbers: {reason}") from None
        array = array.reshape(-1, 1) if array.ndim == 1 else array
        if array.ndim != 2 or array.shape[0] != d or array.shape[1] == 0:
            raise ValueError(
                f"{name} must have shape ({d}, B) with B >= 1, or ({d},) for one example, "
                f"got {np.shape(batch)}"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{name} contains NaN or infinity")
        return array

    def _array(self, batch: npt.ArrayLike) -> Array:
        if self._memory is not HOST and device_arrays.on_gpu(batch):
            on_device: Array = device_arrays.adopt(batch).astype(self.dtype, copy=False)
            return on_device
        return np.asarray(batch, dtype=self.dtype)


_MADE_WITH = frozenset(signature(Network).parameters)


def _shown(matrices: Sequence[Array], kept: Sequence[bool]) -> tuple[Any, ...]:
    """Show matrices as the derivation has them, None for those that are overwritten."""
    return tuple(M.T if still else None for M, still in zip(matrices, kept, strict=True))


def _fill(net: Parameters, values: Sequence[Array]) -> None:
    """Copy values in, weights first, from host or device."""
    for parameter, array in zip((*net.W, *net.b), values, strict=True):
        parameter[...] = net.memory.put(array)
