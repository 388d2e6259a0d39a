"""What a model file held, made anew: only numbers and texts are taken over, and each is checked.

Nothing that came out of a file is ever called. Its preprocessing and its network are built here, by
the scikit-learn that is installed, and get the file's numbers where these are of the right type and
shape; all else has to be what is built here.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from numbers import Real
from typing import Any, cast

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import LabelBinarizer, OneHotEncoder, StandardScaler, TargetEncoder

from gpubackprop import MLPClassifier, MLPRegressor
from gpubackprop.table import Column, Task, features, preprocessor
from gpubackprop.table.conversion import AVERAGES
from gpubackprop.table.dates import PARTS
from gpubackprop.table.model_archive import RefusedError
from gpubackprop.table.voting import mean_of

Array = np.ndarray[Any, Any]

_RECORDS = (
    *("loss_", "best_loss_", "loss_curve_", "validation_scores_", "best_validation_score_"),
    *("n_iter_", "t_", "_no_improvement_count"),
)
"""What a network tells of its training: numbers, lists of them, or None."""


def restored(content: Mapping[str, Any]) -> dict[str, Any]:
    """Make the fields of a ``Bundle`` of what its file held, read from a checked archive.

    RefusedError if something is missing, or of another type, shape or value than a model's.
    """
    missing = {"task", "target", "columns", "prepare", "network"} - set(content)
    if missing:
        raise RefusedError(
            f"incomplete, it has no {', '.join(sorted(missing))}. Train and save again."
        )
    try:
        return _restored(content)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, RefusedError):
            raise
        raise RefusedError(f"damaged or changed ({error}). Train and save again.") from None


def _restored(content: Mapping[str, Any]) -> dict[str, Any]:
    task, target = content["task"], content["target"]
    _require(task in ("classification", "regression"), "its task")
    _require(type(target) is str, "the name of its target")
    columns = _columns(content["columns"])
    classes, scaler = _answers(content.get("classes"), content.get("target_scaler"), task)
    networks = content["network"] if type(content["network"]) is list else [content["network"]]
    answers = None if classes is None else _places(networks[0], len(classes))
    prepare = _preparation(content["prepare"], columns, answers)
    inputs = sum(part.stop - part.start for part in prepare.output_indices_.values())
    return {
        "task": task,
        "target": target,
        "columns": columns,
        "prepare": prepare,
        "network": mean_of([_network(network, inputs, answers) for network in networks]),
        "classes": classes,
        "target_scaler": scaler,
        "metrics": _entries(content.get("metrics", {}), float, "its metrics"),
        "versions": _entries(content.get("versions", {}), str, "its versions"),
    }


def _require(right: bool, what: str) -> None:
    if not right:
        raise RefusedError(f"damaged or changed: {what} cannot be a model's. Train and save again.")


_GAPS, _DATES, _NONE = frozenset({"missing"}), frozenset({*PARTS, "missing"}), frozenset[str]()
_PARTS_OF_KIND = {
    "number": _GAPS,
    "boolean": _GAPS,
    "date": _DATES,
    "date, day first": _DATES,
    "category": _NONE,
    "many categories": _NONE,
}


def _columns(read: Any) -> tuple[Column, ...]:
    columns = tuple(Column(name, kind, tuple(parts)) for name, kind, *parts in read)
    _require(
        all(type(c.name) is str and c.kind in _PARTS_OF_KIND for c in columns)
        and all(set(c.parts) <= _PARTS_OF_KIND[c.kind] for c in columns)
        and all(len(set(c.parts)) == len(c.parts) for c in columns)
        and len({c.name for c in columns}) == len(columns) > 0,
        "the list of its columns",
    )
    return columns


def _entries(read: Any, kind: type, what: str) -> dict[str, Any]:
    _require(type(read) is dict and {type(v) for v in read.values()} <= {kind}, what)
    return cast("dict[str, Any]", read)


def _answers(classes: Any, scaler: Any, task: Task) -> tuple[Array | None, StandardScaler | None]:
    """Classes, sorted, or the scaler of a quantity."""
    if task == "regression":
        own = StandardScaler().fit(np.array([[0.0], [1.0]]))
        return None, _adopted(own, scaler, "target_scaler")
    _require(_is_sorted(classes, "iuU"), "the list of its classes")
    return classes, None


def _is_sorted(values: Any, kinds: str) -> bool:
    """Whether this is a list of distinct values in order."""
    return (
        type(values) is np.ndarray
        and values.ndim == 1
        and values.dtype.kind in kinds
        and len(values) > 0
        and bool(np.all(values[:-1] < values[1:]))
    )


# -- preprocessing --------------------------------------------------------------------------------


def _preparation(
    read: Any, columns: tuple[Column, ...], answers: Array | None
) -> ColumnTransformer:
    """Fit the columns' preprocessing to rows with the file's categories; adopt its numbers."""
    _require(type(read) is ColumnTransformer, "what prepares its columns")
    values = {c.name: ["2000-01-01" if c.kind.startswith("date") else "0"] for c in columns}
    for part, kind in (("categories", "category"), (AVERAGES, "many categories")):
        textual = [column.name for column in columns if column.kind == kind]
        values |= dict(zip(textual, _category_values(read, part), strict=True))
    few = 2 if answers is None else len(answers)
    longest = max(few, *map(len, values.values()))
    # Twice, since what averages a target takes two rows of a class.
    rows = {name: (some + some[:1] * (longest - len(some))) * 2 for name, some in values.items()}
    target = np.linspace(0, 1, longest) if answers is None else np.resize(answers, longest)
    task = "regression" if answers is None else "classification"
    taken = features(pd.DataFrame(rows, dtype=object), columns)
    own = preprocessor(columns, task).fit(taken, np.tile(target, 2))
    return _adopted(own, read, "prepare")


def _category_values(read: ColumnTransformer, part: str) -> list[list[str]]:
    """Texts of each column, as often as makes the same of them rare: the rare ones once."""
    encoders = [encoder for name, encoder, _ in vars(read)["transformers_"] if name == part]
    if not encoders:
        return []
    (encoder,) = encoders
    kind = TargetEncoder if part == AVERAGES else OneHotEncoder
    _require(type(encoder) is kind, "what prepares its categories")
    categories = vars(encoder)["categories_"]
    rare = vars(encoder).get("_infrequent_indices", [None] * len(categories))
    found = []
    for texts, indices in zip(categories, rare, strict=True):
        _require({type(text) for text in texts} == {str}, "a list of categories")
        seldom = set() if indices is None else {int(index) for index in indices}
        common = [text for i, text in enumerate(texts) if i not in seldom]
        found.append([*common, *common, *(texts[i] for i in seldom)])
    return found


def _adopted(own: Any, read: Any, where: str) -> Any:
    """Take over the numbers of a file's estimator, if all else is as in `own`, fitted just now.

    `where` is its place, for messages.
    """
    if isinstance(own, np.ndarray) and own.dtype.kind == "f":
        _require(_is_like(read, own), where)
        return read
    if isinstance(own, np.floating) and where.endswith("target_mean_"):
        _require(isinstance(read, (float, np.floating)) and bool(np.isfinite(read)), where)
        return read
    if isinstance(own, np.generic):  # a number of rows: any NumPy number, by scikit-learn's version
        _require(isinstance(read, (Real, np.number)) and float(read) > 0, where)
        return read
    if isinstance(own, np.ndarray):
        _require(isinstance(read, np.ndarray) and np.array_equal(own, read), where)
        return own
    _require(type(read) is type(own), where)
    if isinstance(own, BaseEstimator):
        for name, value in vars(own).items():
            if name in vars(read) or name.endswith("_"):  # versions differ in what is not fitted
                setattr(own, name, _adopted(value, vars(read)[name], f"{where}.{name}"))
        return own
    if isinstance(own, (list, tuple)):
        places = [f"{where}[{i}]" for i in range(len(own))]
        return type(own)(map(_adopted, own, _as_long(read, len(own), where), places))
    if isinstance(own, dict):
        _require(own.keys() == read.keys(), where)
        return {name: _adopted(value, read[name], f"{where}.{name}") for name, value in own.items()}
    _require(bool(own == read or (own != own and read != read)), where)  # NaN is NaN
    return own


def _is_like(read: Any, own: Array) -> bool:
    """Whether this is an array of finite numbers, of the same type and shape."""
    same = type(read) is np.ndarray and read.dtype == own.dtype and read.shape == own.shape
    return same and bool(np.isfinite(read).all())


def _as_long(read: Any, length: int, where: str) -> Any:
    _require(len(read) == length, where)
    return read


# -- the network ----------------------------------------------------------------------------------


def _network(read: Any, inputs: int, places: Array | None) -> MLPClassifier | MLPRegressor:
    """Build a network from its parameters, its weights and the record of its training."""
    kind = MLPRegressor if places is None else MLPClassifier
    _require(type(read) is kind, "its network")
    state = vars(read)
    given = {name: state[name] for name in kind._get_param_names() if name in state}
    _require(all(map(_is_plain, given.values())), "a parameter of its network")
    network = kind(**given)
    BaseEstimator._validate_params(network)  # not ours, which asks for the GPU of the training
    if network.device != "cpu":
        network.device = "auto"  # who predicts may have no GPU, or another
    outputs = 1
    if places is None:
        network.out_activation_ = "exp" if network.loss == "poisson" else "identity"
    else:
        _require(np.array_equal(state["classes_"], places), "the classes of its networks")
        outputs = _adopt_classes(network, places)
    network.coefs_ = _arrays(state["coefs_"], 2)
    network.intercepts_ = _arrays(state["intercepts_"], 1)
    sizes = [inputs, *(len(bias) for bias in network.intercepts_)]
    _require(
        [W.shape for W in network.coefs_] == list(pairwise(sizes))
        and sizes[-1] == outputs
        and len({W.dtype for W in (*network.coefs_, *network.intercepts_)}) == 1,
        "the shapes of its weights",
    )
    network.n_features_in_, network.n_outputs_, network.n_layers_ = inputs, outputs, len(sizes)
    for name in _RECORDS:
        if name in state:
            _require(_is_record(state[name]), f"network.{name}")
            setattr(network, name, state[name])
    return network


def _is_plain(value: Any) -> bool:
    """Whether this is a number, a text, None, or numbers in a row."""
    if isinstance(value, (list, tuple)):
        return all(isinstance(number, Real) for number in value)
    return value is None or isinstance(value, (Real, str))


def _is_record(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(number, Real) for number in value)
    return value is None or isinstance(value, Real)


def _places(network: Any, n_classes: int) -> Array:
    """Take from a classifier the places of the classes that it was trained on."""
    _require(type(network) is MLPClassifier, "its network")
    places = vars(network)["classes_"]
    _require(
        _is_sorted(places, "iu") and places[0] >= 0 and places[-1] < n_classes,
        "the classes of its network",
    )
    return cast("Array", places)


def _adopt_classes(network: MLPClassifier, places: Array) -> int:
    """Give a classifier the places of its classes; return how many outputs tell them apart."""
    network._label_binarizer = LabelBinarizer().fit(places)
    network.classes_ = network._label_binarizer.classes_
    several = len(places) > 2
    network.out_activation_ = "softmax" if several else "logistic"
    return len(places) if several else 1


def _arrays(read: Any, dimensions: int) -> list[Array]:
    """Weights or biases: finite, in single or double precision."""
    _require(
        type(read) is list
        and len(read) > 0
        and all(
            type(array) is np.ndarray
            and array.ndim == dimensions
            and array.dtype in (np.float32, np.float64)
            and array.dtype.isnative
            and bool(np.isfinite(array).all())
            for array in read
        ),
        "the weights of its network",
    )
    return cast("list[Array]", read)
