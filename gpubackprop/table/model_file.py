"""One file that holds a trained model and its preprocessing, and loads without running code."""

from __future__ import annotations

import copy
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gpubackprop.files import ReadError, read_regular, write_atomically
from gpubackprop.table import Column, TableError, Task, features, fit_preprocessor, place
from gpubackprop.table.conversion import AVERAGES
from gpubackprop.table.model_archive import LARGEST_FILE, RefusedError, unpacked
from gpubackprop.table.model_contents import restored
from gpubackprop.table.voting import networks_of

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "gpubackprop model 2"
"""What the first entry of a model file says."""
_FORMATS = (FORMAT, "gpubackprop model 1")
"""What is read: version 0.1.0 wrote columns without parts."""

TRUSTED = ("gpubackprop.MLPClassifier", "gpubackprop.MLPRegressor", "numpy.dtype")
"""The types a model file may hold beyond skops' own list (scikit-learn's estimators, NumPy's
arrays, plain data). Fixed here: a file is never asked what it wants trusted."""

# What only training needs: the optimizer's state and the generator; half of the file and more.
_TRAINING_STATE = ("_optimizer", "_random_state", "_best_coefs", "_best_intercepts", "history_")


class ModelFileError(ValueError):
    """A model that cannot be saved or loaded; the message names the file and the cure."""


