"""The private functions and optimizers of scikit-learn that gpubackprop builds on.

scikit-learn's multi-layer perceptrons are subclassed and their numeric engine is replaced. What the
engine touches is not public; `violations` compares it with what is installed, and a test runs that,
so an upgrade fails there and not in a user's results.
"""

from inspect import signature
from typing import Any

from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import _check_partial_fit_first_call as check_partial_fit_first_call

__all__ = [
    "AdamOptimizer",
    "MLPClassifier",
    "MLPRegressor",
    "SGDOptimizer",
    "StrOptions",
    "check_partial_fit_first_call",
    "violations",
]

_BUFFERS = ("activations", "deltas", "coef_grads", "intercept_grads")

SIGNATURES: dict[Any, tuple[str, ...]] = {
    # overridden
    BaseMultilayerPerceptron._fit_stochastic: (
        *("self", "X", "y", "sample_weight", *_BUFFERS, "layer_units", "incremental"),
    ),
    BaseMultilayerPerceptron._fit_lbfgs: (
        *("self", "X", "y", "sample_weight", *_BUFFERS, "layer_units"),
    ),
    BaseMultilayerPerceptron._backprop: ("self", "X", "y", "sample_weight", *_BUFFERS),
    BaseMultilayerPerceptron._forward_pass_fast: ("self", "X", "check_input"),
    BaseMultilayerPerceptron._validate_params: ("self",),
    BaseMultilayerPerceptron._fit: ("self", "X", "y", "sample_weight", "incremental"),
    MLPClassifier._score: ("self", "X", "y", "sample_weight"),
    MLPRegressor._score: ("self", "X", "y", "sample_weight"),
    MLPClassifier._validate_input: ("self", "X", "y", "incremental", "reset"),
    MLPRegressor._validate_input: ("self", "X", "y", "incremental", "reset"),
    MLPClassifier._predict: ("self", "X", "check_input"),
    MLPClassifier.partial_fit: ("self", "X", "y", "sample_weight", "classes"),
    MLPClassifier.score: ("self", "X", "y", "sample_weight"),
    # called
    BaseMultilayerPerceptron._update_no_improvement_count: (
        *("self", "early_stopping", "X", "y", "sample_weight"),
    ),
    AdamOptimizer: ("params", "learning_rate_init", "beta_1", "beta_2", "epsilon"),
    SGDOptimizer: (
        *("params", "learning_rate_init", "lr_schedule"),
        *("momentum", "nesterov", "power_t"),
    ),
    AdamOptimizer.iteration_ends: ("self", "time_step"),
    SGDOptimizer.iteration_ends: ("self", "time_step"),
    AdamOptimizer.trigger_stopping: ("self", "msg", "verbose"),
    SGDOptimizer.trigger_stopping: ("self", "msg", "verbose"),
    AdamOptimizer.update_params: ("self", "params", "grads"),
    check_partial_fit_first_call: ("clf", "classes"),
}
"""Functions by the parameters that they must have."""

ATTRIBUTES: dict[type, tuple[str, ...]] = {
    AdamOptimizer: (
        *("t", "ms", "vs", "learning_rate", "learning_rate_init"),
        *("beta_1", "beta_2", "epsilon"),
    ),
    SGDOptimizer: ("velocities", "momentum", "nesterov", "learning_rate"),
}
"""Attributes that an optimizer must have; they are its state."""


def violations() -> list[str]:
    """Compare the contract with the installed scikit-learn.

    Returns
    -------
    violations : list of str
        What differs, a line each; empty where the contract holds.
    """
    found = []
    for function, expected in SIGNATURES.items():
        actual = tuple(signature(function).parameters)
        if actual != expected:
            found.append(f"{function.__qualname__}{actual}, expected {expected}")
    for optimizer, names in ATTRIBUTES.items():
        missing = [name for name in names if not hasattr(optimizer([]), name)]
        found += [f"{optimizer.__name__} lacks {name}" for name in missing]
    return found
