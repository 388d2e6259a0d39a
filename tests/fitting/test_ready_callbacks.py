"""The callbacks that come with gpubackprop stop training, show it and write it down."""

import pickle
import sys
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest
from joblib import Parallel, delayed

from gpubackprop.callbacks import (
    EpochCallback,
    MLflowWriter,
    ProgressBar,
    StopAfter,
    StopAtTarget,
    TensorBoardWriter,
    stopping,
)

from .agreement import ENDS_BY_ITSELF, TASKS, Params, ours_for, said

BASE: Params = {"hidden_layer_sizes": (6,), "batch_size": 16, "random_state": 0, "max_iter": 6}
X, y = TASKS["regression"].X, TASKS["regression"].y


def _fitted(*callbacks: Any, **params: Any) -> Any:
    model = ours_for(TASKS["regression"], **{**BASE, **params}).set_callbacks(*callbacks)
    said(model.fit, X, y)
    return model


@pytest.mark.parametrize("name", ["loss", "validation_loss", "validation_score"])
def test_stop_at_a_target(name: str) -> None:
    free = _fitted(early_stopping=True)
    reached = getattr(free.history_[2], name)
    model = _fitted(StopAtTarget(**{name: reached}), early_stopping=True)
    assert model.n_iter_ == 3
    margin = 1e-9 if name == "validation_score" else -1e-9
    assert _fitted(StopAtTarget(**{name: reached + margin}), early_stopping=True).n_iter_ == 4


def test_any_of_several_targets_stops() -> None:
    loss = _fitted().loss_curve_[1]
    target = StopAtTarget(loss=loss, validation_score=2.0)
    with pytest.raises(ValueError, match="watches validation_score, and there are no validation"):
        _fitted(StopAtTarget(validation_score=2.0))
    assert _fitted(target, early_stopping=True, max_iter=50).n_iter_ < 50


def test_stop_after_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 101.0, 104.9, 105.0, 200.0, 204.0, 206.0])
    monkeypatch.setattr(stopping, "monotonic", lambda: next(clock))
    stop = StopAfter(5)
    assert [_fitted(stop).n_iter_, _fitted(stop).n_iter_] == [3, 2]
    assert stop._began == {}


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: StopAtTarget(), ValueError, "needs a target: loss, "),
        (lambda: StopAtTarget(loss="low"), TypeError, "loss must be a number, got 'low'"),
        (lambda: StopAfter(None), TypeError, "seconds must be a number, got None"),  # type: ignore[arg-type]
        (lambda: StopAfter(0), ValueError, "seconds must be above 0, got 0"),
        (lambda: _fitted(EpochCallback()), NotImplementedError, "must define epoch_ended"),
    ],
)
def test_wrong_use(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_bars_in_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    bar = pickle.loads(pickle.dumps(ProgressBar()))
    model = _fitted(bar, early_stopping=True)
    shown = capsys.readouterr().out
    assert "MLPRegressor" in shown
    assert "6/6" in shown
    assert f"loss {model.loss_:.4g}, score {model.validation_scores_[-1]:.4g}" in shown
    several = ours_for(TASKS["regression"], **{**BASE, **ENDS_BY_ITSELF, "max_iter": 9})
    jobs = (delayed(several.set_params(alpha=a).set_callbacks(bar).fit)(X, y) for a in (1, 2))
    Parallel(n_jobs=2, backend="loky")(jobs)


def _module(monkeypatch: pytest.MonkeyPatch, name: str, **content: Any) -> None:
    module = ModuleType(name)
    vars(module).update(content)
    monkeypatch.setitem(sys.modules, name, module)


class Bar:
    """tqdm's, as far as it is used."""

    made: ClassVar[list["Bar"]] = []

    def __init__(self, total: int, desc: str, unit: str) -> None:
        self.total, self.desc, self.count, self.text, self.open = total, desc, 0, "", True
        Bar.made.append(self)

    def set_postfix_str(self, text: str, refresh: bool) -> None:
        self.text = text

    def update(self) -> None:
        self.count += 1

    def close(self) -> None:
        self.open = False


def test_bars_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = type("ZMQInteractiveShell", (), {})
    _module(monkeypatch, "IPython", get_ipython=shell)
    _module(monkeypatch, "tqdm")
    _module(monkeypatch, "tqdm.auto", tqdm=Bar)
    model = _fitted(ProgressBar())
    (bar,) = Bar.made
    assert (bar.total, bar.desc, bar.count, bar.open) == (6, "MLPRegressor", 6, False)
    assert bar.text == f"loss {model.loss_:.4g}"


EXPECTED = {"loss", "seconds", "learning_rate", "validation_loss", "validation_score"}


def _check_rows(model: Any, rows: list[tuple[str, float, int]]) -> None:
    """Every number of every epoch was written, with its step."""
    records = enumerate(model.history_, start=1)
    expected = [(name, getattr(r, name), step) for step, r in records for name in EXPECTED]
    assert sorted(rows) == sorted(expected)


def test_tensorboard(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    rows: list[Any] = []
    closed: list[str] = []

    class SummaryWriter:
        def __init__(self, folder: str) -> None:
            self.folder = folder

        def add_scalar(self, *row: Any) -> None:
            rows.append(row)

        def close(self) -> None:
            closed.append(self.folder)

    _module(monkeypatch, "tensorboardX", SummaryWriter=SummaryWriter)
    writer = TensorBoardWriter(tmp_path)
    _check_rows(_fitted(writer, early_stopping=True), rows)
    _fitted(writer)
    assert len(set(closed)) == 2
    assert all(folder.startswith(f"{tmp_path}/MLPRegressor-") for folder in closed)


def test_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Any] = []
    params: dict[str, Any] = {}
    ended: list[str] = []

    class MlflowClient:
        def __init__(self, tracking_uri: str | None) -> None:
            assert tracking_uri == "file:/somewhere"

        def get_experiment_by_name(self, name: str) -> None:
            assert name == "digits"

        def create_experiment(self, name: str) -> str:
            return "7"

        def create_run(self, experiment: str, run_name: str) -> Any:
            assert (experiment, run_name[:13]) == ("7", "MLPRegressor-")
            return SimpleNamespace(info=SimpleNamespace(run_id="r1"))

        def log_param(self, run: str, name: str, value: Any) -> None:
            params[name] = value

        def log_metric(self, run: str, name: str, value: float, step: int) -> None:
            rows.append((name, value, step))

        def set_terminated(self, run: str) -> None:
            ended.append(run)

    _module(monkeypatch, "mlflow", MlflowClient=MlflowClient)
    model = _fitted(MLflowWriter("digits", "file:/somewhere"), early_stopping=True)
    _check_rows(model, rows)
    assert params == model.get_params()
    assert ended == ["r1"]


@pytest.mark.parametrize(
    ("make", "module", "extra"),
    [
        (ProgressBar, "rich.progress", "cli"),
        (lambda: _fitted(TensorBoardWriter("x")), "tensorboardX", "tensorboard"),
        (lambda: _fitted(MLflowWriter("x")), "mlflow", "mlflow"),
    ],
)
def test_what_is_missing_is_named(
    make: Any, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"pip install 'gpubackprop\[{extra}\]'"):
        make()
