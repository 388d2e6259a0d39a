"""Weights alone in a file, and what skops may trust."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from gpubackprop import MLPClassifier, MLPRegressor
from gpubackprop.callbacks import ProgressBar, StopAfter, StopAtTarget
from gpubackprop.export import SKOPS_TRUSTED, load_weights, save_weights
from gpubackprop.fitting.solvers import OWN

X = np.random.default_rng(0).standard_normal((30, 4))

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _fitted(**params: Any) -> Any:
    model = MLPRegressor(hidden_layer_sizes=(5, 3), max_iter=2, **params)
    return model.fit(X, X[:, 0])


def test_weights_come_back(tmp_path: Path) -> None:
    files = pytest.importorskip("safetensors.numpy")
    one, another = _fitted(random_state=0), _fitted(random_state=1)
    assert not np.array_equal(one.predict(X), another.predict(X))
    save_weights(one, tmp_path / "weights")
    assert files.load_file(tmp_path / "weights")["coefs_.1"].shape == (5, 3)
    assert load_weights(another, tmp_path / "weights") is another
    np.testing.assert_array_equal(one.predict(X), another.predict(X))


def test_other_layers_are_refused_and_stay_as_they_are(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    save_weights(_fitted(), tmp_path / "weights")
    other = MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X, X[:, 0])
    before = other.predict(X)
    with pytest.raises(ValueError, match=r"holds coefs_\.0 \(4, 5\), .* take coefs_\.0 \(4, 5\)"):
        load_weights(other, tmp_path / "weights")
    np.testing.assert_array_equal(other.predict(X), before)
    with pytest.raises(NotFittedError):
        load_weights(MLPRegressor(), tmp_path / "weights")


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", *OWN])
def test_skops_needs_no_more_than_what_is_said(solver: str, tmp_path: Path) -> None:
    _assert_trusted(MLPClassifier(max_iter=2, solver=solver, random_state=0), tmp_path)


def test_skops_needs_no_more_for_callbacks_that_touch_no_file(tmp_path: Path) -> None:
    callbacks = StopAfter(60), StopAtTarget(loss=0.01), ProgressBar()
    loaded = _assert_trusted(MLPClassifier(max_iter=2).set_callbacks(*callbacks), tmp_path)
    assert loaded.fit(X, X[:, 0] > 0).n_iter_ == 2


def _assert_trusted(model: Any, tmp_path: Path) -> Any:
    """Fit the model, and load it from a file of skops."""
    skops = pytest.importorskip("skops.io")
    model.fit(X, X[:, 0] > 0)
    skops.dump(model, tmp_path / "model")
    assert set(skops.get_untrusted_types(file=tmp_path / "model")) <= set(SKOPS_TRUSTED)
    loaded = skops.load(tmp_path / "model", trusted=list(SKOPS_TRUSTED))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    return loaded
