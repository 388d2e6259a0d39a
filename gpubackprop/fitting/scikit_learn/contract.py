"""The private functions and optimizers of scikit-learn that gpubackprop builds on.

scikit-learn's multi-layer perceptrons are subclassed and their numeric engine is replaced. What the
engine touches is not public; `violations` compares it with what is installed, and where something
differs nothing is replaced. What subclasses and patches may not change is listed for `overrides`.
"""

import warnings
from functools import cache
from inspect import signature
from types import SimpleNamespace
from typing import Any, NamedTuple

import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network import _multilayer_perceptron as mlp
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.utils._array_api import get_namespace
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints
from sklearn.utils.multiclass import _check_partial_fit_first_call as check_partial_fit_first_call
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "FULL_BATCH",
    "OPTIMIZER_METHODS",
    "PAIRINGS",
    "PREDICTION",
    "TABLES",
    "TRAINING",
    "VALIDATION",
    "WHOLE_FIT",
    "AdamOptimizer",
    "BaseMultilayerPerceptron",
    "Interval",
    "MLPClassifier",
    "MLPRegressor",
    "Reliance",
    "SGDOptimizer",
    "StrOptions",
    "check_partial_fit_first_call",
    "check_sample_weight",
    "get_namespace",
    "is_known",
    "mixins",
    "mlp",
    "validate_parameter_constraints",
    "violations",
]

VERSIONS = ("1.7", "1.8", "1.9")
"""Releases of scikit-learn whose code was read and tested against."""

_BUFFERS = ("activations", "deltas", "coef_grads", "intercept_grads")

SIGNATURES: dict[tuple[Any, str], tuple[str, ...]] = {
    # overridden
    (BaseMultilayerPerceptron, "_fit_stochastic"): (
        *("self", "X", "y", "sample_weight", *_BUFFERS, "layer_units", "incremental"),
    ),
    (BaseMultilayerPerceptron, "_fit_lbfgs"): (
        *("self", "X", "y", "sample_weight", *_BUFFERS, "layer_units"),
    ),
    (BaseMultilayerPerceptron, "_backprop"): ("self", "X", "y", "sample_weight", *_BUFFERS),
    (BaseMultilayerPerceptron, "_forward_pass_fast"): ("self", "X", "check_input"),
    (BaseMultilayerPerceptron, "_validate_params"): ("self",),
    (BaseMultilayerPerceptron, "_get_param_names"): (),
    (BaseMultilayerPerceptron, "_init_coef"): ("self", "fan_in", "fan_out", "dtype"),
    (BaseMultilayerPerceptron, "fit"): ("self", "X", "y", "sample_weight"),
    (BaseMultilayerPerceptron, "_initialize"): ("self", "y", "layer_units", "dtype"),
    (BaseMultilayerPerceptron, "_check_solver"): ("self",),
    (BaseMultilayerPerceptron, "_fit"): ("self", "X", "y", "sample_weight", "incremental"),
    (MLPClassifier, "_score"): ("self", "X", "y", "sample_weight"),
    (MLPRegressor, "_score"): ("self", "X", "y", "sample_weight"),
    (MLPClassifier, "_validate_input"): ("self", "X", "y", "incremental", "reset"),
    (MLPRegressor, "_validate_input"): ("self", "X", "y", "incremental", "reset"),
    (MLPClassifier, "_predict"): ("self", "X", "check_input"),
    (MLPClassifier, "predict"): ("self", "X"),
    (MLPRegressor, "predict"): ("self", "X"),
    (MLPClassifier, "predict_proba"): ("self", "X"),
    (MLPClassifier, "predict_log_proba"): ("self", "X"),
    (MLPClassifier, "partial_fit"): ("self", "X", "y", "sample_weight", "classes"),
    (MLPClassifier, "score"): ("self", "X", "y", "sample_weight"),
    # called
    (BaseMultilayerPerceptron, "_update_no_improvement_count"): (
        *("self", "early_stopping", "X", "y", "sample_weight"),
    ),
    (AdamOptimizer, "__init__"): (
        *("self", "params", "learning_rate_init", "beta_1", "beta_2", "epsilon"),
    ),
    (SGDOptimizer, "__init__"): (
        *("self", "params", "learning_rate_init", "lr_schedule"),
        *("momentum", "nesterov", "power_t"),
    ),
    (AdamOptimizer, "iteration_ends"): ("self", "time_step"),
    (SGDOptimizer, "iteration_ends"): ("self", "time_step"),
    (AdamOptimizer, "trigger_stopping"): ("self", "msg", "verbose"),
    (SGDOptimizer, "trigger_stopping"): ("self", "msg", "verbose"),
    (AdamOptimizer, "update_params"): ("self", "params", "grads"),
    (mlp, "_check_partial_fit_first_call"): ("clf", "classes"),
}
"""Functions, by where they are found, with the parameters that they must have."""

ATTRIBUTES: dict[type, tuple[str, ...]] = {
    AdamOptimizer: (
        *("t", "ms", "vs", "learning_rate", "learning_rate_init"),
        *("beta_1", "beta_2", "epsilon"),
    ),
    SGDOptimizer: ("velocities", "momentum", "nesterov", "learning_rate"),
}
"""Attributes that an optimizer must have; they are its state."""


