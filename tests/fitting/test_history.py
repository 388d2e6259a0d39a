"""Every epoch has a record: `history_`, in a data frame, in a picture."""

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network
from sklearn.base import clone
from sklearn.datasets import load_iris

import gpubackprop
from gpubackprop import EpochRecord, History, LossCurveDisplay, accelerated

from .agreement import TASKS, Params, ours_for, said

BASE: Params = {"hidden_layer_sizes": (6,), "batch_size": 16, "random_state": 0, "max_iter": 4}
X, y = TASKS["regression"].X, TASKS["regression"].y
OLD = Path(__file__).parents[1] / "data" / "0.1.0" / "classifier.pickle"

ways = pytest.mark.parametrize("way", ["compiled", "reference", "csr"])


def _model(**params: Any) -> Any:
    return ours_for(TASKS["regression"], **{**BASE, **params})


def _fitted(way: str = "auto", **params: Any) -> Any:
    model = _model(backend="auto" if way == "csr" else way, **params)
    said(model.fit, scipy.sparse.csr_array(X) if way == "csr" else X, y)
    return model


@ways
def test_a_record_for_every_epoch(way: str) -> None:
    model = _fitted(way, early_stopping=True)
    assert [record.epoch for record in model.history_] == [1, 2, 3, 4]
    assert [record.loss for record in model.history_] == model.loss_curve_
    assert [record.validation_score for record in model.history_] == model.validation_scores_
    alone = _fitted(way)
    assert [record.validation_score for record in alone.history_] == [None] * 4


def test_callbacks_are_given_the_same_records() -> None:
    seen: list[EpochRecord] = []
    model = _fitted(callbacks=lambda _, record: seen.append(record))
    assert seen == model.history_


def test_rates_are_those_of_the_schedule() -> None:
    params = {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.7}
    model = _fitted(**params, learning_rate_init=0.01)
    examples = np.array([0, 61, 122, 183])  # seen before each epoch
    rates = [record.learning_rate for record in model.history_]
    np.testing.assert_allclose(rates, 0.01 / (examples + 1) ** 0.7, rtol=1e-14)
    assert {record.learning_rate for record in _fitted(learning_rate_init=0.02).history_} == {0.02}


@ways
def test_goes_on_where_the_loss_curve_goes_on(way: str) -> None:
    model = _fitted(way)
    model.partial_fit(X, y)
    model.set_params(warm_start=True, max_iter=2)
    said(model.fit, X, y)
    assert [record.epoch for record in model.history_] == [1, 2, 3, 4, 1, 1, 2]
    assert [record.loss for record in model.history_] == model.loss_curve_
    said(model.set_params(warm_start=False).fit, X, y)
    assert [record.epoch for record in model.history_] == [1, 2]


def test_a_fit_by_scikit_learns_code_leaves_no_records_of_the_fit_before() -> None:
    model = _fitted(max_iter=3)
    said(model.set_params(max_iter=4).fit, scipy.sparse.csr_array(X), y)
    assert [record.loss for record in model.history_] == model.loss_curve_
    said(model.partial_fit, scipy.sparse.csr_array(X), y)
    assert [record.epoch for record in model.history_] == [1, 2, 3, 4, 1]


def test_lbfgs_has_no_epochs() -> None:
    model = _fitted(solver="lbfgs")
    assert not hasattr(model, "history_")
    for name in ("best_epoch_", "validation_loss_curve_"):
        with pytest.raises(AttributeError, match=rf"{name} is of .* fitted by epochs"):
            getattr(model, name)
    with pytest.raises(ValueError, match=r"must have a history_.* got a MLPRegressor without one"):
        LossCurveDisplay.from_estimator(model)


