"""Models for other programs: ONNX graphs, weights alone, and what skops may trust.

Examples
--------
>>> from gpubackprop.export import SKOPS_TRUSTED
>>> "gpubackprop.MLPClassifier" in SKOPS_TRUSTED
True
"""

from .onnx import register as register
from .onnx import to_onnx as to_onnx
from .trusted import SKOPS_TRUSTED as SKOPS_TRUSTED
from .weights import load_weights as load_weights
from .weights import save_weights as save_weights

__all__ = ["SKOPS_TRUSTED", "load_weights", "register", "save_weights", "to_onnx"]
