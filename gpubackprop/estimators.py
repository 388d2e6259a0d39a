"""MLPClassifier and MLPRegressor: scikit-learn's, with the numeric engine replaced."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from . import guide
from .algorithm.checkpointing import Checkpoint
from .algorithm.dropout import Rates
from .callbacks import Callbacks
from .fitting import row_order, solvers
from .fitting.accelerated import Accelerated
from .fitting.gpu_inputs import DeviceData, DeviceLabels
from .fitting.namespaces import AnyLibrary, ClassifierOfAnyLibrary
from .fitting.options import formula_names
from .fitting.options.values import CLASSIFIERS_ALONE, REGRESSORS_ALONE, Options, set_options
from .fitting.quantiles import QuantileOutputs
from .fitting.scikit_learn import contract, docstrings
from .fitting.scikit_learn.declared import DeclaredClassifier, DeclaredRegressor
from .names import (
    BackendName,
    ClassifiersLoss,
    Device,
    HiddenActivation,
    LearningRate,
    OutputActivation,
    Precision,
    RegressorsLoss,
    ScheduleName,
    Shuffle,
    Solver,
)
from .training.schedules import Factor


@docstrings.merged(contract.MLPClassifier, guide.CLASSIFIER, guide.ATTRIBUTES)
class MLPClassifier(
    DeclaredClassifier,
    *contract.mixins(ClassifierOfAnyLibrary, DeviceLabels, Accelerated),  # type: ignore[misc]
    contract.MLPClassifier,  # type: ignore[misc]
):
    """Multi-layer perceptron classifier, scikit-learn's, trained by gpubackprop.

    Parameters, attributes and numbers are those of `sklearn.neural_network.MLPClassifier`; the
    parameters from `device` on, and further values of some others, come on top. The pages of
    `gpubackprop.guide` explain them by families.

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
        "activation": [contract.StrOptions(formula_names.HIDDEN_NAMES), list, tuple],
        "solver": [contract.StrOptions(set(solvers.NAMES))],
        "shuffle": row_order.VALUES,
        "loss": [contract.StrOptions(formula_names.CLASSIFIERS_LOSSES)],
        # `Accelerated` does it
        **dict.fromkeys(set(Options._fields) - REGRESSORS_ALONE, "no_validation"),
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: HiddenActivation | Sequence[HiddenActivation] = "relu",
        *,
        solver: Solver = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: LearningRate = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: Shuffle = True,
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
        device: Device = "auto",
        backend: BackendName = "auto",
        precision: Precision = "auto",
        callbacks: Callbacks = None,
        checkpoint: Checkpoint = None,
        weight_decay: float | None = None,
        schedule: ScheduleName | Factor | None = None,
        warmup: float = 0.0,
        clip_norm: float | None = None,
        class_weight: Any = None,
        scoring: Any = None,
        loss: ClassifiersLoss = "log_loss",
        focal_gamma: float = 2.0,
        dropout: Rates = 0.0,
        label_smoothing: float = 0.0,
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
        self.loss = loss
        set_options(
            self,
            device=device,
            backend=backend,
            precision=precision,
            callbacks=callbacks,
            checkpoint=checkpoint,
            weight_decay=weight_decay,
            schedule=schedule,
            warmup=warmup,
            clip_norm=clip_norm,
            class_weight=class_weight,
            scoring=scoring,
            focal_gamma=focal_gamma,
            dropout=dropout,
            label_smoothing=label_smoothing,
        )


@docstrings.merged(contract.MLPRegressor, guide.REGRESSOR, guide.ATTRIBUTES)
class MLPRegressor(
    DeclaredRegressor,
    *contract.mixins(AnyLibrary, QuantileOutputs, DeviceData, Accelerated),  # type: ignore[misc]
    contract.MLPRegressor,  # type: ignore[misc]
):
    """Multi-layer perceptron regressor, scikit-learn's, trained by gpubackprop.

    Parameters, attributes and numbers are those of `sklearn.neural_network.MLPRegressor`; the
    parameters from `device` on, and further values of some others, come on top. The pages of
    `gpubackprop.guide` explain them by families.

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
        "activation": [contract.StrOptions(formula_names.HIDDEN_NAMES), list, tuple],
        "solver": [contract.StrOptions(set(solvers.NAMES))],
        "shuffle": row_order.VALUES,
        "loss": [contract.StrOptions(formula_names.REGRESSORS_LOSSES)],
        # `Accelerated` does it
        **dict.fromkeys(set(Options._fields) - CLASSIFIERS_ALONE, "no_validation"),
    }

    def __init__(
        self,
        loss: RegressorsLoss = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: HiddenActivation | Sequence[HiddenActivation] = "relu",
        *,
        solver: Solver = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: LearningRate = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: Shuffle = True,
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
        device: Device = "auto",
        backend: BackendName = "auto",
        precision: Precision = "auto",
        callbacks: Callbacks = None,
        checkpoint: Checkpoint = None,
        weight_decay: float | None = None,
        schedule: ScheduleName | Factor | None = None,
        warmup: float = 0.0,
        clip_norm: float | None = None,
        scoring: Any = None,
        out_activation: OutputActivation | None = None,
        huber_delta: float = 1.0,
        quantile: Any = None,
        sort_quantiles: bool = False,
        dropout: Rates = 0.0,
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
            scoring=scoring,
            weight_decay=weight_decay,
            schedule=schedule,
            warmup=warmup,
            clip_norm=clip_norm,
            out_activation=out_activation,
            huber_delta=huber_delta,
            quantile=quantile,
            sort_quantiles=sort_quantiles,
            dropout=dropout,
        )


for _estimator in (MLPClassifier, MLPRegressor):
    _estimator.__module__ = "gpubackprop"  # a pickle names the package, not a file in it
