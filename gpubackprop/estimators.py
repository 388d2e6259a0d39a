"""MLPClassifier and MLPRegressor: scikit-learn's, with the numeric engine replaced."""

import copy
import logging
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, ClassVar

import numpy as np
import scipy.sparse
import sklearn
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils.validation import validate_data

from . import backends, callbacks
from ._version import __version__
from .algorithm import checkpointing
from .algorithm.checkpointing import Checkpoint
from .algorithm.parameters import Array
from .backends import threads
from .backends.cuda.device_arrays import device_for
from .callbacks import Callbacks
from .fitting import callback_copies, contract, epoch_loop, kept_engine, overrides
from .fitting.adapters import DenseEngine, StepEngine
from .fitting.conversion import layer_sizes
from .fitting.full_batch import FullBatch
from .fitting.gpu_inputs import DeviceData, DeviceLabels
from .fitting.options import Options, options, set_options
from .fitting.prediction import are_few, predict

_log = logging.getLogger("gpubackprop")


class _Accelerated:
    """What both estimators replace; stands before scikit-learn's class in the inheritance."""

    device: str
    backend: str
    precision: str
    callbacks: Callbacks
    checkpoint: Checkpoint

    _own_constraints: ClassVar[dict[str, Any]] = {
        "device": [str],  # its form is checked where it is resolved
        "backend": [contract.StrOptions(set(backends.NAMES))],
        "precision": [contract.StrOptions(set(backends.PRECISIONS))],
        "callbacks": [callable, Sequence, None],
        "checkpoint": "no_validation",  # `checkpointing.require` does it
    }

    def _validate_params(self: Any) -> None:
        super()._validate_params()  # type: ignore[misc]
        own = options(self)
        contract.validate_parameter_constraints(
            self._own_constraints, own._asdict(), caller_name=type(self).__name__
        )
        backends.select(own.backend, own.device, own.precision)
        callbacks.require(own.callbacks)
        checkpointing.require(own.checkpoint)

    def _validate_input(self: Any, X: Any, y: Any, incremental: bool, reset: bool) -> Any:
        X, y = super()._validate_input(X, y, incremental, reset)  # type: ignore[misc]
        chosen = backends.dtype_of(options(self).precision)
        return (X if chosen is None else X.astype(chosen, copy=False)), y

    def _fit(
        self: Any, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False
    ) -> Any:
        fit = partial(super()._fit, X, y, sample_weight, incremental)  # type: ignore[misc]
        return threads.giving_back(fit)

    @overrides.stands_in
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
        own = options(self)
        buffers = (activations, deltas, coef_grads, intercept_grads)
        if not incremental or not hasattr(self, "_optimizer"):
            self._optimizer = epoch_loop.new_optimizer(self)
        reason = overrides.in_training(self, X)
        if reason:
            overrides.hand_down(self, X, own.device, reason)
        if reason and not own.callbacks:  # which scikit-learn's code does not call
            super()._fit_stochastic(X, y, sample_weight, *buffers, layer_units, incremental)  # type: ignore[misc]
            return
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        if len(layer_units) != self.n_layers_:
            _refuse_layers(layer_units, self, TypeError)
        _require_writable(self)
        data = epoch_loop.split(self, X, y, sample_weight)
        batch_size = epoch_loop.batch_size(self, data.X.shape[0])
        if reason:
            steps = partial(StepEngine, self, data, batch_size, buffers)
            epoch_loop.train(self, data, steps, incremental)
            return
        work = _work(self, data.X.shape[0], batch_size, 1 if incremental else self.max_iter)
        with ExitStack() as sessions:
            again = incremental or self.warm_start
            make = partial(kept_engine.engine if again else DenseEngine, self, data, batch_size)
            choice = own.backend, device_for(own.device, X), own.precision
            dense = partial(backends.begin, make, sessions, *choice, work)
            kept_engine.keep(self, epoch_loop.train(self, data, dense, incremental))

    @overrides.stands_in
    def _backprop(
        self: Any,
        X: Any,
        y: Array,
        sample_weight: Array | None,
        activations: list[Any] | FullBatch,
        deltas: list[Any],
        coef_grads: list[Any],
        intercept_grads: list[Any],
    ) -> tuple[float, list[Array], list[Array]]:
        if isinstance(activations, FullBatch):
            return activations.loss_and_gradient()
        step: tuple[float, list[Array], list[Array]] = super()._backprop(  # type: ignore[misc]
            X, y, sample_weight, activations, deltas, coef_grads, intercept_grads
        )
        return step

    @overrides.stands_in
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
        if tuple(layer_units) != layer_sizes(self):
            _refuse_layers(layer_units, self, ValueError)
        others = (deltas, coef_grads, intercept_grads, layer_units)
        solve = partial(super()._fit_lbfgs, X, y, sample_weight)  # type: ignore[misc]
        own, reason = options(self), overrides.in_full_batch(self, X)
        if reason:
            overrides.hand_down(self, X, own.device, reason)
            solve(activations, *others)
            return
        dtype = backends.dtype_of(own.precision) or np.dtype(np.float64)  # SciPy's own
        work = _work(self, X.shape[0], X.shape[0], self.max_iter)
        with ExitStack() as sessions:
            make = partial(FullBatch, self, X, y, sample_weight, dtype)
            choice = own.backend, device_for(own.device, X), own.precision
            rows = backends.begin(make, sessions, *choice, work)
            solve(rows, *others)  # scikit-learn hands the buffers on to `_backprop`, as they are
        self.loss_ = epoch_loop.loss_type(self, X, y, sample_weight)(self.loss_)

    @overrides.stands_in
    def _forward_pass_fast(self: Any, X: Any, check_input: bool = True) -> Array:
        if check_input:  # what is sparse, such as a data frame of sparse columns, shows here
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        if scipy.sparse.issparse(X) or overrides.in_prediction(self) or are_few(self, X):
            y_hat: Array = super()._forward_pass_fast(X, check_input=False)  # type: ignore[misc]
            return y_hat
        return threads.giving_back(partial(predict, self, X))

    def __getstate__(self: Any) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())  # type: ignore[call-overload]
        state.pop(kept_engine.ATTRIBUTE, None)
        if options(self).callbacks is not None:
            state["callbacks"] = callback_copies.Portable(state["callbacks"], "coefs_" in state)
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
        if isinstance(state.get("callbacks"), callback_copies.Portable):  # a shallow copy
            state["callbacks"] = state["callbacks"].callbacks
        super().__setstate__(state)  # type: ignore[misc]

    def __sklearn_clone__(self: Any) -> Any:
        own = options(self).callbacks
        if own is None or "callbacks" not in self._get_param_names():
            return super().__sklearn_clone__()  # type: ignore[misc]
        silent = copy.copy(self)
        silent.callbacks = None
        twin = super(_Accelerated, silent).__sklearn_clone__()  # type: ignore[misc]
        return twin.set_params(callbacks=callback_copies.cloned(own))


