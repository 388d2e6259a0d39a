"""What both estimators replace of scikit-learn's."""

import copy
import warnings
from collections.abc import Callable, Sequence
from functools import cache, partial
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import sklearn
from sklearn.exceptions import InconsistentVersionWarning

from .. import backends, callbacks
from .._version import __version__
from ..algorithm import checkpointing
from ..algorithm.checkpointing import Checkpoint
from ..algorithm.parameters import Array
from ..callbacks import Callbacks
from ..training.schedules import SCHEDULES, Factor
from . import exchange, labels, overrides, rows, solvers, validation, whole_fit
from .callbacks import copies, epoch_history, hooks
from .conversion import chosen_dtype
from .lbfgs import fit_lbfgs
from .options import class_weight, formula_names, presets, regularisation
from .options.values import changed, options, with_defaults
from .prediction import forward_pass_fast
from .scikit_learn import contract, parameters
from .stochastic import fit_stochastic

_WHILE_FITTING = ("_given", "_validation", *hooks.WHILE_FITTING)
"""Attributes that an estimator has during `fit`, and a copy of it never."""


@cache
def _names(read: Callable[[], list[str]], constructor: Any) -> tuple[str, ...]:
    """Names of a class's parameters, read once: scikit-learn reads them for each fit and clone."""
    return tuple(read())