@dataclass(frozen=True)
class Bundle:
    """A trained network with all it takes to predict from a table.

    Attributes
    ----------
    task : {"classification", "regression"}
        What it was trained for.
    target : str
        The name of the column it predicts.
    columns : tuple of Column
        The columns it reads, by name.
    prepare : ColumnTransformer
        From those columns to the network's inputs; fitted by ``fit_inputs`` or before.
    network : MLPClassifier, MLPRegressor, VotingClassifier or VotingRegressor
        The network, fitted, or what :func:`voting.mean_of` made of several.
    classes : ndarray or None
        The classes, sorted: the network knows them by their places. None for a quantity.
    target_scaler : StandardScaler or None
        From a quantity to what the network was trained on. None for classes.
    metrics : mapping of str to float
        What was reported of it on held-out rows.
    versions : mapping of str to str
        The gpubackprop and scikit-learn that trained it.
    """

    task: Task
    target: str
    columns: tuple[Column, ...]
    prepare: Any
    network: Any
    classes: Any = None
    target_scaler: Any = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=lambda: current_versions())

    def fit_inputs(self, table: pd.DataFrame, target: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Fit the preprocessing to training rows; return the network's inputs for these."""
        rows = features(table, self.columns)
        return _single(lambda: fit_preprocessor(self.prepare, rows, self.to_network(target)))

    def inputs(self, table: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Turn a table's rows into the network's inputs, in float32."""
        return _single(lambda: self.prepare.transform(features(table, self.columns)))

    def unseen(self, table: pd.DataFrame) -> dict[str, dict[str, int]]:
        """Count, by column, the rows of each category that no training row held."""
        parts = self.prepare.named_transformers_
        known = {
            str(name): set(categories)
            for encoder in (parts.get("categories"), parts.get(AVERAGES))
            if encoder is not None
            for name, categories in zip(encoder.feature_names_in_, encoder.categories_, strict=True)
        }
        texts = features(table, [column for column in self.columns if column.name in known])
        new = {name: texts[name][~texts[name].isin(held)] for name, held in known.items()}
        return {name: dict(rows.value_counts()) for name, rows in new.items() if len(rows)}

    def predict(self, table: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Predict each row's target, in the target's own unit."""
        return self.from_network(self.network.predict(self.inputs(table)))

    def predict_proba(self, table: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Predict the probability of each class, in the order of ``labels``."""
        return np.asarray(self.network.predict_proba(self.inputs(table)))

    @property
    def networks(self) -> list[Any]:
        """The networks, of which the mean is predicted."""
        return networks_of(self.network)

    @property
    def labels(self) -> np.ndarray[Any, Any]:
        """The classes that were seen in training."""
        return np.asarray(self.classes[self.network.classes_])

    def to_network(self, target: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Turn the target into what the network is trained on: places of classes, or float32."""
        if self.classes is not None:
            return np.searchsorted(self.classes, target)
        scaled = self.target_scaler.transform(target.reshape(-1, 1))
        return np.asarray(scaled, dtype=np.float32).ravel()

    def from_network(self, predicted: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Turn the network's predictions into the target's classes or unit."""
        if self.classes is not None:
            return np.asarray(self.classes[predicted])
        scaled = np.asarray(predicted, dtype=np.float64).reshape(-1, 1)
        _require_finite(scaled, "the network's prediction is not a finite number")
        return np.asarray(self.target_scaler.inverse_transform(scaled)).ravel()


def _single(prepared: Callable[[], Any]) -> np.ndarray[Any, Any]:
    """Have inputs made and turn them into float32; TableError names the row of one too large."""
    with np.errstate(all="ignore"):
        inputs = np.asarray(prepared(), dtype=np.float32)
    _require_finite(inputs, "a number here is too large for single precision")
    return inputs


def _require_finite(rows: np.ndarray[Any, Any], words: str) -> None:
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise TableError(f"{place(int(np.argmin(finite)))}: {words}.")


def current_versions() -> dict[str, str]:
    """Return the versions that a model's predictions depend on."""
    import sklearn

    import gpubackprop

    return {"gpubackprop": gpubackprop.__version__, "scikit-learn": sklearn.__version__}


def save(bundle: Bundle, path: str | Path) -> None:
    """Write a model file; a file of that name is replaced whole, or stays as it was.

    ModelFileError if it would not be loaded again, WriteError if it cannot be written.
    """
    import skops.io

    content: dict[str, Any] = {f.name: getattr(bundle, f.name) for f in fields(bundle)}
    content["columns"] = [[c.name, c.kind, *c.parts] for c in bundle.columns]
    content["network"] = [_for_prediction(network) for network in bundle.networks]
    content["metrics"] = {name: float(value) for name, value in bundle.metrics.items()}
    content["versions"] = dict(bundle.versions)
    data = skops.io.dumps({"format": FORMAT, **content}, compression=zipfile.ZIP_DEFLATED)
    try:
        _bundle(data)
    except RefusedError as error:  # better now than when the model is needed
        raise ModelFileError(f"{path}: not saved, it would not be loaded again: {error}") from None
    write_atomically(path, data)


def load(path: str | Path) -> Bundle:
    """Read a model file that :func:`save` wrote. No code runs that the file brings.

    ModelFileError if it is missing, damaged, or not a model file.
    """
    path = Path(path)
    try:
        return _bundle(read_regular(path, LARGEST_FILE))
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror}).") from None
    except ReadError as error:
        raise ModelFileError(f"{path}: cannot be read, {error}.") from None
    except RefusedError as error:
        raise ModelFileError(f"{path}: {error}") from None


def _for_prediction(network: Any) -> Any:
    slim = copy.copy(network)
    slim.set_params(callbacks=None)
    for name in _TRAINING_STATE:
        vars(slim).pop(name, None)
    return slim


def _bundle(data: bytes) -> Bundle:
    """Make a model of a file's bytes; RefusedError if they are none."""
    if data[:1] == b"\x80":
        raise RefusedError(
            "a pickle, which could run any code when loaded. Only models that 'gpubackprop train' "
            "saved are read."
        )
    if data[:2] != b"PK":
        what = "not a model file" if data else "empty"
        raise RefusedError(f"{what}. Models are made by 'gpubackprop train'.")
    content = _constructed(unpacked(data))
    if type(content) is not dict or "format" not in content:
        raise RefusedError("not a model that 'gpubackprop train' saved.")
    if content["format"] not in _FORMATS:
        raise RefusedError(
            "written in another format than this version reads. Use the gpubackprop that saved it, "
            "or train again."
        )
    return Bundle(**restored(content))


def _constructed(archive: bytes) -> Any:
    import skops.io

    try:
        return skops.io.loads(archive, trusted=list(TRUSTED))
    except Exception as error:  # a crafted file may fail anywhere inside skops
        words = f"{type(error).__name__}: {error}"
        raise RefusedError(f"not a model that this gpubackprop can read ({words}).") from None
