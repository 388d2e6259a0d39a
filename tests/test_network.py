"""`Network`: what it takes, what it shows, what it refuses."""

import pickle
import re
from inspect import signature

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor

from gpubackprop import Network, check_gradients
from gpubackprop.backends.cuda import detection

OF_OUTPUT = (
    *("sigmoid", "tanh", "relu", "identity", "leaky_relu", "elu", "selu", "softplus", "hardtanh"),
)
HIDDEN = (*OF_OUTPUT, "silu", "gelu", "mish")
REGRESSION = ("squared_error", "absolute_error", "huber", "log_cosh", "quantile")
PAIRINGS = [
    *((output, loss) for loss in REGRESSION for output in OF_OUTPUT),
    *(("softmax", loss) for loss in ("cross_entropy", "focal")),
    *(("sigmoid", loss) for loss in ("binary_cross_entropy", "binary_focal")),
    *(("exp", loss) for loss in ("poisson", "gamma")),
]
CHECKED = [*(("tanh", *pairing) for pairing in PAIRINGS), *((h, *PAIRINGS[3]) for h in HIDDEN)]
"""Every output and loss, and every hidden activation: the two sides meet in one matrix, Delta."""
WORST = {"float64": 1e-6, "float32": 1e-4}


def batch(net, B=6, seed=5):
    """Inputs, and targets that every loss takes: one-hot columns."""
    rng = np.random.default_rng(seed)
    d, k = net.layer_sizes[0], net.layer_sizes[-1]
    return rng.standard_normal((d, B)), np.eye(k)[rng.integers(k, size=B)].T


@pytest.fixture
def net(backend, dtype):
    return Network((3, 5, 4, 2), "tanh", dtype=dtype, backend=backend, random_state=0)


def predict(net, A0):
    return net.forward(A0).A[-1]


# shapes


def test_shapes_are_the_derivations(net):
    A0, Y = batch(net)
    cache = net.forward(A0)
    grads = net.backward(cache, Y)
    widths, pairs = (5, 4, 2), [(5, 3), (4, 5), (2, 4)]
    assert [W.shape for W in net.weights] == pairs
    assert [b.shape for b in net.biases] == [(d,) for d in widths]
    assert [A.shape for A in cache.A] == [(d, 6) for d in (3, *widths)]
    assert [Z.shape for Z in cache.Z] == [(d, 6) for d in widths]
    assert [delta.shape for delta in grads.deltas] == [(d, 6) for d in widths]
    assert [W.shape for W in grads.weights] == pairs
    assert [b.shape for b in grads.biases] == [(d,) for d in widths]
    parts = (net.weights, net.biases, cache.Z, cache.A, cache.masks, *grads)
    assert all(isinstance(part, tuple) for part in parts)


def test_everything_has_the_networks_dtype(net, dtype):
    A0, Y = batch(net)
    cache = net.forward(A0)
    arrays = [net.theta, *net.weights, *net.biases, *cache.Z, *cache.A]
    arrays += [a for part in net.backward(cache, Y) for a in part]
    assert {a.dtype for a in arrays} == {np.dtype(dtype)}
    assert isinstance(net.loss(cache, Y), float)


@pytest.mark.parametrize(("given", "name"), [(np.float64, "float64"), (np.dtype("f4"), "float32")])
def test_a_dtype_may_be_numpys(given, name):
    net = Network((2, 3, 1), dtype=given, random_state=0)
    assert net.dtype == net.theta.dtype == np.dtype(name)
    np.testing.assert_array_equal(net.theta, Network((2, 3, 1), dtype=name, random_state=0).theta)
    assert net.astype(np.float64).dtype == np.float64


@pytest.mark.parametrize("wrong", [np.float16, np.dtype(np.int64), 64])
def test_another_dtype_is_refused(wrong):
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'float64', got"):
        Network((1, 1), dtype=wrong)