class Accelerated:
    """What both estimators replace; stands before scikit-learn's class in the inheritance."""

    device: str
    backend: str
    precision: str
    callbacks: Callbacks
    checkpoint: Checkpoint
    weight_decay: float | None
    schedule: str | Factor | None
    warmup: float
    clip_norm: float | None

    _own_constraints: ClassVar[dict[str, Any]] = {
        "device": [str],  # its form is checked where it is resolved
        "backend": [contract.StrOptions(set(backends.NAMES))],
        "precision": [contract.StrOptions(set(backends.PRECISIONS))],
        "callbacks": [callable, Sequence, None],
        "checkpoint": "no_validation",  # `checkpointing.require` does it
        "dropout": "no_validation",  # `regularisation.require` does these
        "label_smoothing": "no_validation",
        "class_weight": [contract.StrOptions({"balanced"}), dict, list, None],
        "scoring": [str, callable, None],
        "weight_decay": [contract.Interval(Real, 0, None, closed="left"), None],
        "schedule": [contract.StrOptions(set(SCHEDULES)), callable, None],
        "warmup": [contract.Interval(Real, 0, None, closed="left")],
        "clip_norm": [contract.Interval(Real, 0, np.inf, closed="right"), None],
        "focal_gamma": [contract.Interval(Real, 0, None, closed="left")],
        "out_activation": [contract.StrOptions(formula_names.OUTPUT_NAMES), None],
        "huber_delta": [contract.Interval(Real, 0, None, closed="neither")],
        "quantile": [Real, "array-like", None],  # `formula_names.require` does the rest
        "sort_quantiles": ["boolean"],
    }

    _doc_link_module = "gpubackprop"  # without a link the HTML representation has no tooltips
    _doc_link_template = (
        "https://scikit-learn.org/stable/modules/generated/sklearn.neural_network."
        "{estimator_name}.html"
    )

    @classmethod
    def _get_param_names(cls: Any) -> list[str]:
        return list(_names(super()._get_param_names, cls.__init__))  # type: ignore[misc]

    def _validate_params(self: Any) -> None:
        parameters.check_once(self, self._check_values)
        own = options(self)
        backends.require_usable(own.backend, own.device, own.precision)

    def _check_values(self: Any) -> None:
        super()._validate_params()  # type: ignore[misc]
        own = options(self)
        contract.validate_parameter_constraints(
            self._own_constraints, changed(self), caller_name=type(self).__name__
        )
        callbacks.require(own.callbacks)
        checkpointing.require(own.checkpoint)
        validation.require_scorer(own.scoring)
        formula_names.require(self)
        regularisation.require(self)

    @overrides.stands_in
    def _validate_input(self: Any, X: Any, y: Any, incremental: bool, reset: bool) -> Any:
        original = super()._validate_input  # type: ignore[misc]
        return labels.validate_input(self, original, X, y, incremental, reset)

    def _initialize(self: Any, y: Any, layer_units: list[int], dtype: Any) -> None:
        original = super()._initialize  # type: ignore[misc]
        solvers.initialize(self, original, y, layer_units, chosen_dtype(self, dtype))
        formula_names.set_output(self)

    def _init_coef(self: Any, fan_in: int, fan_out: int, dtype: Any) -> tuple[Array, Array]:
        original = super()._init_coef  # type: ignore[misc]
        return formula_names.initial(self, original, fan_in, fan_out, dtype)

    def fit(
        self: Any,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Fit the model to data matrix X and target(s) y.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n_samples, n_features)
            Examples, on a GPU or not.
        y : array_like of shape (n_samples,) or (n_samples, n_outputs)
            Labels or values.
        sample_weight : array_like of shape (n_samples,), default=None
            Weights of the examples.
        X_val : array_like or sparse matrix of shape (n_val, n_features), default=None
            Examples to validate with after every epoch. With `early_stopping` they take the place
            of the part of X that would be held out; without it they are scored and stop nothing.
            `Pipeline(..., transform_input=["X_val"])` transforms them as it does X.
        y_val : array_like of shape (n_val,) or (n_val, n_outputs), default=None
            Their labels, each of which is in y, or values.
        sample_weight_val : array_like of shape (n_val,), default=None
            Their weights.

        Returns
        -------
        self : object
            The trained model.

        Raises
        ------
        ValueError
            If X_val and y_val do not come together or do not go with X and y, or the solver is
            "lbfgs", which has no epochs.
        """
        with rows.given(self, X_val, y_val, sample_weight_val):
            return super().fit(X, y, sample_weight)  # type: ignore[misc]

    @overrides.stands_in
    def _fit(
        self: Any, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False
    ) -> Any:
        known = dict.fromkeys((*solvers.NAMES, *contract.mlp._STOCHASTIC_SOLVERS))
        if self.solver not in known:  # scikit-learn's code returns such a model untrained
            raise ValueError(f"solver must be one of {', '.join(known)}, got {self.solver!r}")
        solvers.require_meaning(self, options(self), incremental)
        if incremental:
            class_weight.refuse_balanced(self)
            validation.refuse_for_partial_fit(self)
        whole = partial(whole_fit.fit, self, super()._fit)  # type: ignore[misc]
        return hooks.fit(self, whole, X, y, sample_weight, incremental)

    def _check_solver(self: Any) -> bool:
        return self.solver in solvers.OWN or bool(super()._check_solver())  # type: ignore[misc]

    @overrides.stands_in
    def _fit_stochastic(self: Any, *arguments: Any, **named: Any) -> None:
        fit_stochastic(self, super()._fit_stochastic, *arguments, **named)  # type: ignore[misc]

    @overrides.stands_in
    def _fit_lbfgs(self: Any, *arguments: Any, **named: Any) -> None:
        fit_lbfgs(self, super()._fit_lbfgs, *arguments, **named)  # type: ignore[misc]

    @overrides.stands_in
    def _forward_pass_fast(self: Any, X: Any, check_input: bool = True) -> Array:
        original = super()._forward_pass_fast  # type: ignore[misc]
        return forward_pass_fast(self, original, X, check_input)

    def set_callbacks(self: Any, *callbacks: Any) -> Any:
        """Set callbacks for the estimator, as scikit-learn 1.9 has it.

        They are held by reference: clones, such as those of a search, call the same objects. They
        are told of the task "fit" and of its subtasks "epoch", at most `max_iter` of them.

        Parameters
        ----------
        *callbacks : object
            Instances that follow `sklearn.callback.FitCallback`, such as those of
            `gpubackprop.callbacks`; with scikit-learn 1.7 and 1.8 too. None removes those set.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        TypeError
            If one does not follow the protocol.

        Examples
        --------
        >>> from gpubackprop import MLPClassifier
        >>> from gpubackprop.callbacks import StopAtTarget
        >>> model = MLPClassifier().set_callbacks(StopAtTarget(loss=0.1))
        """
        hooks.set_callbacks(self, callbacks)
        return self

    @property
    def best_epoch_(self: Any) -> int | None:
        """Epoch, from 1, with the best validation score, or without any with the lowest loss.

        With `early_stopping` the model has the weights of this epoch.
        """
        best: int | None = epoch_history.recorded(self, "best_epoch_").best_epoch()
        return best

    @property
    def validation_loss_curve_(self: Any) -> list[float] | None:
        """Loss of the validation rows after every epoch, without the L2 penalty."""
        history = epoch_history.recorded(self, "validation_loss_curve_")
        return history.validation_losses()

    def to_sklearn(self: Any) -> Any:
        """Copy the model into one of scikit-learn's own class, which needs no gpubackprop.

        Exporters that look the class up, such as those to ONNX or PMML, then know it.

        Returns
        -------
        model : sklearn.neural_network.MLPClassifier or sklearn.neural_network.MLPRegressor
            With the same parameters, except those that come on top, and if it is fitted with the
            same weights, history and state of the optimizer.

        Raises
        ------
        ValueError
            If it could not predict the same, as with `activation="gelu"`.

        Warns
        -----
        UserWarning
            If a parameter is left out that scikit-learn's class would train otherwise without,
            such as `class_weight`.

        Examples
        --------
        >>> from gpubackprop import MLPRegressor
        >>> MLPRegressor(alpha=0.1, device="cpu").to_sklearn()
        MLPRegressor(alpha=0.1)
        """
        return exchange.to_sklearn(self)

    @classmethod
    def from_sklearn(cls, model: Any, **parameters: Any) -> Any:
        """Copy a model of scikit-learn's own class into one of this class.

        Parameters
        ----------
        model : sklearn.neural_network.MLPClassifier or sklearn.neural_network.MLPRegressor
            Fitted or not, of the kind that this class is.
        **parameters : object
            Those that come on top of scikit-learn's, such as device; the defaults for others.

        Returns
        -------
        model : object
            With the same parameters, weights, history and state of the optimizer.

        Raises
        ------
        TypeError
            If the model is of another kind.

        Examples
        --------
        >>> import sklearn.neural_network
        >>> from gpubackprop import MLPRegressor
        >>> MLPRegressor.from_sklearn(sklearn.neural_network.MLPRegressor(alpha=0.1), device="cpu")
        MLPRegressor(alpha=0.1, device='cpu')
        """
        return exchange.from_sklearn(cls, model, parameters)

    @classmethod
    def from_preset(cls, preset: str, **parameters: Any) -> Any:
        """Make an estimator with parameters that go well together.

        A preset is nothing but values of parameters: `get_params` and the representation show
        them, clones and copies have them, `set_params` changes them, and no default is another.

        Parameters
        ----------
        preset : {"tabular"}
            What the values are good for. "tabular" learns from
            tables whose columns are standardised, as are a regressor's targets: it takes two
            larger layers, AdamW and a schedule of the learning rate, after "Better by default:
            strong pre-tuned MLPs and boosted trees on tabular data" (D. Holzmueller, L. Grinsztajn
            and I. Steinwart, 2024), with values chosen on some of the real tables of
            `gpubackprop bench --only tables`. A fit takes all of `max_iter` epochs.
        **parameters : object
            Parameters of the constructor, which come before those of the preset.

        Returns
        -------
        estimator : object
            Of this class, not fitted.

        Raises
        ------
        ValueError
            If no preset has this name.

        Examples
        --------
        >>> from gpubackprop import MLPRegressor
        >>> MLPRegressor.from_preset("tabular", max_iter=10).get_params()["solver"]
        'adamw'
        """
        return cls(**presets.with_preset(preset, parameters))

    def __getstate__(self: Any) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())  # type: ignore[call-overload]
        if options(self).callbacks is not None:
            state["callbacks"] = copies.Portable(state["callbacks"], "coefs_" in state)
        for name in _WHILE_FITTING:
            state.pop(name, None)
        versions = {"_gpubackprop_version": __version__, "_sklearn_version": sklearn.__version__}
        return {**state, **versions}

    def __setstate__(self: Any, state: dict[str, Any]) -> None:
        state = dict(state)
        own_version = state.pop("_gpubackprop_version", __version__)
        sklearn_version = state.pop("_sklearn_version", sklearn.__version__)
        name = type(self).__name__
        if sklearn_version != sklearn.__version__:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=name,
                    current_sklearn_version=sklearn.__version__,
                    original_sklearn_version=sklearn_version,
                ),
                stacklevel=2,
            )
        if own_version != __version__:
            warnings.warn(
                f"Trying to unpickle estimator {name} from gpubackprop {own_version} when "
                f"using gpubackprop {__version__}. This might lead to breaking code or invalid "
                "results.",
                UserWarning,
                stacklevel=2,
            )
        if isinstance(state.get("callbacks"), copies.Portable):  # a shallow copy
            state["callbacks"] = state["callbacks"].callbacks
        super().__setstate__(with_defaults(type(self), state))  # type: ignore[misc]

    def __sklearn_clone__(self: Any) -> Any:
        own = options(self).callbacks
        if own is None or "callbacks" not in self._get_param_names():
            twin = super().__sklearn_clone__()  # type: ignore[misc]
            hooks.share(self, twin)
            return twin
        silent = copy.copy(self)
        silent.callbacks = None
        twin = super(Accelerated, silent).__sklearn_clone__()  # type: ignore[misc]
        hooks.share(self, twin)
        return twin.set_params(callbacks=copies.cloned(own))
