"""MLPClassifier and MLPRegressor: scikit-learn's, with the numeric engine replaced."""

import logging
import warnings
from contextlib import ExitStack
from functools import partial
from typing import Any, ClassVar

import numpy as np
import scipy.sparse
import sklearn
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils.validation import validate_data

from . import backends
from ._version import __version__
from .algorithm import checkpointing
from .algorithm.checkpointing import Checkpoint
from .algorithm.parameters import Array
from .backends.cuda.device_arrays import device_for
from .callbacks import Callback
from .fitting import contract, epoch_loop
from .fitting.adapters import DenseEngine, SparseEngine
from .fitting.conversion import training_dtype
from .fitting.full_batch import FullBatch
from .fitting.gpu_inputs import DeviceData, DeviceLabels
from .fitting.prediction import BLOCK, predict

_log = logging.getLogger("gpubackprop")


class _Accelerated:
    """What both estimators replace; stands before scikit-learn's class in the inheritance."""

    device: str
    backend: str
    precision: str
    callbacks: list[Callback] | None
    checkpoint: Checkpoint

    _own_constraints: ClassVar[dict[str, Any]] = {
        "device": [str],  # its form is checked where it is resolved
        "backend": [contract.StrOptions(set(backends.NAMES))],
        "precision": [contract.StrOptions(set(backends.PRECISIONS))],
        "callbacks": [list, None],
        "checkpoint": "no_validation",  # `checkpointing.require` does it
    }

    def _validate_params(self: Any) -> None:
        super()._validate_params()  # type: ignore[misc]
        backends.select(self.backend, self.device, self.precision)
        _require_callables(self.callbacks)
        checkpointing.require(self.checkpoint)

    def _validate_input(self: Any, X: Any, y: Any, incremental: bool, reset: bool) -> Any:
        X, y = super()._validate_input(X, y, incremental, reset)  # type: ignore[misc]
        chosen = backends.dtype_of(self.precision)
        return (X if chosen is None else X.astype(chosen, copy=False)), y

    def _fit_stochastic(
        self: Any,
        X: Any,
        y: Array,
        sample_weight: Array | None,
        activations: list[Any],
        deltas: list[Any],
        coef_grads: list[Any],
        intercept_grads: list[Any],
        layer_units: list[int],
        incremental: bool,
    ) -> None:
        if len(layer_units) != self.n_layers_:
            _refuse_depth(layer_units, self.n_layers_)
        if not incremental or not hasattr(self, "_optimizer"):
            self._optimizer = epoch_loop.new_optimizer(self)
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        data = epoch_loop.split(self, X, y, sample_weight)
        batch_size = epoch_loop.batch_size(self, data.X.shape[0])
        if scipy.sparse.issparse(X):
            _say_sparse(self.device)
            buffers = (activations, deltas, coef_grads, intercept_grads)
            sparse = partial(SparseEngine, self, data, batch_size, buffers)
            epoch_loop.train(self, data, sparse, incremental)
            return
        work = _work(self, data.X.shape[0], batch_size, 1 if incremental else self.max_iter)
        with ExitStack() as sessions:
            make = partial(DenseEngine, self, data, batch_size)
            choice = self.backend, device_for(self.device, X), self.precision
            dense = partial(backends.begin, make, sessions, *choice, work)
            epoch_loop.train(self, data, dense, incremental)

    def _backprop(
        self: Any,
        X: Any,
        y: Array,
        sample_weight: Array | None,
        activations: list[Any],
        deltas: list[Any],
        coef_grads: list[Any],
        intercept_grads: list[Any],
    ) -> tuple[float, list[Array], list[Array]]:
        if scipy.sparse.issparse(X):
            result: tuple[float, list[Array], list[Array]] = super()._backprop(  # type: ignore[misc]
                X, y, sample_weight, activations, deltas, coef_grads, intercept_grads
            )
            return result
        rows: FullBatch | None = vars(self).get("_rows")
        if rows is None:  # not called from a fit
            backend = backends.select(self.backend, "cpu")
            dtype = training_dtype(self, X, y, sample_weight)
            rows = FullBatch(self, X, y, sample_weight, dtype, backend)
        return rows.loss_and_gradient()

    def _fit_lbfgs(
        self: Any,
        X: Any,
        y: Array,
        sample_weight: Array | None,
        activations: list[Any],
        deltas: list[Any],
        coef_grads: list[Any],
        intercept_grads: list[Any],
        layer_units: list[int],
    ) -> None:
        buffers = (activations, deltas, coef_grads, intercept_grads)
        solve = partial(super()._fit_lbfgs, X, y, sample_weight, *buffers, layer_units)  # type: ignore[misc]
        if scipy.sparse.issparse(X):
            _say_sparse(self.device)
            solve()
            return
        dtype = backends.dtype_of(self.precision) or np.dtype(np.float64)  # SciPy's own
        work = _work(self, X.shape[0], X.shape[0], self.max_iter)
        with ExitStack() as sessions:
            make = partial(FullBatch, self, X, y, sample_weight, dtype)
            choice = self.backend, device_for(self.device, X), self.precision
            self._rows = backends.begin(make, sessions, *choice, work)
            try:
                solve()
            finally:
                del self._rows
        self.loss_ = epoch_loop.loss_type(self, X, y, sample_weight)(self.loss_)

    def _forward_pass_fast(self: Any, X: Any, check_input: bool = True) -> Array:
        rows, *_ = getattr(X, "shape", None) or (0,)
        if rows <= BLOCK or scipy.sparse.issparse(X):
            y_hat: Array = super()._forward_pass_fast(X, check_input)  # type: ignore[misc]
            return y_hat
        if check_input:
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        return predict(self, X)

    def __getstate__(self: Any) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())  # type: ignore[call-overload]
        state.pop("_rows", None)  # in the middle of a fit
        versions = {"_gpubackprop_version": __version__, "_sklearn_version": sklearn.__version__}
        return {**state, **versions}

    def __setstate__(self: Any, state: dict[str, Any]) -> None:
        state = dict(state)
        ours = state.pop("_gpubackprop_version", __version__)
        theirs = state.pop("_sklearn_version", sklearn.__version__)
        name = type(self).__name__
        if theirs != sklearn.__version__:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=name,
                    current_sklearn_version=sklearn.__version__,
                    original_sklearn_version=theirs,
                ),
                stacklevel=2,
            )
        if ours != __version__:
            warnings.warn(
                f"Trying to unpickle estimator {name} from gpubackprop {ours} when using "
                f"gpubackprop {__version__}. This might lead to breaking code or invalid results.",
                UserWarning,
                stacklevel=2,
            )
        super().__setstate__(state)  # type: ignore[misc]


