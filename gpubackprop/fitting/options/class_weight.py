"""Weights of a classifier's classes, as weights of its examples."""

from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from ...algorithm.parameters import Array
from ...backends.cuda.device_arrays import on_host
from ...distributed.shards import of_all, own_part
from .values import options


def refuse_balanced(estimator: Any) -> None:
    """Refuse "balanced" for `partial_fit`, which does not see how frequent the classes are.

    ValueError in the words of scikit-learn's `SGDClassifier`.
    """
    if options(estimator).class_weight == "balanced":
        raise ValueError(
            "class_weight 'balanced' is not supported for partial_fit. In order to use 'balanced' "
            "weights, use compute_class_weight('balanced', classes=classes, y=y). In place of y "
            "you can use a large enough sample of the full training set target to properly "
            "estimate the class frequency distributions. Pass the resulting weights as the "
            "class_weight parameter."
        )


def weighted(estimator: Any, y: Any, sample_weight: Array | None) -> Array | None:
    """Multiply the weight of each example with that of its class, by the network's targets y.

    What was given is returned where classes have no weights, as those of a regressor. ValueError
    if `class_weight` does not fit the classes.
    """
    chosen = options(estimator).class_weight
    if chosen is None:
        return sample_weight
    valid = all(isinstance(each, Real) for each in _given_weights(chosen))
    weight = _of_examples(estimator, chosen, on_host(y)) if valid else np.empty(0)
    if not valid or not np.isfinite(weight).all() or weight.min(initial=0.0) < 0:
        raise ValueError(
            f"class_weight must give finite weights of at least 0 to the classes, got {chosen!r}"
        )
    return weight if sample_weight is None else weight * sample_weight


def of_validation(estimator: Any, y: Any, y_val: Array, weight: Array | None) -> Array | None:
    """Multiply the weights of rows to validate with; "balanced" goes by the rows trained on.

    Both y are the network's targets.
    """
    if options(estimator).class_weight != "balanced":
        return weighted(estimator, y_val, weight)
    trained = of_all(on_host(y))
    Y = np.concatenate([trained, y_val])
    labels = Y.astype(int) if _are_several(estimator) else _numbers(Y)
    of_both = compute_sample_weight("balanced", labels, indices=np.arange(len(trained)))
    of_rows: Array = of_both[len(trained) :]
    return of_rows if weight is None else of_rows * weight


def _given_weights(chosen: Any) -> Iterator[Any]:
    """Yield each class's weight, of labels of several columns too; "balanced" gives none."""
    for each in chosen if isinstance(chosen, list) else [chosen]:
        yield from each.values() if isinstance(each, dict) else ()


def _are_several(estimator: Any) -> bool:
    """Whether an example may have several labels."""
    return bool(estimator._label_binarizer.y_type_ == "multilabel-indicator")


def _numbers(Y: Array) -> Array:
    """Number of each example's class."""
    numbers: Array = Y.argmax(axis=1) if Y.shape[1] > 1 else Y[:, 0].astype(int)
    return numbers


def _of_examples(estimator: Any, chosen: Any, Y: Array) -> Array:
    """Weights of the examples: of several labels each, the product over the labels."""
    if _are_several(estimator):
        every: Array = compute_sample_weight(chosen, of_all(Y.astype(int)))
        return own_part(every, len(Y))
    if isinstance(chosen, list):
        raise ValueError(
            "class_weight is a list of dicts for labels of several columns alone; y has one, so "
            f"give one dict of class weights, got {chosen!r}"
        )
    numbers = _numbers(Y)
    classes = estimator.classes_  # all of them: a batch of a stream may lack some
    seen = classes[of_all(numbers)]
    of_each: Array = compute_class_weight(chosen, classes=classes, y=seen)[numbers]
    return of_each
