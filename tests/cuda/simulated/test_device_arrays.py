"""Estimators and networks take arrays that lie on a GPU; no X passes through the host."""

import logging
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn import neural_network

from gpubackprop import MLPClassifier, MLPRegressor, Network
from gpubackprop.backends.cuda import backend as cuda_backend
from gpubackprop.backends.cuda import detection
from gpubackprop.backends.cuda import memory as cuda_memory
from gpubackprop.backends.cuda.device_arrays import adopt, on_gpu
from gpubackprop.fitting import prediction
from gpubackprop.kernels.cuda.device import Rounding
from tests.cuda.device_arrays import *  # noqa: F403
from tests.cuda.device_arrays import LABELS, MANY, SMALL, WEIGHT, X, Y, assert_same_training, spoilt
from tests.cuda.simulated.fake_cupy import Array, FakeGpu, Foreign, OnHost, cupy

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    """A machine with one GPU."""
    made = FakeGpu()
    cupy.to_host.clear()
    cupy.to_device.clear()
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(cuda_backend, "gpu", lambda index: made)
    monkeypatch.setattr(detection, "status", lambda device=0: detection.Status(True, "it works"))
    return made


@pytest.fixture(name="cupy")
def the_fake():
    return cupy


@pytest.fixture
def no_gpu(monkeypatch):
    """Taken out of the machine when called."""

    def take_out():
        missing = detection.Status(False, "no NVIDIA driver")
        monkeypatch.setattr(detection, "status", lambda device=0: missing)

    return take_out


def there(values):
    return Array(np.array(values))


def host(array):
    assert type(array) is Array
    return array.values


def assert_no_rows_moved(width=4):
    """Nothing as wide as X went either way, parameters of so many rows apart."""
    moved = cupy.to_host + cupy.to_device
    assert [shape for shape in moved if len(shape) == 2 and shape[1] == width] == []


# the fake refuses what CuPy refuses


@pytest.mark.parametrize(
    "hidden", [np.asarray, np.array, lambda a: a + np.ones(4), lambda a: np.vstack([a, X])]
)
def test_a_trip_through_the_host_is_noticed(hidden):
    with pytest.raises(TypeError, match=r"conversion|Unsupported type|not callable|convert"):
        hidden(there(X)).values.nothing()


# recognised


def test_arrays_on_a_gpu_are_recognised():
    assert all(map(on_gpu, (there(X), Foreign(X))))
    assert not any(map(on_gpu, (X, OnHost(X), X.tolist(), None, "cuda", 3)))


def test_a_tensor_that_requires_a_gradient_is_recognised():
    """PyTorch raises another error than an attribute's when it is asked for the interface."""

    class Tensor(Foreign):
        @property
        def __cuda_array_interface__(self):
            raise RuntimeError("Can't get __cuda_array_interface__ on Variable that requires grad.")

    assert on_gpu(Tensor(X))


def test_arrays_of_other_libraries_are_taken_as_they_lie():
    array = adopt(Foreign(X))
    assert array.values is X
    assert adopt(array) is array


def test_sparse_matrices_of_cupy_are_refused():
    kind = type("csr_matrix", (), {"__module__": "cupyx.scipy.sparse._csr"})
    with pytest.raises(TypeError, match=r"sparse .* not supported; X.get\(\)"):
        MLPClassifier(**SMALL).fit(kind(), LABELS)


# fit


@pytest.mark.parametrize(("wrap", "early_stopping"), [(there, True), (Foreign, False)])
def test_a_classifier_is_fitted(wrap, early_stopping):
    settings = {**SMALL, "early_stopping": early_stopping, "validation_fraction": 0.3}
    ours = MLPClassifier(**settings).fit(wrap(X), wrap(LABELS))
    assert_no_rows_moved()
    expected = MLPClassifier(device="cpu", **settings).fit(X, LABELS)
    assert_same_training(ours, expected)
    assert type(ours.classes_) is np.ndarray
    np.testing.assert_array_equal(ours.classes_, expected.classes_)
    assert ours.validation_scores_ == expected.validation_scores_
    assert ours._random_state.randint(1 << 30) == expected._random_state.randint(1 << 30)


def test_a_binary_classifier_is_fitted_with_stratified_early_stopping():
    settings = {**SMALL, "early_stopping": True, "validation_fraction": 0.3}
    y = np.where(LABELS == 1, 7, -3)
    ours = MLPClassifier(**settings).fit(there(X), there(y), sample_weight=there(WEIGHT))
    expected = neural_network.MLPClassifier(**settings).fit(X, y, sample_weight=WEIGHT)
    assert_same_training(ours, expected)
    assert ours.validation_scores_ == expected.validation_scores_