def test_repr_shows_formulas_shapes_and_values(backend):
    net = Network((2, 5, 1), "tanh", "sigmoid", "binary_cross_entropy", np.float64, backend=backend)
    net.weights[0][...], net.weights[1][...] = [[0.25, -2.0]] * 5, -0.0
    net.biases[0][...], net.biases[1][...] = 1 / 3, 2.5
    assert repr(net).splitlines() == [
        "Network (2, 5, 1): tanh, sigmoid; binary_cross_entropy; float64",
        "  W1  (5, 2)  0.25, -2",
        "  b1  (5,)    0.3333, 0.3333, 0.3333, 0.3333, ...",
        "  W2  (1, 5)  0, 0, 0, 0, ...",
        "  b2  (1,)    2.5",
    ]
    assert repr(Network((2, 1), random_state=0)).startswith("Network (2, 1): identity; squared")


def test_repr_of_a_step_shows_the_first_example(backend):
    net = Network((2, 3, 1), "identity", dtype=np.float64, backend=backend, dropout=(0.5, 0.0))
    net.theta = np.zeros(net.theta.size)
    net.weights[0][...], net.biases[1][...] = [[1, 0], [0, 1], [1, 1]], 0.5
    cache = net.forward([[1.0, 9.0], [2.0, 9.0]], seen=0)
    title, *lines = repr(cache).splitlines()
    assert title == "Cache, float64; values of the first of 2 examples"
    assert lines[0] == "  A0  (2, 2)  1, 2"
    assert lines[3:5] == ["  Z2  (1, 2)  0.5", "  A2  (1, 2)  0.5"]
    assert [line.split()[0] for line in lines] == ["A0", "Z1", "A1", "Z2", "A2", "M0"]
    grads = repr(net.backward(cache, [[0.0, 0.5]])).splitlines()
    assert grads[:2] == ["Gradients, float64", "  dL/dW1  (3, 2)  0, 0"]
    assert grads[-3:] == [
        "Errors, values of the first example",
        "  dL/dZ1  (3, 2)  0, 0, 0",
        "  dL/dZ2  (1, 2)  0.25",
    ]


def test_repr_tells_what_is_overwritten(backend):
    net = Network((2,) * 7, checkpoint=3, random_state=0, backend=backend)
    cache = net.forward([1, 0])
    assert repr(cache).count("overwritten") == 4
    assert "overwritten" in repr(net.backward(cache, [1, 0]))


def test_float32_is_the_default():
    assert Network((1, 1)).theta.dtype == np.float32


def test_cache_holds_the_batch_and_both_sides_of_the_activation(net, dtype):
    A0, _ = batch(net)
    cache = net.forward(A0)
    np.testing.assert_array_equal(cache.A[0], A0.astype(dtype))
    np.testing.assert_allclose(cache.A[1], np.tanh(cache.Z[0]), rtol=8 * np.finfo(dtype).eps)
    assert not np.shares_memory(cache.A[1], cache.Z[0])


def test_one_example_may_be_1d(net):
    A0, Y = batch(net, B=1)
    cache = net.forward(A0[:, 0])
    assert cache.A[-1].shape == (2, 1)
    np.testing.assert_array_equal(cache.A[-1], predict(net, A0))
    assert net.loss(cache, Y[:, 0]) == net.loss(cache, Y)
    np.testing.assert_array_equal(
        net.backward(cache, Y[:, 0]).weights[0], net.backward(cache, Y).weights[0]
    )


def test_any_memory_order_is_read(net):
    A0, Y = batch(net)
    expected = predict(net, A0)
    grads = net.backward(net.forward(A0), Y)
    spread = np.zeros((6, 12))
    spread[::2, ::2] = A0
    frozen = A0.copy()
    frozen.flags.writeable = False
    orders = [
        *(np.asfortranarray(A0), spread[::2, ::2], A0[::-1].copy()[::-1], frozen, A0.tolist()),
    ]
    for same in orders:
        np.testing.assert_array_equal(predict(net, same), expected)
    other = net.backward(net.forward(np.asfortranarray(A0)), np.asfortranarray(Y))
    np.testing.assert_array_equal(other.weights[0], grads.weights[0])