@pytest.mark.parametrize("history", [None, [0.5, 0.25]])
def test_what_is_no_history_is_not_drawn(history: Any) -> None:
    with pytest.raises(TypeError, match="history must be records of epochs, such as"):
        LossCurveDisplay.from_history(history)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_best_epoch(early_stopping: bool) -> None:
    weights: list[Any] = []
    model = _fitted(
        callbacks=lambda estimator, _: weights.append(estimator.coefs_[0].copy()),
        early_stopping=early_stopping,
        learning_rate_init=0.3,
        max_iter=8,
    )
    scores, losses = model.validation_scores_, model.loss_curve_
    assert model.best_epoch_ == 1 + (np.argmax(scores) if early_stopping else np.argmin(losses))
    if early_stopping:
        assert model.best_epoch_ < 8
        np.testing.assert_array_equal(model.coefs_[0], weights[model.best_epoch_ - 1])


def test_no_best_epoch_of_scores_that_are_no_numbers() -> None:
    history = History([EpochRecord(1, 1.0, float("nan"), 0.1), EpochRecord(2, 0.5, None, 0.1)])
    assert history.best_epoch() is None
    assert History().best_epoch() is None
    equal = [EpochRecord(epoch, 1.0, 0.5, 0.1) for epoch in (1, 2)]
    assert History(equal).best_epoch() == 1


def test_pickled_with_its_model_and_not_cloned() -> None:
    model = _fitted()
    again = pickle.loads(pickle.dumps(model))
    assert (type(again.history_), again.history_) == (History, model.history_)
    assert not hasattr(clone(model), "history_")


@pytest.mark.filterwarnings("ignore:Trying to unpickle")
def test_a_model_that_was_saved_without() -> None:
    model = pickle.loads(OLD.read_bytes())
    assert repr(model)
    model.set_params(warm_start=True, max_iter=2)
    said(model.fit, *load_iris(return_X_y=True))
    assert [record.loss for record in model.history_] == model.loss_curve_
    assert np.isnan(model.history_[0].learning_rate)
    assert model.history_[-1].learning_rate == model.learning_rate_init


def test_scikit_learns_own_classes_have_none() -> None:
    with accelerated():
        model = sklearn.neural_network.MLPRegressor(**BASE)
        said(model.fit, X, y)
    assert len(model.loss_curve_) == 4
    assert not hasattr(model, "history_")


def test_data_frame() -> None:
    model = _fitted(early_stopping=True)
    frame = model.history_.to_pandas()
    assert (frame.index.name, list(frame.index)) == ("epoch", [1, 2, 3, 4])
    np.testing.assert_array_equal(frame["loss"], model.loss_curve_)
    np.testing.assert_array_equal(frame["validation_score"], model.validation_scores_)
    assert np.isnan(_fitted().history_.to_pandas()["validation_score"]).all()
    assert set(frame.dtypes) == {np.dtype(float)}
    assert list(History().to_pandas().columns) == list(frame.columns)


def test_picture() -> None:
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    model = _fitted()
    display = LossCurveDisplay.from_estimator(model, color="red")
    (line,) = display.lines_
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(line.get_ydata(), model.loss_curve_)
    assert (line.get_label(), line.get_color()) == ("MLPRegressor, training", "red")
    records = [EpochRecord(1, 3.0, None, 0.1, 4.0), EpochRecord(2, 2.0, None, 0.1)]
    both = LossCurveDisplay.from_history(records, ax=display.ax_)
    assert both.ax_ is display.ax_
    assert both.figure_ is display.figure_
    np.testing.assert_array_equal(both.lines_[1].get_ydata(), [4.0, np.nan])
    assert len(display.ax_.lines) == 3
    plt.close(display.figure_)


@pytest.mark.parametrize(("name", "missing"), [("pandas", "pandas"), ("matplotlib", "plot")])
def test_what_is_not_installed_is_named(
    name: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [m for m in sys.modules if m.partition(".")[0] == name] + [name]:
        monkeypatch.setitem(sys.modules, module, None)
    history = History([EpochRecord(1, 3.0, None, 0.1)])
    draw = history.to_pandas if name == "pandas" else LossCurveDisplay(history).plot
    with pytest.raises(ImportError, match=rf"pip install .*{missing}"):
        draw()


def test_public() -> None:
    assert {"EpochRecord", "History", "LossCurveDisplay"} <= set(gpubackprop.__all__)
