"""Models between gpubackprop's classes and scikit-learn's own, with all that they have learned."""

import copy
import warnings
from typing import Any

from . import solvers
from .options.formula_names import is_our_loss, is_ours_alone
from .options.values import CHANGE_NO_NUMBERS, Options, changed, has_options, options
from .scikit_learn.contract import MLPClassifier, MLPRegressor


def to_sklearn(estimator: Any) -> Any:
    """Copy a model of ours, fitted or not, as the estimators' `to_sklearn` says."""
    cls = MLPClassifier if isinstance(estimator, MLPClassifier) else MLPRegressor
    _require_predictable(estimator)
    _warn_of_what_is_left_out(estimator)
    model = _filled(cls(**_parameters(estimator, cls)), estimator)
    if model.solver in solvers.OWN:
        model.solver = "adam"
    if model.shuffle == "blocks":
        model.shuffle = True
    if type(vars(model).get("_optimizer")) in solvers.OWN.values():
        del model._optimizer  # `partial_fit` makes scikit-learn's
    return model


def from_sklearn(cls: Any, model: Any, parameters: dict[str, Any]) -> Any:
    """Copy a model of scikit-learn's class into one of ours, as `from_sklearn` of ours says."""
    base = MLPClassifier if issubclass(cls, MLPClassifier) else MLPRegressor
    kind: Any = type(model)
    if not isinstance(model, base) or has_options(kind):
        raise TypeError(
            f"model must be a sklearn.neural_network.{base.__name__}, got {kind.__module__}."
            f"{kind.__qualname__}"
        )
    return _filled(cls(**_parameters(model, base), **parameters), model)


def _require_predictable(estimator: Any) -> None:
    own, activation = options(estimator), estimator.activation
    output = own.out_activation
    wrong = {
        "activation": not isinstance(activation, str) or is_ours_alone(activation),
        "out_activation": output is not None and is_ours_alone(output),
        "sort_quantiles": own.sort_quantiles,
    }
    for name in (name for name, is_wrong in wrong.items() if is_wrong):
        raise ValueError(
            f"{name}={getattr(estimator, name)!r} is more than scikit-learn's class can predict "
            "with; gpubackprop.export.to_onnx makes a model that other programs can"
        )


def _warn_of_what_is_left_out(estimator: Any) -> None:
    chosen = changed(estimator)
    missed = [f"{n}={chosen[n]!r}" for n in chosen if n not in CHANGE_NO_NUMBERS]
    if is_our_loss(estimator.loss):
        missed.insert(0, f"loss={estimator.loss!r}")
    if estimator.solver in solvers.OWN:
        missed.insert(0, f"solver={estimator.solver!r}")
    if estimator.shuffle == "blocks":
        missed.insert(0, f"shuffle={estimator.shuffle!r}")
    if missed:
        warnings.warn(
            f"scikit-learn's class has no {', '.join(missed)}: the copy predicts what this model "
            "predicts, and would train without: with Adam for a solver that is missing, and in an "
            "order of single rows",
            UserWarning,
            stacklevel=4,
        )


def _parameters(estimator: Any, cls: Any) -> dict[str, Any]:
    """Read the parameters that scikit-learn's class has."""
    return {name: copy.deepcopy(getattr(estimator, name)) for name in cls._get_param_names()}


def _filled(model: Any, source: Any) -> Any:
    """Give a new model copies of all that was learned: weights, history and optimizer."""
    cls: Any = type(model)
    ours = set() if has_options(cls) else {"history_", "_skl_callbacks"}
    parameters = {*ours, *Options._fields, *source._get_param_names(), *model._get_param_names()}
    state = {name: value for name, value in vars(source).items() if name not in parameters}
    vars(model).update(copy.deepcopy(state))
    return model
