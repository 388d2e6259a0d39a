"""Callbacks that write each epoch's numbers for TensorBoard and MLflow."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..history import EpochRecord
from .epochs import EpochCallback


class TensorBoardWriter(EpochCallback):
    """Write losses, score, learning rate and seconds of each epoch for TensorBoard.

    Parameters
    ----------
    folder : str or os.PathLike
        What `tensorboard --logdir` is pointed at; each fit has a folder of its own in it.

    Raises
    ------
    ImportError
        As a fit begins, if tensorboardX is missing.

    Examples
    --------
    >>> from gpubackprop import MLPClassifier
    >>> from gpubackprop.callbacks import TensorBoardWriter
    >>> model = MLPClassifier().set_callbacks(TensorBoardWriter("runs"))
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = folder
        self._writers: dict[int, Any] = {}

    def fit_began(self, estimator: Any, epochs: int | None) -> None:
        """Open a file."""
        writer = _imported("tensorboardX", self, "tensorboard").SummaryWriter
        self._writers[id(estimator)] = writer(str(Path(self.folder) / _run_name(estimator)))

    def epoch_ended(self, estimator: Any, record: EpochRecord) -> None:
        """Write the numbers that the epoch has."""
        writer = self._writers[id(estimator)]
        for name, value in _numbers(record).items():
            writer.add_scalar(name, value, record.epoch)

    def fit_ended(self, estimator: Any) -> None:
        """Close the file."""
        writer = self._writers.pop(id(estimator), None)
        if writer is not None:
            writer.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_writers": {}}  # another process opens files of its own


class MLflowWriter(EpochCallback):
    """Write the parameters of each fit, and the numbers of its epochs, into a run of MLflow.

    `mlflow.sklearn.autolog()` knows gpubackprop's estimators too, as it knows scikit-learn's: it
    logs parameters and scores of the training data when a fit is over.

    Parameters
    ----------
    experiment : str, default="gpubackprop"
        Name of MLflow's experiment; it is made if it is missing.
    tracking_uri : str or None, default=None
        Where to; None is what MLflow is set to.

    Raises
    ------
    ImportError
        As a fit begins, if MLflow is missing.

    Examples
    --------
    >>> from gpubackprop import MLPClassifier
    >>> from gpubackprop.callbacks import MLflowWriter
    >>> model = MLPClassifier().set_callbacks(MLflowWriter("digits"))
    """

    def __init__(self, experiment: str = "gpubackprop", tracking_uri: str | None = None) -> None:
        self.experiment, self.tracking_uri = experiment, tracking_uri
        self._runs: dict[int, tuple[Any, str]] = {}

    def fit_began(self, estimator: Any, epochs: int | None) -> None:
        """Start a run and write the parameters."""
        mlflow = _imported("mlflow", self, "mlflow")
        client = mlflow.MlflowClient(tracking_uri=self.tracking_uri)
        found = client.get_experiment_by_name(self.experiment)
        number = found.experiment_id if found else client.create_experiment(self.experiment)
        run = client.create_run(number, run_name=_run_name(estimator)).info.run_id
        self._runs[id(estimator)] = client, run
        for name, value in estimator.get_params(deep=False).items():
            client.log_param(run, name, value)

    def epoch_ended(self, estimator: Any, record: EpochRecord) -> None:
        """Write the numbers that the epoch has."""
        client, run = self._runs[id(estimator)]
        for name, value in _numbers(record).items():
            client.log_metric(run, name, value, step=record.epoch)

    def fit_ended(self, estimator: Any) -> None:
        """End the run."""
        client, run = self._runs.pop(id(estimator), (None, ""))
        if client is not None:
            client.set_terminated(run)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_runs": {}}  # another process starts runs of its own


def _imported(module: str, writer: EpochCallback, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{type(writer).__name__} needs {module}: pip install 'gpubackprop[{extra}]'"
        ) from error


def _run_name(estimator: Any) -> str:
    return f"{type(estimator).__name__}-{uuid4().hex[:8]}"


def _numbers(record: EpochRecord) -> dict[str, float]:
    """All that is known of an epoch but its number."""
    known = record._asdict().items()
    return {name: value for name, value in known if name != "epoch" and value is not None}
