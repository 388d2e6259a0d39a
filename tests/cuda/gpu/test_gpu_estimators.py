"""Estimators on the GPU: the CPU's models, in the process's own memory, whatever happens."""

import os
import pickle
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_validate

from gpubackprop import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.gpu

X, y = load_digits(return_X_y=True)
X = X / 16

TOLERANCE = {"float32": 2e-4, "float64": 1e-8}
"""Relative difference of losses that reordered sums explain after a few epochs."""


@pytest.fixture
def data(dtype):
    return X.astype(dtype), y


def trained(estimator=MLPClassifier, data=(X, y), **parameters):
    """Fit for three epochs, or as many as asked for."""
    settings = {"random_state": 0, "max_iter": 3, "hidden_layer_sizes": (33, 16), **parameters}
    return quietly(estimator(**settings).fit, *data)


def quietly(method, *arguments, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return method(*arguments, **named)


def assert_same_model(ours, expected, rtol):
    np.testing.assert_allclose(ours.loss_, expected.loss_, rtol=rtol)
    for a, b in zip(
        [*ours.coefs_, *ours.intercepts_], [*expected.coefs_, *expected.intercepts_], strict=True
    ):
        assert type(a) is np.ndarray
        assert a.dtype == b.dtype
        assert np.linalg.norm(a - b) <= 100 * rtol * np.linalg.norm(b)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_a_fit_is_the_cpus(estimator, solver, data, dtype):
    ours = trained(estimator, data, solver=solver, device="cuda")
    expected = trained(estimator, data, solver=solver, device="cpu")
    assert_same_model(ours, expected, TOLERANCE[dtype.name])


def test_fits_of_a_search_are_those_alone(data, caplog):
    """Their mini-batches are branches of one graph."""
    model = MLPClassifier((33, 16), max_iter=9, random_state=0, device="cuda")
    cases = {"n_jobs": 4, "cv": 4, "return_estimator": True}
    expected = quietly(cross_validate, model, *data, **{**cases, "n_jobs": 1})
    with joblib.parallel_config("gpubackprop"):
        found = quietly(cross_validate, model, *data, **cases)
    for one, other in zip(found["estimator"], expected["estimator"], strict=True):
        assert one.loss_curve_ == other.loss_curve_
        for a, b in zip(one.coefs_, other.coefs_, strict=True):
            np.testing.assert_array_equal(a, b)
    assert "no CUDA Graph" not in caplog.text


def test_weighted_and_stopped_early(data, dtype):
    weight = np.random.default_rng(0).uniform(0.1, 3, len(y))
    models = [
        quietly(
            MLPClassifier((20,), random_state=0, max_iter=5, early_stopping=True, device=d).fit,
            *data,
            sample_weight=weight,
        )
        for d in ("cuda", "cpu")
    ]
    np.testing.assert_allclose(
        models[0].loss_curve_, models[1].loss_curve_, rtol=TOLERANCE[dtype.name]
    )


def test_partial_fit_goes_on_where_it_stopped(data, dtype):
    models = [MLPClassifier((33,), random_state=0, device=d) for d in ("cuda", "cpu")]
    for model in models:
        for _ in range(2):
            model.partial_fit(*data, classes=np.unique(y))
    assert_same_model(*models, TOLERANCE[dtype.name])
    assert models[0]._optimizer.t == models[1]._optimizer.t


def test_a_warm_start_goes_on_with_edited_weights(data, dtype):
    models = [trained(data=data, warm_start=True, device=device) for device in ("cuda", "cpu")]
    for model in models:
        model.coefs_[0] *= 0.5  # the host's arrays are the state
        quietly(model.fit, *data)
    assert_same_model(*models, TOLERANCE[dtype.name])


def test_nothing_of_the_gpu_stays_in_a_model(data):
    for solver in ("adam", "sgd", "lbfgs"):
        assert b"cupy" not in pickle.dumps(trained(data=data, solver=solver, device="cuda"))


def test_a_pickle_is_opened_without_a_gpu(data, tmp_path):
    model = trained(data=data, device="cuda")
    (tmp_path / "model").write_bytes(pickle.dumps(model))
    np.save(tmp_path / "X.npy", data[0])
    code = (
        "import pickle, sys; import numpy as np;"
        "model = pickle.load(open('model', 'rb'));"
        "np.save('answer.npy', model.predict_proba(np.load('X.npy')));"
        "assert not any(name.split('.')[0] == 'cupy' for name in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        check=True,
        timeout=300,
    )
    answer = np.load(tmp_path / "answer.npy")
    np.testing.assert_allclose(answer, model.predict_proba(data[0]), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("precision", "most"), [("tf32", 1e-2), ("bf16", 5e-2)])
def test_a_coarser_precision_costs_little(precision, most):
    coarse, fine = (
        trained(hidden_layer_sizes=(512, 256), precision=name, device="cuda")
        for name in (precision, "float32")
    )
    assert coarse.coefs_[0].dtype == np.float32
    error = abs(coarse.loss_ - fine.loss_) / fine.loss_
    assert 0 < error < most


FORKED = """
import os, sys
from gpubackprop import MLPClassifier
from gpubackprop.backends.cuda import detection

assert detection.status().usable
child = os.fork()
if child == 0:
    try:
        MLPClassifier(device="cuda").fit([[0.0], [1.0]], [0, 1])
    except RuntimeError as error:
        print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_child_is_told_the_cure():
    done = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=300
    )
    assert "before this process was forked" in done.stdout, done.stderr
    assert "'spawn'" in done.stdout


def test_out_of_memory_leaves_the_weights_usable(device):
    small, large = X[:64].astype(np.float32), np.zeros((300_000, 64), np.float32)
    model = MLPClassifier((16,), random_state=0, device="cuda")
    model.partial_fit(small, y[:64], classes=np.unique(y))
    before = [W.copy() for W in model.coefs_]
    pool = device.cupy.get_default_memory_pool()
    pool.free_all_blocks()
    pool.set_limit(size=pool.total_bytes() + (1 << 20))
    try:
        with pytest.raises((MemoryError, RuntimeError), match=r"(?i)memory"):
            model.partial_fit(large, np.resize(y, len(large)))
    finally:
        pool.set_limit(size=0)
    for W, kept in zip(model.coefs_, before, strict=True):
        np.testing.assert_array_equal(W, kept)
    assert model.predict(small).shape == (64,)
    model.partial_fit(small, y[:64])  # and training goes on
    assert np.isfinite(model.loss_)