def test_the_batch_is_not_written_to(net):
    A0, Y = batch(net)
    A0, Y = A0.astype(net.dtype), Y.astype(net.dtype)
    before = A0.copy(), Y.copy()
    net.step(net.backward(net.forward(A0), Y), 0.1)
    np.testing.assert_array_equal(A0, before[0])
    np.testing.assert_array_equal(Y, before[1])


def test_a_cache_survives_the_next_forward_pass(net):
    A0, _ = batch(net)
    cache = net.forward(A0)
    kept = [A.copy() for A in cache.A]
    net.forward(2 * A0)
    for A, before in zip(cache.A, kept, strict=True):
        np.testing.assert_array_equal(A, before)


# one vector of parameters


def test_parameters_are_writable_views_of_theta(net):
    for view in (*net.weights, *net.biases):
        assert np.shares_memory(view, net.theta)
        view[...] = 0
    assert not net.theta.any()
    net.theta[:] = 1
    assert all((view == 1).all() for view in (*net.weights, *net.biases))


def test_values_assigned_to_parameters_are_copied_in(net):
    views, theta = (*net.weights, *net.biases), net.theta
    weights = [np.full(W.shape, l + 1) for l, W in enumerate(net.weights)]
    net.weights = weights
    net.biases = [b.tolist() for b in net.biases]
    for W, value in zip(net.weights, weights, strict=True):
        np.testing.assert_array_equal(W, value)
    weights[0][...] = 9
    assert (net.weights[0] == 1).all()
    A0, Y = batch(net)
    net.step(net.backward(net.forward(A0), Y), 0.1)
    for mine, view in zip((*net.weights, *net.biases), views, strict=True):
        assert np.shares_memory(mine, view)
    net.theta = theta / 2
    net.theta *= 2
    assert net.theta is theta


def test_parameters_may_be_assigned_from_each_other():
    net = Network((3, 3, 3), random_state=0)
    first, second = (W.copy() for W in net.weights)
    net.weights = [net.weights[1], net.weights[0].T]
    np.testing.assert_array_equal(net.weights[0], second)
    np.testing.assert_array_equal(net.weights[1], first.T)


@pytest.mark.parametrize("name", ["theta", "weights", "biases"])
@pytest.mark.parametrize("wrong", [3.0, None, [[1.0]], [], ["a"], "ab"])
def test_parameters_of_other_shapes_are_refused(name, wrong):
    net = Network((3, 4, 2), random_state=0)
    before = net.theta.copy()
    with pytest.raises(ValueError, match=f"^{name} must"):
        setattr(net, name, wrong)
    np.testing.assert_array_equal(net.theta, before)


@pytest.mark.parametrize("name", signature(Network).parameters)
def test_what_a_network_is_made_with_is_fixed(name):
    net = Network((3, 4, 2))
    with pytest.raises(AttributeError, match=f"^{name} of a Network is fixed: make another"):
        setattr(net, name, None)


def test_editing_a_weight_changes_the_forward_pass(net):
    A0, _ = batch(net)
    before = predict(net, A0).copy()
    net.weights[1][0, 0] += 1
    middle = predict(net, A0).copy()
    net.biases[2][:] += 1
    assert not np.array_equal(before, middle)
    np.testing.assert_allclose(predict(net, A0), middle + 1, rtol=1e-5)


def test_parameters_start_on_64_byte_boundaries(net):
    addresses = [p.__array_interface__["data"][0] for p in (*net.weights, *net.biases)]
    assert all(address % 64 == 0 for address in addresses)
    assert addresses == sorted(addresses)
    assert net.theta.ndim == 1
    assert net.theta.flags.c_contiguous


