"""One file that holds a trained model and its preprocessing, and loads without running code."""

from __future__ import annotations

import copy
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gpubackprop.files import write_atomically
from gpubackprop.table import Column, Task, features

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "gpubackprop model 1"
"""What the first entry of a model file says."""

TRUSTED = ("gpubackprop.MLPClassifier", "gpubackprop.MLPRegressor", "numpy.dtype")
"""The types a model file may hold beyond skops' own list (scikit-learn's estimators, NumPy's
arrays, plain data). Fixed here: a file is never asked what it wants trusted."""

# What only training needs: the optimizer's state and the generator; half of the file and more.
_TRAINING_STATE = ("_optimizer", "_random_state", "_best_coefs", "_best_intercepts")


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
        From those columns to the network's inputs, fitted.
    network : MLPClassifier or MLPRegressor
        The network, fitted.
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

    def inputs(self, table: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Turn a table's rows into the network's inputs, in float32."""
        prepared = self.prepare.transform(features(table, self.columns))
        return np.asarray(prepared, dtype=np.float32)

    def predict(self, table: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Predict each row's target, in the target's own unit.

        Parameters
        ----------
        table : DataFrame
            It has at least the model's columns.

        Returns
        -------
        ndarray of shape (n_rows,)
            Classes or quantities.
        """
        return self.from_network(self.network.predict(self.inputs(table)))

    def predict_proba(self, table: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Predict the probability of each class, in the order of ``labels``."""
        return np.asarray(self.network.predict_proba(self.inputs(table)))

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
        return np.asarray(self.target_scaler.inverse_transform(scaled)).ravel()


def current_versions() -> dict[str, str]:
    """Return the versions that a model's predictions depend on."""
    import sklearn

    import gpubackprop

    return {"gpubackprop": gpubackprop.__version__, "scikit-learn": sklearn.__version__}


def save(bundle: Bundle, path: str | Path) -> None:
    """Write a model file; a file of that name is replaced whole, or stays as it was.

    Parameters
    ----------
    bundle : Bundle
        The trained model.
    path : str or Path
        Where to.

    Raises
    ------
    ModelFileError
        If it would not be loaded again.
    WriteError
        If it cannot be written.
    """
    import skops.io

    content: dict[str, Any] = {f.name: getattr(bundle, f.name) for f in fields(bundle)}
    content["columns"] = [[column.name, column.kind] for column in bundle.columns]
    content["network"] = _for_prediction(bundle.network)
    content["metrics"] = {name: float(value) for name, value in bundle.metrics.items()}
    content["versions"] = dict(bundle.versions)
    data = skops.io.dumps({"format": FORMAT, **content}, compression=zipfile.ZIP_DEFLATED)
    strange = set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED)
    if strange:  # better now than when the model is needed
        raise ModelFileError(f"{path}: not saved, {sorted(strange)} would not be loaded again.")
    write_atomically(path, data)


def load(path: str | Path) -> Bundle:
    """Read a model file. No code runs that the file brings.

    Parameters
    ----------
    path : str or Path
        A file that :func:`save` wrote.

    Returns
    -------
    Bundle
        The model.

    Raises
    ------
    ModelFileError
        If it is missing, damaged, or not a model file.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror}).") from None
    _check_container(path, data)
    content = _construct(path, data)
    if not isinstance(content, dict) or "format" not in content:
        raise ModelFileError(f"{path}: not a model that 'gpubackprop train' saved.")
    if content.pop("format") != FORMAT:
        raise ModelFileError(
            f"{path}: written in another format than this version reads. Use the gpubackprop that "
            "saved it, or train again."
        )
    try:
        content["columns"] = tuple(Column(name, kind) for name, kind in content["columns"])
        return Bundle(**content)
    except (KeyError, TypeError, ValueError):
        raise ModelFileError(f"{path}: incomplete. Train and save again.") from None


def _for_prediction(network: Any) -> Any:
    slim = copy.copy(network)
    slim.set_params(callbacks=None)
    for name in _TRAINING_STATE:
        vars(slim).pop(name, None)
    return slim


def _check_container(path: Path, data: bytes) -> None:
    if data[:1] == b"\x80":
        raise ModelFileError(
            f"{path}: a pickle, which could run any code when loaded. Only models that "
            "'gpubackprop train' saved are read."
        )
    if data[:2] != b"PK":
        raise ModelFileError(
            f"{path}: {'empty' if not data else 'not a model file'}. Models are made by "
            "'gpubackprop train'."
        )


def _construct(path: Path, data: bytes) -> Any:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return skops.io.loads(data, trusted=list(TRUSTED))
    except UntrustedTypesFoundException:
        strange = set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED)
        raise ModelFileError(
            f"{path}: refused, it holds what no gpubackprop model holds "
            f"({', '.join(sorted(strange))})."
        ) from None
    except zipfile.BadZipFile:
        raise ModelFileError(
            f"{path}: damaged or cut short. Copy it again from its source, or train again."
        ) from None
    except Exception as error:  # a crafted file may fail anywhere inside skops
        raise ModelFileError(
            f"{path}: not a model that this gpubackprop can read ({type(error).__name__}: {error})."
        ) from None
