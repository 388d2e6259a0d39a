"""Models for other programs: ONNX graphs, weights alone, and what skops may trust.

MLflow notes a fit by `mlflow.sklearn.autolog()`, and keeps a model in the format of skops.

Examples
--------
>>> from gpubackprop import MLPClassifier
>>> from gpubackprop.export import SKOPS_TRUSTED
>>> model = MLPClassifier(solver="lbfgs").fit([[0.0], [1.0]], [0, 1])
>>> import mlflow  # doctest: +SKIP
>>> info = mlflow.sklearn.log_model(
...     model,
...     name="model",
...     serialization_format="skops",
...     skops_trusted_types=list(SKOPS_TRUSTED),
... )  # doctest: +SKIP
>>> mlflow.sklearn.load_model(info.model_uri).predict([[1.0]])  # doctest: +SKIP
array([1])
"""

from .onnx import register as register
from .onnx import to_onnx as to_onnx
from .trusted import SKOPS_TRUSTED as SKOPS_TRUSTED
from .weights import load_weights as load_weights
from .weights import save_weights as save_weights

__all__ = ["SKOPS_TRUSTED", "load_weights", "register", "save_weights", "to_onnx"]