def padding(net):
    """theta without its parameters."""
    used = np.zeros(net.theta.size, dtype=bool)
    start, size = net.theta.__array_interface__["data"][0], net.theta.itemsize
    for p in (*net.weights, *net.biases):
        first = (p.__array_interface__["data"][0] - start) // size
        steps = [stride // size for stride in p.strides]  # rows may lie apart
        np.lib.stride_tricks.as_strided(used[first:], p.shape, steps)[...] = True
    return net.theta[~used]


def test_padding_stays_zero(net):
    A0, Y = batch(net)
    assert padding(net).size > 0
    for _ in range(3):
        net.step(net.backward(net.forward(A0), Y), 0.5)
    assert not padding(net).any()


def test_a_step_is_gradient_descent(net, dtype):
    A0, Y = batch(net)
    grads = net.backward(net.forward(A0), Y)
    expected = [
        p.astype(float) - 0.25 * g
        for p, g in zip((*net.weights, *net.biases), (*grads.weights, *grads.biases), strict=True)
    ]
    net.step(grads, 0.25)
    for p, e in zip((*net.weights, *net.biases), expected, strict=True):
        np.testing.assert_allclose(p, e, rtol=0, atol=4 * np.finfo(dtype).eps)


def test_a_network_learns(net):
    A0, Y = batch(net)
    before = net.loss(net.forward(A0), Y)
    for _ in range(200):
        net.step(net.backward(net.forward(A0), Y), 0.3)
    assert net.loss(net.forward(A0), Y) < 0.2 * before


def test_two_networks_share_nothing():
    one, two = Network((2, 2), random_state=0), Network((2, 2), random_state=0)
    one.theta[:] = 7
    assert not (two.theta == 7).any()


def test_astype_copies(net):
    twin = net.astype("float64")
    assert twin.theta.dtype == np.float64
    for mine, theirs in zip(net.weights, twin.weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)
        assert not np.shares_memory(mine, theirs)
    twin.theta[:] = 0
    assert net.theta.any()


def test_backends_agree(dtype):
    results = []
    for backend in ("reference", "compiled"):
        net = Network((3, 40, 2), "tanh", dtype=dtype, backend=backend, random_state=0)
        A0, Y = batch(net, B=50)
        for _ in range(5):
            net.step(net.backward(net.forward(A0), Y), 0.1)
        results.append(net.theta.copy())
    np.testing.assert_allclose(*results, rtol=0, atol=50 * np.finfo(dtype).eps)


# names


def test_logistic_is_sigmoid(backend):
    networks = [
        Network((2, 3, 1), name, name, backend=backend, random_state=0)
        for name in ("sigmoid", "logistic")
    ]
    one, two = (predict(net, [1.0, -2.0]) for net in networks)
    np.testing.assert_array_equal(one, two)


def test_auto_is_compiled(caplog):
    with caplog.at_level("DEBUG", logger="gpubackprop"):
        net = Network((2, 2), random_state=0)
    assert "compiled" in caplog.text
    other = Network((2, 2), backend="compiled", device="cpu", random_state=0)
    np.testing.assert_array_equal(predict(net, [1, 2]), predict(other, [1, 2]))


# initial weights


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "identity"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_initial_weights_are_scikit_learns(activation, dtype):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((8, 3)).astype(dtype), rng.standard_normal((8, 2)).astype(dtype)
    oracle = MLPRegressor(
        hidden_layer_sizes=(5, 4),
        activation="logistic" if activation == "sigmoid" else activation,
        solver="sgd",
        learning_rate_init=1e-300,  # the step that partial_fit takes leads nowhere
        random_state=42,
        alpha=0,
    ).partial_fit(X, y)
    net = Network((3, 5, 4, 2), activation, dtype=dtype, random_state=42)
    for l in range(3):
        np.testing.assert_array_equal(net.weights[l], oracle.coefs_[l].T, strict=True)
        np.testing.assert_array_equal(net.biases[l], oracle.intercepts_[l], strict=True)


def test_random_state():
    def theta(seed):
        return Network((3, 4, 2), random_state=seed).theta

    np.testing.assert_array_equal(theta(1), theta(1))
    np.testing.assert_array_equal(theta(1), theta(np.random.RandomState(1)))
    assert not np.array_equal(theta(1), theta(2))
    assert not np.array_equal(theta(None), theta(None))


def test_the_global_generator_is_left_alone():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    Network((3, 4, 2))
    np.testing.assert_array_equal(np.random.get_state()[1], before)


# reduction


def test_mean_is_the_default_reduction(net):
    A0, Y = batch(net)
    cache = net.forward(A0)
    assert net.loss(cache, Y) == net.loss(cache, Y, reduction="mean")
    assert net.loss(cache, Y, reduction="sum") == pytest.approx(6 * net.loss(cache, Y), rel=1e-5)


# gradient check


@pytest.mark.parametrize(("hidden", "output", "loss"), CHECKED)
def test_gradients_agree_with_central_differences(backend, hidden, output, loss):
    net = Network((2, 4, 3), hidden, output, loss, "float64", backend=backend, random_state=2)
    A0, Y = batch(net)
    check = check_gradients(net, A0, Y + 0.5 if loss == "gamma" else Y)
    assert check.worst < WORST["float64"], check


@pytest.mark.parametrize(
    ("output", "loss", "constant"),
    [
        ("softplus", "huber", 0.3),
        ("identity", "quantile", (0.1, 0.5, 0.9)),
        ("softmax", "focal", 0.5),
        ("sigmoid", "binary_focal", (3.0, 0.0, 1.0)),
    ],
)
def test_gradients_with_constants_and_an_activation_for_each_layer(backend, output, loss, constant):
    net = Network(
        *((3, 5, 4, 3), ("gelu", "selu"), output, loss, "float64"),
        backend=backend,
        random_state=2,
        loss_constant=constant,
    )
    A0, Y = batch(net)
    assert check_gradients(net, A0, Y).worst < WORST["float64"]
    usual = Network((3, 5, 4, 3), ("gelu", "selu"), output, loss, "float64", random_state=2)
    assert net.loss(net.forward(A0), Y) != usual.loss(usual.forward(A0), Y)
    copied = pickle.loads(pickle.dumps(net))
    assert copied.loss(copied.forward(A0), Y) == net.loss(net.forward(A0), Y)


@pytest.mark.parametrize(
    ("loss", "constant"),
    [
        ("squared_error", 1.0),
        ("huber", (1.0, 2.0)),
        ("quantile", 1.5),
        ("huber", -1.0),
        ("huber", "a"),
    ],
)
def test_a_constant_that_the_loss_does_not_have_is_refused(loss, constant):
    with refused("loss_constant", repr(constant), repr(loss)):
        Network((2, 3), loss=loss, loss_constant=constant)


@pytest.mark.parametrize("sizes", [(1, 1), (2, 1), (4, 3), (2, 2, 2, 2, 2)])
def test_gradients_of_any_depth(backend, dtype, sizes):
    net = Network(sizes, "tanh", dtype=dtype, backend=backend, random_state=2)
    assert check_gradients(net, *batch(net)).worst < WORST[dtype]


class Wrong(Network):
    """A network with one wrong gradient."""

    kind, layer, index, factor = "weights", 1, (2, 3), 1.001

    def backward(self, *args, **kwargs):
        grads = super().backward(*args, **kwargs)
        getattr(grads, self.kind)[self.layer][self.index] *= self.factor
        return grads


class WrongBias(Wrong):
    kind, layer, index = "biases", 0, (4,)


@pytest.mark.parametrize(("wrong", "parameter"), [(Wrong, "W2[2, 3]"), (WrongBias, "b1[4]")])
def test_a_planted_error_is_reported(wrong, parameter, backend):
    net = wrong((3, 5, 4, 2), "tanh", dtype="float64", backend=backend, random_state=0)
    check = check_gradients(net, *batch(net))
    assert check.parameter == parameter
    assert check.worst > 1e-4
    assert check.backpropagation == pytest.approx(1.001 * check.central_difference, rel=1e-5)


def test_a_check_leaves_the_network_as_it_was(net):
    before = net.theta.copy()
    check_gradients(net, *batch(net))
    np.testing.assert_array_equal(net.theta, before)


@pytest.mark.parametrize("epsilon", [0, -1e-3, float("nan")])
def test_epsilon_must_be_positive(net, epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        check_gradients(net, *batch(net), epsilon=epsilon)


# refusals: the message names the argument and lists what is valid


def refused(*words, error=ValueError):
    """Expect an error whose message holds all these words."""
    pattern = "".join(f"(?=.*{re.escape(word)})" for word in words)
    return pytest.raises(error, match=f"(?s){pattern}")


@pytest.mark.parametrize(
    ("parameter", "name", "known"),
    [
        ("activation", "swish", ("sigmoid", "logistic", "tanh", "relu", "identity")),
        ("activation", "softmax", ("relu",)),
        ("output_activation", "swish", ("softmax", "identity")),
        ("loss", "hinge", ("squared_error", "cross_entropy", "binary_cross_entropy")),
        ("backend", "tpu", ("auto", "compiled", "reference")),
    ],
)
def test_an_unknown_name_lists_the_known_ones(parameter, name, known):
    with refused(parameter, repr(name), *known):
        Network((2, 1), **{parameter: name})


@pytest.mark.parametrize("output", ["identity", "gelu", "softmax", "sigmoid", "exp"])
@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy", "binary_focal", "gamma"])
def test_pairings_without_a_formula_list_the_valid_ones(output, loss):
    if (output, loss) in PAIRINGS:
        Network((2, 2), output_activation=output, loss=loss)
        return
    valid = ("cross_entropy with softmax", "binary_cross_entropy with sigmoid", "squared_error")
    with refused(repr(output), repr(loss), *valid):
        Network((2, 2), output_activation=output, loss=loss)


@pytest.mark.parametrize("dtype", ["float16", "int32", "double", None, int])
def test_unknown_dtype(dtype):
    with refused("dtype", "float32", "float64"):
        Network((2, 1), dtype=dtype)


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "", "CPU"])
def test_unknown_device(device):
    with refused("device", "auto", "cpu", "cuda"):
        Network((2, 1), device=device)


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:3"])
def test_no_gpu_is_said(device, monkeypatch):
    def refuse(index):
        raise RuntimeError(f"device='cuda:{index}': out to lunch")

    monkeypatch.setattr(detection, "require", refuse)
    with refused("device='cuda:", "out to lunch", error=RuntimeError):
        Network((2, 1), device=device)


