"""Types of the names that options take, from which an editor completes them."""

from typing import Any, Literal

import numpy as np

HiddenActivation = Literal[
    "identity",
    "logistic",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "hardtanh",
]
"""Of an estimator's hidden layers."""
OutputActivation = Literal[
    "identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "softplus", "hardtanh"
]
"""Of a regressor's outputs."""
ClassifiersLoss = Literal["log_loss", "focal"]
RegressorsLoss = Literal[
    "squared_error",
    "poisson",
    "gamma",
    "absolute_error",
    "huber",
    "log_cosh",
    "quantile",
]
Solver = Literal["lbfgs", "sgd", "adam", "adamw", "nadam", "rmsprop", "lion"]
LearningRate = Literal["constant", "invscaling", "adaptive"]
"""How scikit-learn's solver "sgd" changes its learning rate."""
Shuffle = bool | Literal["blocks"]
ScheduleName = Literal["cosine", "one_cycle", "linear", "log_cosine"]
Device = Literal["auto", "cpu", "cuda"] | str
"""Numbers may follow: "cuda:1", "cuda:0,1"."""
BackendName = Literal["auto", "compiled", "reference"]
Precision = Literal["auto", "float64", "float32", "tf32", "bf16"]

NetworkActivation = HiddenActivation | Literal["sigmoid"]
"""Of a `Network`'s hidden layers, where "sigmoid" is another name of "logistic"."""
NetworkOutput = OutputActivation | Literal["sigmoid", "softmax", "exp"]
"""Of a `Network`'s last layer."""
NetworkSolver = Literal["sgd", "adam", "adamw", "nadam", "rmsprop", "lion"]
"""Of a `Network`'s optimizer."""
NetworkLoss = Literal[
    "squared_error",
    "absolute_error",
    "huber",
    "log_cosh",
    "quantile",
    "cross_entropy",
    "focal",
    "binary_cross_entropy",
    "binary_focal",
    "poisson",
    "gamma",
]
Reduction = Literal["mean", "sum"]
Dtype = Literal["auto", "float32", "float64"] | type[np.float32] | type[np.float64] | np.dtype[Any]
"""Of a `Network`'s numbers."""
