"""Conversion to ONNX by skl2onnx, which learns our estimators: every activation and loss."""

from functools import cache
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..estimators import MLPClassifier, MLPRegressor
from ..fitting.options.values import options
from ..fitting.quantiles import fitted_levels, ranks
from .graph import Graph, forward


def to_onnx(model: Any, dtype: Any = np.float32) -> Any:
    """Convert a fitted model, or a pipeline that ends in one, to ONNX.

    Parameters
    ----------
    model : estimator
        MLPClassifier or MLPRegressor of gpubackprop, or any estimator of scikit-learn's that
        holds one and that skl2onnx knows.
    dtype : {"float32", "float64"}, default="float32"
        Type of the input `X`, and of the computation.

    Returns
    -------
    onnx : onnx.ModelProto
        With the input `X`. A classifier's outputs are labels and probabilities, one matrix; a
        regressor's is a matrix with a column for each target.

    Raises
    ------
    ValueError
        If `dtype` is another type.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    ImportError
        If skl2onnx is not installed: `pip install 'gpubackprop[onnx]'`.

    Notes
    -----
    GELU's error function is computed in float32, as onnxruntime has no other.

    Examples
    --------
    >>> from gpubackprop import MLPRegressor
    >>> from gpubackprop.export import to_onnx
    >>> model = MLPRegressor(solver="lbfgs").fit([[0.0], [1.0]], [0.0, 1.0])
    >>> graph = to_onnx(model, "float64")  # doctest: +SKIP
    """
    given = np.dtype(dtype)
    if given not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
    check_is_fitted(model)
    register()
    import skl2onnx

    options = {"zipmap": False} if hasattr(model, "classes_") else None
    first = np.zeros((1, model.n_features_in_), given)
    return skl2onnx.to_onnx(model, first, options={id(model): options} if options else None)


@cache
def register() -> None:
    """Tell skl2onnx how to convert our estimators, so that its own functions do wherever they are.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.
    """
    try:
        from skl2onnx import update_registered_converter
    except ImportError as reason:
        raise ImportError(
            "conversion to ONNX needs skl2onnx: pip install 'gpubackprop[onnx]'"
        ) from reason
    update_registered_converter(
        MLPClassifier,
        "GpubackpropMLPClassifier",
        _shape_of_classification,
        _convert_classifier,
        options={
            "zipmap": [True, False, "columns"],
            "output_class_labels": [False, True],
            "nocl": [True, False],
        },
    )
    update_registered_converter(
        MLPRegressor, "GpubackpropMLPRegressor", _shape_of_regression, _convert_regressor
    )


def _shape_of_classification(operator: Any) -> None:
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    calculate_linear_classifier_output_shapes(operator)
    model, labels = operator.raw_operator, operator.outputs[0].type
    if _is_multilabel(model):
        labels.shape = [*labels.shape, model.n_outputs_]


def _is_multilabel(model: Any) -> bool:
    return bool(model._label_binarizer.y_type_ == "multilabel-indicator")


def _shape_of_regression(operator: Any) -> None:
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    given = operator.inputs[0].type
    kind = DoubleTensorType if isinstance(given, DoubleTensorType) else FloatTensorType
    rows = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type = kind([rows, operator.raw_operator.n_outputs_])


def _convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    model, graph = operator.raw_operator, Graph(scope, operator, container)
    y_hat = forward(graph, model)
    if options(model).sort_quantiles:
        y_hat = graph.sorted_columns(y_hat, ranks(fitted_levels(model)))
    graph.name_output(y_hat, 0)


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    model, graph = operator.raw_operator, Graph(scope, operator, container)
    y_hat = forward(graph, model)
    if _is_multilabel(model):
        labels = graph.integers(graph.add("Greater", y_hat, graph.constant(0.5)))
        graph.name_output(labels, 0)
        graph.name_output(y_hat, 1)
        return
    if len(model.classes_) == 2:
        other = graph.add("Sub", graph.constant(1.0), y_hat)
        y_hat = graph.add("Concat", other, y_hat, axis=1)
    best = graph.add("ArgMax", y_hat, axis=1, keepdims=0)
    graph.name_output(graph.add("Gather", graph.labels(model.classes_), best), 0)
    graph.name_output(y_hat, 1)