class Reliance(NamedTuple):
    """What of scikit-learn's code some computation stands for; nothing of it may be replaced."""

    methods: dict[str, Any]
    """Methods of `BaseMultilayerPerceptron` that are computed otherwise or must be its own."""
    names: dict[str, Any]
    """Names of its module that these methods look up."""
    attributes: tuple[str, ...] = ()
    """Attributes of the estimator that must be plain: read once, or written without a look."""


def _is_own(value: Any) -> bool:
    """Whether scikit-learn's source defines a function or class; a patch may be older than we."""
    home = getattr(value, "__globals__", {}).get("__name__") or getattr(value, "__module__", None)
    return str(home).startswith("sklearn.")


def _own(holder: Any, *names: str) -> dict[str, Any]:
    """Look names up; None, which is nowhere found, for what was patched or is missing."""
    found = {name: vars(holder).get(name) for name in names}
    return {name: value if _is_own(value) else None for name, value in found.items()}


_STEP = ("_backprop", "_forward_pass", "_compute_loss_grad")
TABLES: dict[str, dict[str, Any]] = {
    name: _own(SimpleNamespace(**getattr(mlp, name)), *getattr(mlp, name))
    for name in ("ACTIVATIONS", "DERIVATIVES", "LOSS_FUNCTIONS")
}
"""Tables of functions in scikit-learn's module, which a user may have changed."""
WHOLE_FIT = Reliance(
    _own(BaseMultilayerPerceptron, "_fit"),
    _own(mlp, "check_random_state", "_check_sample_weight"),
)
"""A fit around its epochs."""
TRAINING = Reliance(
    _own(BaseMultilayerPerceptron, "_fit_stochastic", "_update_no_improvement_count", *_STEP),
    _own(
        mlp,
        *("AdamOptimizer", "SGDOptimizer", "safe_sparse_dot", "shuffle", "gen_batches"),
        *("_safe_indexing", "train_test_split"),
    ),
    (
        *("coefs_", "intercepts_", "_optimizer", "_random_state", "n_layers_", "alpha", "shuffle"),
        *("n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "_no_improvement_count"),
        *("validation_scores_", "best_validation_score_", "_best_coefs", "_best_intercepts"),
    ),
)
"""Epochs of mini-batches."""
FULL_BATCH = Reliance(
    _own(BaseMultilayerPerceptron, "_fit_lbfgs", "_loss_grad_lbfgs", "_unpack", *_STEP),
    _own(mlp, "safe_sparse_dot"),
    ("coefs_", "intercepts_", "alpha"),
)
"""Loss and gradient of all rows, for L-BFGS."""
PREDICTION = Reliance(
    _own(BaseMultilayerPerceptron, "_forward_pass_fast"),
    _own(mlp, "safe_sparse_dot", "validate_data"),
)
"""Outputs of many rows."""

_CHECKED_BY = ("LabelBinarizer", "validate_data", "unique_labels", "column_or_1d")
VALIDATION = {
    cls: Reliance(_own(cls, "_validate_input"), _own(mlp, *_CHECKED_BY))
    for cls in (MLPClassifier, MLPRegressor)
}
"""Examples and targets to be fitted, by scikit-learn's class."""

CALLED = ("fit", "_initialize", "_init_coef", "_check_solver", "_score_with_function")
"""The other methods of `BaseMultilayerPerceptron`: scikit-learn's code calls them, ours too."""

OPTIMIZER_METHODS: dict[type, dict[str, Any]] = {
    optimizer: {
        name: method if _is_own(method := getattr(optimizer, name)) else None
        for name in (
            *("__init__", "update_params", "_get_updates", "iteration_ends", "trigger_stopping"),
        )
    }
    for optimizer in (AdamOptimizer, SGDOptimizer)
}
"""Methods of the optimizers whose arithmetic is done otherwise."""

PAIRINGS = {
    ("log_loss", "softmax"),
    ("log_loss", "logistic"),
    ("squared_error", "identity"),
    ("poisson", "exp"),
}
"""Loss and output activation whose error scikit-learn's `A - Y` is; with others it is not."""


def violations() -> list[str]:
    """List what differs between the contract and the installed scikit-learn, a line each."""
    found = []
    if ".".join(sklearn.__version__.split(".")[:2]) not in VERSIONS:
        found.append(f"version {sklearn.__version__}, expected {' or '.join(VERSIONS)}")
    for (holder, name), expected in SIGNATURES.items():
        function = getattr(holder, name, None)
        actual = tuple(signature(function).parameters) if function else " is missing"
        if actual != expected:
            found.append(f"{holder.__name__}.{name}{actual}, expected {expected}")
    for optimizer, names in ATTRIBUTES.items():
        missing = [name for name in names if not hasattr(optimizer([]), name)]
        found += [f"{optimizer.__name__} lacks {name}" for name in missing]
    return found


@cache
def is_known() -> bool:
    """Whether the contract holds; the first time it does not, a warning says where."""
    wrong = violations()
    if wrong:
        warnings.warn(
            "scikit-learn is not one that gpubackprop knows, and is left to train and predict by "
            f"itself: {'; '.join(wrong)}",
            stacklevel=3,
        )
    return not wrong


def mixins(*classes: type) -> tuple[type, ...]:
    """Return the classes that replace scikit-learn's methods, or none if it is an unknown one."""
    return classes if is_known() else ()
