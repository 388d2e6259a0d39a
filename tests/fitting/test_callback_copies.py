"""Callbacks of models that are cloned, copied, pickled or saved."""

import copy
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from gpubackprop import MLPRegressor

from .agreement import TASKS, Params

BASE: Params = {"hidden_layer_sizes": (4,), "max_iter": 3, "tol": 1e9, "n_iter_no_change": 1}
X, Y = TASKS["regression"].X, TASKS["regression"].y


class Recorder:
    """Counts epochs."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    def __call__(self, estimator: Any, record: Any) -> None:
        self.epochs.append(record.epoch)


class Locked(Recorder):
    """Neither copied nor pickled."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


class Shared(Recorder):
    """Asks to be shared by clones, as the documentation says."""

    def __sklearn_clone__(self) -> Self:
        return self


class Keeper(Recorder):
    """Holds the model that it listens to."""

    def __call__(self, estimator: Any, record: Any) -> None:
        super().__call__(estimator, record)
        self.estimator = estimator


def _fitted(callbacks: Any) -> Any:
    return MLPRegressor(**BASE, callbacks=callbacks).fit(X, Y)


def _dumped(model: Any, folder: Path) -> Any:
    joblib.dump(model, folder / "model")
    return joblib.load(folder / "model")


PICKLES: dict[str, Callable[[Any, Path], Any]] = {
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
    "joblib": _dumped,
}
every_pickle = pytest.mark.parametrize("make", PICKLES)


@every_pickle
@pytest.mark.parametrize("unpicklable", [lambda estimator, record: None, Locked()])
@pytest.mark.parametrize("alone", [False, True])
def test_a_fitted_model_is_pickled_without_what_cannot_be(
    make: str, unpicklable: Any, alone: bool, tmp_path: Path
) -> None:
    model = _fitted(unpicklable if alone else [Recorder(), unpicklable])
    with pytest.warns(UserWarning, match=r"the callback <.*> cannot be pickled .* left out"):
        other = PICKLES[make](model, tmp_path)
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    kept = [] if other.callbacks is None else [type(c) for c in other.callbacks]
    assert kept == ([] if alone else [Recorder])
    other.fit(X, Y)
    _fitted(model.callbacks)  # the model's own are as they were


@every_pickle
@pytest.mark.parametrize("several", [list, tuple, lambda callbacks: callbacks[0]])
def test_callbacks_are_pickled_with_their_records(make: str, several: Any, tmp_path: Path) -> None:
    other = PICKLES[make](_fitted(several([Recorder()])), tmp_path)
    assert type(other.callbacks) is type(several([Recorder()]))
    first = other.callbacks if callable(other.callbacks) else other.callbacks[0]
    assert first.epochs == [1, 2, 3]


@every_pickle
def test_a_callback_that_holds_its_model_is_pickled(make: str, tmp_path: Path) -> None:
    other = PICKLES[make](_fitted([Keeper()]), tmp_path)
    assert other.callbacks[0].estimator is other


def test_an_unfitted_model_keeps_its_callbacks_or_is_not_pickled() -> None:
    # Workers get it from picklers that can do more, and would train without a word.
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(MLPRegressor(callbacks=[lambda estimator, record: None]))


def _shallow(model: Any) -> Any:
    return copy.copy(model)


@pytest.mark.parametrize("copied", [clone, copy.deepcopy, _shallow])
@pytest.mark.parametrize("fitted", [False, True])
def test_a_callback_that_cannot_be_copied_is_shared(fitted: bool, copied: Any) -> None:
    locked, recorder = Locked(), Recorder()
    model = MLPRegressor(**BASE, callbacks=[locked, recorder])
    other = copied(model.fit(X, Y) if fitted else model)
    assert type(other.callbacks) is list
    assert other.callbacks[0] is locked
    assert (other.callbacks[1] is recorder) == (copied is _shallow)
    other.fit(X, Y)
    assert locked.epochs[-3:] == other.callbacks[1].epochs[-3:] == [1, 2, 3]


def test_folds_have_copies_unless_a_callback_says_otherwise() -> None:
    own, shared, seen = Recorder(), Shared(), list[int]()
    recorders = [own, shared, lambda estimator, record: seen.append(record.epoch)]
    cross_val_score(MLPRegressor(**BASE, callbacks=recorders), X, Y, cv=2)
    assert own.epochs == []
    assert shared.epochs == seen == [1, 2, 3, 1, 2, 3]


def test_one_callback_alone_is_cloned() -> None:
    locked = Locked()
    assert clone(MLPRegressor(callbacks=locked)).callbacks is locked
    assert clone(MLPRegressor(callbacks=Recorder())).callbacks.epochs == []


def test_a_clone_keeps_what_scikit_learn_keeps() -> None:
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPRegressor(**BASE, callbacks=[Locked()]).set_fit_request(sample_weight=True)
        twin = clone(model.fit(X, Y))
        assert twin.get_metadata_routing().fit.requests["sample_weight"] is True
    assert not hasattr(twin, "coefs_")
    assert twin.get_params() == model.get_params()


@pytest.mark.parametrize("several", [False, True])
def test_an_error_names_the_callback_that_no_worker_can_have(several: bool) -> None:
    locked = Locked()
    model = MLPRegressor(callbacks=[Recorder(), locked] if several else locked)
    with pytest.raises(pickle.PicklingError, match=r"the callback <.*Locked.*> cannot be pickled"):
        pickle.dumps(model)


def test_an_unfitted_model_is_pickled_by_a_callback_that_holds_it() -> None:
    recorder = Recorder()
    recorder.model = MLPRegressor(callbacks=[recorder])  # type: ignore[attr-defined]
    opened = pickle.loads(pickle.dumps(recorder.model))  # type: ignore[attr-defined]
    assert opened.callbacks[0].model is opened