def _work(estimator: Any, n: int, batch_size: int, epochs: int) -> backends.Work:
    """How much will be computed, if so many epochs are taken."""
    size = sum(int(np.prod(W.shape)) for W in estimator.coefs_)
    products = 3 * batch_size * size  # forward, pulled back, gradient
    return backends.Work(products, epochs * -(-n // batch_size))


def _refuse_layers(layer_units: list[int], estimator: Any, error: type[Exception]) -> None:
    """Raise in words what scikit-learn's code runs into: IndexError where layers are missing."""
    error = IndexError if len(layer_units) < estimator.n_layers_ else error
    raise error(
        f"hidden_layer_sizes and the data ask for layers of {tuple(map(int, layer_units))} units, "
        f"but training goes on with a network of {layer_sizes(estimator)}; fit anew without "
        "warm_start to change them"
    )


def _require_writable(estimator: Any) -> None:
    """Raise what scikit-learn's first step raises, before an epoch is computed in vain."""
    if not all(w.flags.writeable for w in estimator.coefs_ + estimator.intercepts_):
        raise ValueError(
            "output array is read-only: coefs_ or intercepts_ cannot be trained in place; load a "
            "model with mmap_mode='c' or without mmap_mode to train on, or train a copy.deepcopy"
        )


class MLPClassifier(
    *contract.mixins(DeviceLabels, _Accelerated),  # type: ignore[misc]
    contract.MLPClassifier,  # type: ignore[misc]
):
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
    callbacks : callable, sequence of callable or None, default=None
        Each is called after every epoch with the estimator and an `EpochRecord`; one that returns
        something true asks for a stop. Weights, learning rate, momentum and penalty that it changes
        in the estimator count from the next epoch on. The solver "lbfgs" has no epochs and calls
        none. A clone has copies of them: an object that records for all clones defines
        `__sklearn_clone__` and returns itself, and a function is never copied.
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
        **dict.fromkeys(Options._fields, "no_validation"),  # `_Accelerated` does it
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
        callbacks: Callbacks = None,
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
        set_options(
            self,
            device=device,
            backend=backend,
            precision=precision,
            callbacks=callbacks,
            checkpoint=checkpoint,
        )


class MLPRegressor(
    *contract.mixins(DeviceData, _Accelerated),  # type: ignore[misc]
    contract.MLPRegressor,  # type: ignore[misc]
):
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
    callbacks : callable, sequence of callable or None, default=None
        Each is called after every epoch with the estimator and an `EpochRecord`; one that returns
        something true asks for a stop. Weights, learning rate, momentum and penalty that it changes
        in the estimator count from the next epoch on. The solver "lbfgs" has no epochs and calls
        none. A clone has copies of them: an object that records for all clones defines
        `__sklearn_clone__` and returns itself, and a function is never copied.
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
        **dict.fromkeys(Options._fields, "no_validation"),  # `_Accelerated` does it
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
        callbacks: Callbacks = None,
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
        set_options(
            self,
            device=device,
            backend=backend,
            precision=precision,
            callbacks=callbacks,
            checkpoint=checkpoint,
        )


for _estimator in (MLPClassifier, MLPRegressor):
    _estimator.__module__ = "gpubackprop"  # a pickle names the package, not a file in it