@pytest.mark.parametrize("sizes", [(), (3,), (3, 0), (3, -1), (3, 2.5), (3, "2"), (3, None)])
def test_bad_layer_sizes(sizes):
    with refused("layer_sizes", "positive integers", repr(sizes)):
        Network(sizes)


@pytest.mark.parametrize("shape", [(2,), (4,), (4, 5), (5, 3), (3, 0), (3, 1, 1), ()])
def test_a_batch_of_another_shape(net, shape):
    with refused("A0", "(3, B)", str(shape)):
        net.forward(np.ones(shape))


def test_targets_of_another_shape(net):
    A0, Y = batch(net)
    cache = net.forward(A0)
    for use in (net.loss, net.backward):
        with refused("Y", "(2, B)", "(6, 2)"):
            use(cache, Y.T)
        with refused("Y", "5 columns", "6"):
            use(cache, Y[:, :5])
        with refused("Y", "1 columns", "6"):
            use(cache, Y[:, 0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_must_be_finite(net, bad):
    A0, Y = batch(net)
    cache = net.forward(A0)
    A0[1, 2] = Y[1, 2] = bad
    with refused("A0", "NaN or infinity"):
        net.forward(A0)
    with refused("Y", "NaN or infinity"):
        net.backward(cache, Y)


def test_reduction_must_be_known(net):
    A0, Y = batch(net)
    cache = net.forward(A0)
    for use in (net.loss, net.backward):
        with refused("reduction", "'mean'", "'sum'", "'median'"):
            use(cache, Y, reduction="median")


@pytest.mark.parametrize("rate", [1, np.float32(0.5), np.float64(0.5), np.int64(2)])
def test_a_learning_rate_may_be_any_number(net, rate):
    grads = net.backward(net.forward([1.0, 0.0, 1.0]), [0.0, 1.0])
    expected = net.weights[0] - float(rate) * grads.weights[0]
    net.step(grads, rate)
    np.testing.assert_allclose(net.weights[0], expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("sizes", [(3, 5, 4, 1), (3, 5, 3, 2), (3, 5, 2), (2, 5, 4, 2)])
def test_a_cache_of_another_network_is_refused(net, sizes):
    # Narrower ones: machine code that believed a wider one would write past its arrays.
    other = Network(sizes, dtype=net.dtype.name, random_state=0)
    cache = other.forward(np.ones(sizes[0]))
    for use in (net.loss, net.backward):
        with refused("cache"):
            use(cache, [0.0, 1.0])


def test_gradients_of_another_network_are_refused(net):
    before = net.theta.copy()
    other = Network((3, 1, 4, 2), random_state=0)  # shapes that would broadcast
    grads = other.backward(other.forward([1.0, 0.0, 1.0]), [0.0, 1.0])
    with refused("grads"):
        net.step(grads, 0.1)
    np.testing.assert_array_equal(net.theta, before)


@pytest.mark.parametrize("precision", ["float64", "float32", "tf32", "bf16"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_precision_and_dtype_must_agree(dtype, precision):
    if (precision == "float64") == (dtype == "float64"):
        assert Network((2, 1), dtype=dtype, precision=precision).dtype == dtype
    else:
        with refused("precision", precision, dtype):
            Network((2, 1), dtype=dtype, precision=precision)


def test_a_copy_in_another_type_forgets_its_precision():
    net = Network((2, 1), precision="float64")
    assert (net.dtype, net.astype("float32").dtype) == (np.float64, np.float32)
    assert net.astype("float32").astype("float64").dtype == np.float64
    assert pickle.loads(pickle.dumps(net.astype("float32"))).dtype == np.float32


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", "nadam", "rmsprop", "lion"])
def test_a_step_of_any_optimizer(solver, backend):
    """Its first step from rest, of gradients of 1: the formulas have few terms then."""
    net = Network((2, 3, 1), dtype="float64", backend=backend, random_state=0)
    optimizer = net.optimizer(solver, weight_decay=0.5)
    ones = net.backward(net.forward([1, 0]), [1])
    ones = ones._replace(
        weights=tuple(np.ones_like(W) for W in ones.weights),
        biases=tuple(np.ones_like(b) for b in ones.biases),
    )
    before = [W.copy() for W in net.weights], [b.copy() for b in net.biases]
    net.step(ones, 0.01, optimizer)
    mu_1, mu_2 = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * i)) for i in (1, 2))
    step = {
        "sgd": 1.9,  # Nesterov's momentum: one step and 0.9 of it ahead
        "rmsprop": 1 / (np.sqrt(0.001) + 1e-8),
        "nadam": mu_2 * 0.1 / (1 - mu_1 * mu_2) + (1 - mu_1) / (1 - mu_1),
    }.get(solver, 1.0)
    for W, old in zip(net.weights, before[0], strict=True):
        np.testing.assert_allclose(W, old * (1 - 0.01 * 0.5) - 0.01 * step, rtol=0, atol=1e-8)
    for b, old in zip(net.biases, before[1], strict=True):
        np.testing.assert_allclose(b, old - 0.01 * step, rtol=0, atol=1e-8)


def test_an_optimizer_keeps_its_state_and_its_network():
    net = Network((2, 3, 1), dtype="float64", random_state=0)
    adam, cache = net.optimizer("adam"), net.forward([1, 0])
    for _ in range(2):
        net.step(net.backward(cache, [1]), 0.1, adam)
    assert adam.t[0] == 2
    assert adam.m.shape == net.theta.shape
    other = Network((2, 30, 1), dtype="float64")
    with pytest.raises(ValueError, match="optimizer must be of this network"):
        other.step(other.backward(other.forward([1, 0]), [1]), 0.1, adam)
    with pytest.raises(ValueError, match=r"solver must be one of sgd, .*lion, got 'adagrad'"):
        net.optimizer("adagrad")
    with pytest.raises(ValueError, match="'lion' has no epsilon"):
        net.optimizer("lion", epsilon=0.1)