def _say_sparse(device: str) -> None:
    """Say who trains on sparse X; refuse where that is not who was asked."""
    if device.startswith("cuda"):
        raise ValueError(
            f"device={device!r}: sparse X is trained on the CPU, by scikit-learn's own code; "
            "use device='auto' or 'cpu', or X.toarray()"
        )
    _log.debug("sparse X: trained by scikit-learn's own code, no backend takes it")


def _work(estimator: Any, n: int, batch_size: int, epochs: int) -> backends.Work:
    """How much will be computed, if so many epochs are taken."""
    size = sum(int(np.prod(W.shape)) for W in estimator.coefs_)
    products = 3 * batch_size * size  # forward, pulled back, gradient
    return backends.Work(products, epochs * -(-n // batch_size))


def _require_callables(callbacks: list[Callback] | None) -> None:
    for callback in callbacks or ():
        if not callable(callback):
            raise TypeError(
                "callbacks must be a list of callables taking (estimator, record), "
                f"got {callback!r} in it"
            )


def _refuse_depth(layer_units: list[int], n_layers: int) -> None:
    """Raise what scikit-learn's code would run into, in words."""
    error = TypeError if len(layer_units) > n_layers else IndexError
    raise error(
        f"hidden_layer_sizes has {len(layer_units) - 2} layers, but training goes on with a "
        f"network of {n_layers - 2}; fit anew without warm_start to change the depth"
    )


class MLPClassifier(DeviceLabels, _Accelerated, contract.MLPClassifier):  # type: ignore[misc]
    """Multi-layer perceptron classifier, scikit-learn's, trained by gpubackprop.

    Parameters, attributes and numbers are those of `sklearn.neural_network.MLPClassifier`; the
    five parameters below come on top.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "cuda:N"}, default="auto"
        Where to train. "cuda" without a usable GPU is a RuntimeError that says what is missing;
        "auto" takes a GPU where one works and the network and data are large enough to gain.
        `X` that lies on a GPU, of CuPy or any library that speaks DLPack, is trained on and
        predicted there, with CuPy's arrays as predictions; `y` and `sample_weight` follow it.
    backend : {"auto", "compiled", "reference"}, default="auto"
        How to compute on the CPU: machine code or plain NumPy.
    precision : {"auto", "float64", "float32", "tf32", "bf16"}, default="auto"
        Type to compute in, "auto" that of `X`, or float64 with the solver "lbfgs". The last two
        are float32 with operands of matrix products rounded to 10 or 7 bits of fraction, on a GPU;
        the CPU computes in float32.
    callbacks : list of callable or None, default=None
        Each is called after every epoch with the estimator and an `EpochRecord`; one that returns
        True asks for a stop. The solver "lbfgs" has no epochs and calls none.
    checkpoint : int, "sqrt" or None, default=None
        k keeps the activations of every k-th layer while it trains and computes the others again in
        the backward pass: less memory for part of a forward pass, the same weights to the last bit.
        "sqrt" is k = round(sqrt(L)) for L layers with weights, which takes the least memory. None
        keeps all. It has no effect on sparse `X`, which scikit-learn's own code trains on.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from gpubackprop import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> MLPClassifier(random_state=0, max_iter=300).fit(X / 16, y).score(X / 16, y)
    1.0
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **contract.MLPClassifier._parameter_constraints,
        **_Accelerated._own_constraints,
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        device: str = "auto",
        backend: str = "auto",
        precision: str = "auto",
        callbacks: list[Callback] | None = None,
        checkpoint: Checkpoint = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
        )
        self.device = device
        self.backend = backend
        self.precision = precision
        self.callbacks = callbacks
        self.checkpoint = checkpoint


class MLPRegressor(DeviceData, _Accelerated, contract.MLPRegressor):  # type: ignore[misc]
    """Multi-layer perceptron regressor, scikit-learn's, trained by gpubackprop.

    Parameters, attributes and numbers are those of `sklearn.neural_network.MLPRegressor`; the five
    parameters below come on top.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "cuda:N"}, default="auto"
        Where to train. "cuda" without a usable GPU is a RuntimeError that says what is missing;
        "auto" takes a GPU where one works and the network and data are large enough to gain.
        `X` that lies on a GPU, of CuPy or any library that speaks DLPack, is trained on and
        predicted there, with CuPy's arrays as predictions; `y` and `sample_weight` follow it.
    backend : {"auto", "compiled", "reference"}, default="auto"
        How to compute on the CPU: machine code or plain NumPy.
    precision : {"auto", "float64", "float32", "tf32", "bf16"}, default="auto"
        Type to compute in, "auto" that of `X`, or float64 with the solver "lbfgs". The last two
        are float32 with operands of matrix products rounded to 10 or 7 bits of fraction, on a GPU;
        the CPU computes in float32.
    callbacks : list of callable or None, default=None
        Each is called after every epoch with the estimator and an `EpochRecord`; one that returns
        True asks for a stop. The solver "lbfgs" has no epochs and calls none.
    checkpoint : int, "sqrt" or None, default=None
        k keeps the activations of every k-th layer while it trains and computes the others again in
        the backward pass: less memory for part of a forward pass, the same weights to the last bit.
        "sqrt" is k = round(sqrt(L)) for L layers with weights, which takes the least memory. None
        keeps all. It has no effect on sparse `X`, which scikit-learn's own code trains on.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from gpubackprop import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(solver="lbfgs", alpha=10.0, random_state=0, max_iter=500)
    >>> model.fit(X, scale(y)).score(X, scale(y)) > 0.5
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **contract.MLPRegressor._parameter_constraints,
        **_Accelerated._own_constraints,
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        device: str = "auto",
        backend: str = "auto",
        precision: str = "auto",
        callbacks: list[Callback] | None = None,
        checkpoint: Checkpoint = None,
    ) -> None:
        super().__init__(
            loss=loss,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
        )
        self.device = device
        self.backend = backend
        self.precision = precision
        self.callbacks = callbacks
        self.checkpoint = checkpoint


for _estimator in (MLPClassifier, MLPRegressor):
    _estimator.__module__ = "gpubackprop"  # a pickle names the package, not a file in it