@pytest.mark.parametrize("of_rows", [there, np.asarray], ids=["there", "from the host"])
def test_rows_to_validate_with_and_weights_of_classes(of_rows):
    settings = {**SMALL, "early_stopping": True, "class_weight": "balanced"}
    settings["scoring"] = "neg_log_loss"
    rows = {"X_val": X[::2], "y_val": LABELS[::2], "sample_weight_val": WEIGHT[::2]}
    there_too = {name: of_rows(values) for name, values in rows.items()}
    ours = MLPClassifier(**settings).fit(there(X), there(LABELS), **there_too)
    expected = MLPClassifier(device="cpu", **settings).fit(X, LABELS, **rows)
    assert_same_training(ours, expected)
    for name in ("validation_scores_", "validation_loss_curve_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(expected, name), rtol=1e-9)


@pytest.mark.parametrize(
    ("y", "follows"),
    [
        (LABELS, True),
        (np.array(["a", "b", "c"])[LABELS], True),  # which no GPU holds
        (LABELS[:, None] == [0, 1, 2], False),
        (LABELS * 0.5, False),
    ],
    ids=["integers", "strings", "indicators", "no labels"],
)
def test_labels(y, follows):
    """Beside X, or from the host."""
    try:
        expected = MLPClassifier(device="cpu", **SMALL).fit(X, y)
    except ValueError as error:
        with pytest.raises(ValueError, match=str(error)[:20]):
            MLPClassifier(**SMALL).fit(there(X), y if follows else there(y))
        return
    ours = MLPClassifier(**SMALL).fit(there(X), y if follows else there(y))
    assert_same_training(ours, expected)
    predicted = ours.predict(there(X))
    assert_no_rows_moved()
    labels = predicted if y.dtype.kind == "U" else host(predicted)
    np.testing.assert_array_equal(labels, expected.predict(X))


@pytest.mark.parametrize(("dtype", "targets"), [("float32", Y), ("float64", Y[:, 0]), ("int32", Y)])
def test_a_regressor_is_fitted(dtype, targets):
    examples = (3 * X).astype(dtype)
    settings = {**SMALL, "early_stopping": True, "validation_fraction": 0.3}
    ours = MLPRegressor(**settings).fit(there(examples), there(targets), there(WEIGHT))
    assert_no_rows_moved()
    expected = MLPRegressor(device="cpu", **settings).fit(examples, targets, WEIGHT)
    assert ours.coefs_[0].dtype == expected.coefs_[0].dtype
    rtol = 1e-5 if dtype == "float32" else 1e-9
    assert_same_training(ours, expected, rtol)
    np.testing.assert_allclose(ours.validation_scores_, expected.validation_scores_, rtol=rtol)


def test_y_and_weights_on_a_gpu_follow_x_to_the_host():
    ours = MLPClassifier(**SMALL).fit(X, there(LABELS), there(WEIGHT))
    expected = MLPClassifier(**SMALL).fit(X, LABELS, WEIGHT)
    np.testing.assert_array_equal(ours.coefs_[0], expected.coefs_[0])
    assert ours.score(X, there(LABELS), there(WEIGHT)) == expected.score(X, LABELS, WEIGHT)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_precision(precision):
    ours = MLPRegressor(precision=precision, **SMALL).fit(there(X), there(Y))
    assert ours.coefs_[0].dtype == precision


@pytest.mark.parametrize(
    ("precision", "wrap", "rounding"),
    [
        ("float32", there, Rounding.NONE),
        ("tf32", np.asarray, Rounding.TF32),
        ("bf16", there, Rounding.BF16),
    ],
)
def test_products_are_rounded_as_the_precision_says(gpu, precision, wrap, rounding):
    model = MLPRegressor(precision=precision, device="cuda", **SMALL).fit(wrap(X), wrap(Y))
    assert gpu.roundings == {rounding}
    gpu.roundings.clear()
    model.predict(wrap(MANY))
    assert gpu.roundings == {rounding}


@pytest.mark.parametrize(("change", "moved"), [(0, 1), (1, 2)])
def test_fits_that_run_at_the_same_time_share_equal_rows(change, moved):
    rows = X.copy()
    expected = MLPRegressor(device="cpu", **SMALL).fit(rows + change, Y)
    others = []

    def fit_another(model, record):
        if not others:
            others.append(MLPRegressor(device="cuda", **SMALL).fit(rows + change, Y))

    MLPRegressor(device="cuda", callbacks=[fit_another], **SMALL).fit(rows, Y)
    assert cupy.to_device.count(rows.shape) == moved
    rows += change  # they may, now that nobody trains on them
    others.append(MLPRegressor(device="cuda", **SMALL).fit(rows, Y))
    assert cupy.to_device.count(rows.shape) == moved + 1
    for other in others:
        assert_same_training(other, expected)


# partial_fit


@pytest.mark.parametrize("wrap", [there, np.asarray], ids=["classes there", "classes here"])
def test_partial_fit(wrap):
    ours, expected = MLPClassifier(**SMALL), MLPClassifier(device="cpu", **SMALL)
    for part in (slice(0, 35), slice(35, 70)):
        ours.partial_fit(there(X[part]), there(LABELS[part]), classes=wrap([0, 1, 2]))
        expected.partial_fit(X[part], LABELS[part], classes=[0, 1, 2])
        assert_same_training(ours, expected)
    assert_no_rows_moved()
    with pytest.raises(ValueError, match=r"classes not in `self.classes_`"):
        ours.partial_fit(there(X), there(LABELS + 1))


def test_lbfgs_has_no_partial_fit():
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")


# predictions


@pytest.fixture(scope="module")
def classifier():
    return MLPClassifier(**{**SMALL, "max_iter": 40}, tol=0).fit(X, LABELS)


@pytest.mark.parametrize(
    ("method", "classes"), [("predict", 3), ("predict_proba", 2), ("predict_log_proba", 3)]
)
def test_predictions_stay_there(method, classes, monkeypatch):
    monkeypatch.setattr(prediction, "GPU_BLOCK_ROWS", 32)  # full blocks and a tail
    model = MLPClassifier(**SMALL).fit(X, np.minimum(LABELS, classes - 1))
    cupy.to_host.clear()
    found = host(getattr(model, method)(there(X)))
    assert [shape for shape in cupy.to_host if shape[0] >= 70] == []
    expected = getattr(model, method)(X)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_score_is_scikit_learns(classifier):
    expected = classifier.score(X, LABELS, WEIGHT)
    assert classifier.score(there(X), there(LABELS), there(WEIGHT)) == expected
    assert classifier.score(Foreign(X), LABELS, WEIGHT) == expected
    assert_no_rows_moved()
    model = MLPRegressor(**SMALL).fit(X, Y)
    assert model.score(there(X), there(Y)) == pytest.approx(model.score(X, Y), rel=1e-9)


def test_the_streams_are_waited_for(gpu, classifier):
    before = cupy.stream.waits, gpu.stream.waits
    classifier.predict(there(X))
    assert (cupy.stream.waits, gpu.stream.waits) == (before[0] + 1, before[1] + 1)


# refusals, in scikit-learn's words


WRONG = {
    "one dimension": (X[:, 0], LABELS),
    "three dimensions": (X[None], LABELS[:1]),
    "no rows": (X[:0], LABELS[:0]),
    "no columns": (X[:, :0], LABELS),
    "NaN": (spoilt(np.nan), LABELS),
    "infinity": (spoilt(np.inf), LABELS),
    "complex": (X + 1j, LABELS),
    "fewer labels": (X, LABELS[:60]),
    "NaN among the labels": (X, np.where(LABELS, LABELS, np.nan)),
    "numbers for labels": (X, Y[:, 0]),
    "two columns of labels": (X, (4 * X[:, :2]).astype(int)),
}


def message(action):
    with pytest.raises((ValueError, TypeError)) as caught, np.errstate(all="ignore"):
        action()
    return type(caught.value), str(caught.value).split("\n")[0].split("(array")[0]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said_as_on_the_host(wrong):
    x, y = WRONG[wrong]
    expected = message(lambda: MLPClassifier(**SMALL).fit(x, y))
    kind, found = message(lambda: MLPClassifier(**SMALL).fit(there(x), there(y)))
    assert (kind, found.split("shape=")[0]) == (expected[0], expected[1].split("shape=")[0])


def test_sums_that_overflow_are_no_infinities():
    x = np.full((70, 4), 1e38, np.float32)
    MLPRegressor(device="cpu", alpha=0, **SMALL).fit(x * 1e-38, Y)
    seen = MLPRegressor(**SMALL)._validate_input(there(x), there(Y), False, True)[0]
    np.testing.assert_array_equal(host(seen), x)


@pytest.mark.parametrize("bad", [X[:, :3], spoilt(np.nan), X[0]], ids=["narrow", "NaN", "1-D"])
def test_predictions_are_refused_as_on_the_host(bad, classifier):
    assert message(lambda: classifier.predict(there(bad))) == message(
        lambda: classifier.predict(bad)
    )


@pytest.mark.parametrize("device", ["cpu", "cuda:1"])
def test_another_device_is_refused(device, classifier):
    model = MLPClassifier(device=device, **SMALL)
    with pytest.raises(ValueError, match=f"device='{device}', but X is on 'cuda:0'"):
        model.fit(there(X), there(LABELS))
    vars(model).update({k: v for k, v in vars(classifier).items() if k.endswith("_")})
    model._label_binarizer = classifier._label_binarizer
    with pytest.raises(ValueError, match=f"device='{device}', but X is on 'cuda:0'"):
        model.predict(there(X))


def test_a_backend_of_the_cpu_is_refused():
    with pytest.raises(ValueError, match="backend='compiled' computes on the CPU"):
        MLPClassifier(backend="compiled", **SMALL).fit(there(X), there(LABELS))


def test_lbfgs_computes_where_the_rows_are():
    settings = {"solver": "lbfgs", "random_state": 0, "max_iter": 3, "hidden_layer_sizes": (5,)}
    with pytest.warns(match="ITERATIONS"):
        ours = MLPRegressor(**settings).fit(there(X), there(Y))
    with pytest.warns(match="ITERATIONS"):
        expected = MLPRegressor(**settings).fit(X, Y)
    for a, b in zip(ours.coefs_, expected.coefs_, strict=True):
        assert type(a) is np.ndarray
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


def test_without_a_usable_gpu_it_is_said(no_gpu):
    no_gpu()
    with pytest.raises(RuntimeError, match=r"an array on a GPU .* no NVIDIA driver"):
        MLPClassifier(**SMALL).fit(there(X), there(LABELS))


def test_weights_of_a_type_that_no_gpu_computes_in(classifier):
    model = pickle.loads(pickle.dumps(classifier))
    model.coefs_ = [W.astype(np.longdouble) for W in model.coefs_]
    with pytest.raises(ValueError, match=r"X is on a GPU: weights are .*longdouble|float128"):
        model.predict(there(X))


# the host's examples predicted on a GPU


@pytest.mark.parametrize(("worth", "there"), [(1, True), (10**12, False)])
def test_auto_predicts_where_it_pays(gpu, classifier, monkeypatch, worth, there):
    monkeypatch.setattr("gpubackprop.backends.MIN_GPU_STEP_MACS", worth)
    monkeypatch.setattr("gpubackprop.backends.MIN_GPU_FIT_MACS", worth)
    monkeypatch.setattr(prediction, "MACS_PER_MOVED_NUMBER", 0)
    monkeypatch.setattr(prediction, "FEW_BYTES", 0)
    launches = gpu.seed
    classifier.predict(MANY)
    assert (gpu.seed > launches) == there


def test_moving_more_than_is_computed_does_not_pay(gpu, classifier, monkeypatch):
    monkeypatch.setattr("gpubackprop.backends.MIN_GPU_STEP_MACS", 1)
    monkeypatch.setattr("gpubackprop.backends.MIN_GPU_FIT_MACS", 1)
    launches = gpu.seed
    classifier.predict(MANY)
    assert gpu.seed == launches


def test_a_model_from_a_gpu_predicts_without_one(no_gpu, caplog):
    stored = pickle.dumps(MLPClassifier(device="cuda", **SMALL).fit(there(X), there(LABELS)))
    no_gpu()
    model = pickle.loads(stored)
    with caplog.at_level(logging.INFO, "gpubackprop"):
        found = model.predict_proba(MANY)
    assert "the CPU takes over: device='cuda:0': no NVIDIA driver" in caplog.text
    np.testing.assert_array_equal(found, model.set_params(device="cpu").predict_proba(MANY))


def test_a_fitted_model_holds_nothing_of_the_device():
    model = MLPClassifier(**SMALL).fit(there(X), there(LABELS))
    assert b"fake_cupy" not in pickle.dumps(model)


# networks


def twin(net):
    return Network((4, 5, 3), "tanh", dtype=net.dtype.name, random_state=0)


@pytest.mark.parametrize("wrap", [np.asarray, there, Foreign], ids=["host", "CuPy", "DLPack"])
def test_a_network_shows_the_devices_arrays(net, wrap):
    A0, targets = np.asfortranarray(X.T), np.eye(3)[LABELS].T
    eps, other = 50 * float(np.finfo(net.dtype).eps), twin(net)
    for _ in range(2):
        cache, expected = net.forward(wrap(A0)), other.forward(A0)
        grads = net.backward(cache, wrap(targets))
        expected_grads = other.backward(expected, targets)
        for mine, theirs in zip(
            (cache.Z, cache.A, *grads), (expected.Z, expected.A, *expected_grads), strict=True
        ):
            for a, b in zip(mine, theirs, strict=True):
                assert a.dtype == b.dtype
                np.testing.assert_allclose(host(a), b, rtol=eps, atol=eps)
        loss = net.loss(cache, wrap(targets))
        assert type(loss) is float
        assert loss == pytest.approx(other.loss(expected, targets), rel=eps)
        net.step(grads, 0.1)
        other.step(other.backward(expected, targets), 0.1)
    for mine, theirs in zip(net.weights + net.biases, other.weights + other.biases, strict=True):
        np.testing.assert_allclose(host(mine), theirs, rtol=eps, atol=eps)
        assert np.shares_memory(mine.values, host(net.theta))


def test_a_cache_of_any_origin_is_read(net):
    targets = np.eye(3)[LABELS].T
    cache = net.forward(X.T)
    expected = net.backward(cache, targets)
    for copy in (lambda a: there(a.values), lambda a: a.get(), lambda a: a.astype(np.float64)):
        other = type(cache)(tuple(map(copy, cache.Z)), tuple(map(copy, cache.A)))
        for a, b in zip(net.backward(other, targets).weights, expected.weights, strict=True):
            np.testing.assert_array_equal(host(a), host(b))


def test_a_bad_batch_on_the_device_is_refused(net):
    with pytest.raises(ValueError, match="A0 contains NaN or infinity"):
        net.forward(there(spoilt(np.nan).T))
    with pytest.raises(ValueError, match=r"A0 must have shape \(4, B\)"):
        net.forward(there(X))


def test_a_network_on_the_cpu_takes_no_arrays_of_a_gpu():
    with pytest.raises(ValueError, match="A0 must be an array of numbers: Implicit conversion"):
        Network((4, 5, 3)).forward(there(X.T))


def test_a_network_moves_without_its_gpu(net, no_gpu, caplog):
    stored = pickle.dumps(net)
    assert b"fake_cupy" not in stored
    again = pickle.loads(stored)
    np.testing.assert_array_equal(host(again.theta), host(net.theta))
    no_gpu()
    moved = pickle.loads(stored)
    assert "goes on on the CPU: device='cuda:0': no NVIDIA driver" in caplog.text
    for a, b in zip(moved.weights, net.weights, strict=True):
        assert type(a) is np.ndarray
        np.testing.assert_array_equal(a, host(b))
    assert pickle.loads(pickle.dumps(moved)).astype("float64").dtype == np.float64


def test_the_networks_calls_wait_for_the_streams(net, gpu):
    assert gpu.stream.waits == 1  # its first weights are there when it is made
    waits = cupy.stream.waits
    cache = net.forward(X.T)
    assert (cupy.stream.waits, gpu.stream.waits) == (waits + 1, 2)
    net.step(net.backward(cache, np.eye(3)[LABELS].T), 0.1)
    assert gpu.stream.waits == 4
    pickle.loads(pickle.dumps(net))
    assert gpu.stream.waits == 5


def test_rows_are_moved_in_pieces(monkeypatch):
    """A second copy of all of them might not fit."""
    monkeypatch.setattr(cuda_memory, "PIECE_BYTES", 3 * X.shape[1] * X.itemsize)
    model = MLPRegressor(device="cuda", **SMALL).fit(X, Y)
    assert (3, X.shape[1]) in cupy.to_device
    assert X.shape not in cupy.to_device
    np.testing.assert_allclose(
        model.coefs_[0], MLPRegressor(**SMALL).fit(X, Y).coefs_[0], rtol=1e-6
    )


def test_a_session_waits_after_an_error_too(gpu):
    before = gpu.stream.waits

    def leave():
        with cuda_backend.backend(0).session():
            raise SystemExit

    with pytest.raises(SystemExit):
        leave()
    assert gpu.stream.waits == before + 1


def test_a_network_stays_with_its_thread():
    net = Network((2, 1), device="cuda")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(net.forward, [1.0, 2.0])
    with pytest.raises(RuntimeError, match="used by the thread that made it"):
        asked.result()
