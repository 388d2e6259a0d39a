"""Activation checkpointing takes less memory and changes no bit, on either backend."""

import copy
import pickle
import re
from functools import partial
from importlib import import_module
from itertools import product

import numpy as np
import pytest

from gpubackprop import Network
from gpubackprop.algorithm.checkpointing import layout
from gpubackprop.algorithm.dropout import Dropout
from gpubackprop.algorithm.memory import HOST, Host
from gpubackprop.algorithm.parameters import Parameters
from gpubackprop.algorithm.workspace import Workspace
from gpubackprop.backends import compiled, threads
from gpubackprop.backends.recording import Recording
from gpubackprop.backprop import bind
from gpubackprop.kernels.formulas import Activation, Formulas, Loss
from gpubackprop.training.memory_plan import Sizes

WIDTHS = (7, 3, 11, 5, 13, 2, 9, 6, 10, 4)
"""Of nine layers; none like its neighbours."""
CHECKPOINTS = (1, 2, 3, "sqrt", 20)
HIDDEN = (Activation.TANH, Activation.SILU)
"""sigma' of the one is written with A, that of the other with Z."""
DEPTHS = range(1, 10)
some_depths = pytest.mark.parametrize("layers", [1, 4, 9])
some_checkpoints = pytest.mark.parametrize("checkpoint", [1, 2, "sqrt", 20])


def widths(layers):
    """The last of them, so that the targets are the same."""
    return WIDTHS[-layers - 1 :]


def formulas(hidden=Activation.TANH):
    return Formulas(hidden, Activation.SOFTMAX, Loss.CROSS_ENTROPY)


def batch(net, B=6):
    rng = np.random.default_rng(5)
    d, k = net.layer_sizes[0], net.layer_sizes[-1]
    return rng.standard_normal((d, B)), np.eye(k)[rng.integers(k, size=B)].T


def assert_bitwise_equal(one, another):
    for a, b in zip(one, another, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


# the layout


def test_what_is_read_is_what_was_written_there_last():
    for layers, checkpoint in product(DEPTHS, (None, *CHECKPOINTS)):
        run_without_numbers(layers, layout(layers, checkpoint))


def run_without_numbers(layers, places):
    """Run a step in which each place remembers whose matrix was written there."""
    A, delta = {places.A[0]: 0}, {}

    def read(memory, where, what):
        assert memory.get(where[what]) == what, places

    def layer(l):
        read(A, places.A, l)
        A[places.A[l + 1]] = l + 1

    for l in range(layers):
        layer(l)
    read(A, places.A, layers)
    delta[places.delta[-1]] = layers - 1
    for l in reversed(range(layers)):
        read(A, places.A, l)
        read(delta, places.delta, l)
        for below in places.again[l]:
            layer(below)
        if l > 0:
            read(A, places.A, l)
            assert places.delta[l] != places.delta[l - 1], places
            delta[places.delta[l - 1]] = l - 1


def test_what_is_overwritten_is_computed_again_once():
    for layers, checkpoint in product(DEPTHS, CHECKPOINTS):
        places = layout(layers, checkpoint)
        again = [l for run in places.again for l in run]
        lost = [l for l in range(layers) if places.A[l + 1] in places.A[l + 2 :]]
        assert sorted(again) == lost, places


def test_the_square_root_takes_the_least():
    def matrices(k):
        places = layout(64, k)
        return len(set(places.A)) + len(set(places.delta))

    counts = {k: matrices(k) for k in range(1, 65)}
    assert counts[8] == 18  # ceil(L/k) + k + 2
    assert counts[8] == min(counts.values()) == matrices("sqrt")
    assert matrices(None) == 129


# memory


class Counting(Host):
    """Memory that counts what matrices take of it."""

    def __init__(self, row_bytes=1):
        self.row_bytes, self.buffers = row_bytes, []

    def zeros(self, size, dtype):
        self.buffers.append(super().zeros(size, dtype))
        return self.buffers[-1]

    def several(self, sizes, dtype):
        return [self.zeros(size, dtype) for size in sizes]

    def taken(self):
        return sum(buffer.nbytes for buffer in self.buffers)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("rate", [0.0, 0.5])
@pytest.mark.parametrize("row_bytes", [1, 16])
def test_the_plan_counts_what_is_allocated(row_bytes, rate, hidden):
    memory, f = Counting(row_bytes), formulas(hidden)
    for layers, checkpoint in product(DEPTHS, (None, *CHECKPOINTS)):
        rates = (rate,) * layers
        dropout = Dropout.of(rates, 1, 0, HOST, 5)
        allocated(widths(layers), f, 5, memory, checkpoint, dropout=dropout)
        apart = f.apart(layers, rates)
        sizes = Sizes(widths(layers), np.dtype("float32"), memory, checkpoint, apart)
        shares = 5 * 8
        assert sizes.workspace(5) == memory.taken() + shares, (layers, checkpoint)


def allocated(sizes, f, rows, memory, checkpoint, **more):
    """Allocate a workspace in memory that counts it, and not its network."""
    net = Parameters.zeros(sizes, "float32", memory)
    memory.buffers.clear()
    return Workspace.allocate(net, f, rows, checkpoint, **more)


def test_a_workspace_shrinks_to_the_square_root():
    """25 layers of d and a batch's targets: 5 + 5 + 2 matrices and Y, instead of 51 and Y."""
    taken = []
    for checkpoint in (None, "sqrt"):
        memory = Counting()
        allocated((10,) * 26, formulas(), 4, memory, checkpoint)
        taken.append(memory.taken())
    assert taken == [52 * 4 * 40, 13 * 4 * 40]


def test_pre_activations_share_as_activations_do():
    memory = Counting()
    allocated((10,) * 26, formulas(), 4, memory, "sqrt", shown=True)
    assert memory.taken() == (13 + 9) * 4 * 40  # Z_5 .. Z_25, and the four between


@some_depths
@some_checkpoints
@pytest.mark.parametrize("hidden", HIDDEN)
def test_nothing_stale_is_read(backend, hidden, layers, checkpoint):
    """What the forward pass has not left for the backward pass is NaN before that starts."""
    algorithm = bind(import_module(f"gpubackprop.backends.{backend}").backend.kernels)
    net = random_net(widths(layers), "float64")
    grads = []
    for kept in (None, checkpoint):
        ws = filled(Workspace.allocate(net, formulas(hidden), 6, kept))
        grad = net.zeros_like()
        algorithm.forward(ws.layers)
        spoil(ws)
        algorithm.backward(ws, grad)
        grads.append(grad.theta)
    assert np.isfinite(grads[1]).all()
    np.testing.assert_array_equal(*grads)


def spoil(ws):
    """Fill all with NaN but the activations that none after them has overwritten."""
    A = [ws.examples, *(layer.output for layer in ws.layers)]
    Z = [layer.Z for layer in ws.layers if layer.Z is not layer.output]
    last = [
        (M, M.copy())
        for written in (A, Z)
        for l, M in enumerate(written)
        if not any(np.shares_memory(M, later) for later in written[l + 1 :])
    ]
    for M in (*A, *Z, *(layer.delta for layer in ws.layers)):
        M[...] = np.nan
    for A, values in last:
        A[...] = values


def random_net(layer_sizes, dtype):
    net = Parameters.zeros(layer_sizes, dtype)
    rng = np.random.default_rng(3)
    for parameter in (*net.W, *net.b):
        parameter[...] = rng.uniform(-0.7, 0.7, parameter.shape)
    return net


def filled(ws):
    """The workspace with a batch in it."""
    rng = np.random.default_rng(4)
    ws.examples[...] = rng.standard_normal(ws.examples.shape)
    ws.Y[...] = np.eye(ws.Y.shape[1])[rng.integers(ws.Y.shape[1], size=ws.rows)]
    return ws


# bits


@some_depths
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_gradients_are_the_same_bits(backend, dtype, activation, layers):
    make = partial(
        Network,
        *(widths(layers), activation, "softmax", "cross_entropy", dtype),
        backend=backend,
        random_state=2,
    )
    plain = make()
    A0, Y = batch(plain)
    cache = plain.forward(A0)
    for checkpoint in CHECKPOINTS:
        net = make(checkpoint=checkpoint)
        kept = net.forward(A0)
        for reduction in ("mean", "sum"):
            assert net.loss(kept, Y, reduction) == plain.loss(cache, Y, reduction)
            expected, grads = plain.backward(cache, Y, reduction), net.backward(kept, Y, reduction)
            assert_bitwise_equal(grads.weights, expected.weights)
            assert_bitwise_equal(grads.biases, expected.biases)


@pytest.mark.parametrize(
    ("optimizer", "weighted", "part"),
    [("Adam", False, None), ("Nesterov", True, 4)],
    ids=["whole", "weighted, in parts"],
)
@some_checkpoints
@pytest.mark.filterwarnings("ignore:a mini-batch of 10 examples does not fit")
def test_epochs_are_the_same_bits(
    backend, dtype, optimizer, checkpoint, weighted, part, make_problem
):
    where = import_module(f"gpubackprop.backends.{backend}").backend
    shape = {"n": 23, "batch_size": 10, "sizes": WIDTHS}
    one, another = (make_problem(dtype, optimizer, weighted, **shape) for _ in range(2))
    plain = one.epochs(where, part=part)
    sparing = another.epochs(where, checkpoint=checkpoint, part=part)
    for order in one.orders:
        assert plain.run(order) == sparing.run(order)
    assert_bitwise_equal(one.state(), another.state())


# threads

BARRIER = "barrier"


def steps(lane):
    """What a thread runs between one barrier and the next."""
    parts = [[]]
    for launch in lane:
        if launch is BARRIER:
            parts.append([])
        else:
            parts[-1].append(launch)
    return parts


@pytest.mark.parametrize("first", [0, 1, 2])
@pytest.mark.parametrize("checkpoint", [None, 2, "sqrt"])
def test_no_thread_writes_what_another_has_yet_to_read(checkpoint, first, monkeypatch):
    """One thread runs as far ahead as the barriers let it."""
    monkeypatch.setattr(compiled, "barrier", lambda *_: BARRIER)
    net, found = random_net(WIDTHS, "float64"), []
    for kept, pieces in ((None, 1), (checkpoint, 3)):
        ws = filled(Workspace.allocate(net, formulas(), 30, kept))
        grad, recording = net.zeros_like(), Recording()
        algorithm = bind(recording.kernels)
        algorithm.forward(ws.layers)
        algorithm.backward(ws, grad)
        sections = compiled.divide(recording.calls, pieces)
        lanes = [steps(lane) for lane in compiled.side_by_side(sections)]
        with threads.single_threaded_blas():
            for at_once in zip(*lanes, strict=True):
                for lane in (*at_once[first:], *at_once[:first]):
                    for launch in lane:
                        launch.run()
        found.append(grad.theta)
    np.testing.assert_allclose(*found, rtol=0, atol=1e-13)


@pytest.mark.parametrize("pieces", [1, 3])
def test_threads_side_by_side_are_the_same_bits(pieces, make_problem, monkeypatch):
    monkeypatch.setattr(threads, "available", lambda: pieces)
    monkeypatch.setattr(compiled, "MIN_THREAD_MACS", 1)
    shape = {"n": 310, "batch_size": 300, "sizes": (30, 90, 20, 150, 40, 10)}
    one, another = (make_problem("float32", "Adam", True, **shape) for _ in range(2))
    where = compiled.backend
    plain, sparing = one.epochs(where), another.epochs(where, checkpoint="sqrt")
    with threads.single_threaded_blas():
        for order in one.orders:
            assert plain.run(order) == sparing.run(order)
    assert_bitwise_equal(one.state(), another.state())


# the network


@pytest.fixture
def net(backend, dtype):
    return Network(
        (3, 5, 4, 6, 2, 7, 2), "tanh", dtype=dtype, backend=backend, random_state=0, checkpoint=2
    )


def there(matrices):
    return [l for l, M in enumerate(matrices) if M is not None]


def test_what_is_not_kept_is_none(net):
    cache = net.forward(batch(net)[0])
    assert there(cache.A) == [0, 2, 4, 5, 6]  # every second, what the last segment left, the output
    assert there(cache.Z) == [1, 3, 4, 5]
    assert there(net.backward(cache, batch(net)[1]).deltas) == [0, 1]  # written last


def test_what_is_kept_is_what_it_would_be(net, backend, dtype):
    plain = Network(net.layer_sizes, "tanh", dtype=dtype, backend=backend, random_state=0)
    A0, Y = batch(net)
    cache, expected = net.forward(A0), plain.forward(A0)
    grads, whole = net.backward(cache, Y), plain.backward(expected, Y)
    pairs = [(cache.A, expected.A), (cache.Z, expected.Z), (grads.deltas, whole.deltas)]
    for mine, theirs in pairs:
        for l in there(mine):
            np.testing.assert_array_equal(mine[l], theirs[l], strict=True)


def test_a_cache_is_used_any_number_of_times(net):
    A0, Y = batch(net)
    cache = net.forward(A0)
    first = net.backward(cache, Y)
    net.backward(net.forward(3 * A0), Y)
    again = net.backward(cache, Y)
    assert_bitwise_equal(again.weights, first.weights)
    assert net.loss(cache, Y) == net.loss(net.forward(A0), Y)


@pytest.mark.parametrize("checkpoint", [None, 3])
def test_a_cache_with_other_checkpoints_is_refused(net, checkpoint):
    other = Network(net.layer_sizes, dtype=net.dtype.name, checkpoint=checkpoint)
    A0, Y = batch(net)
    for mine, theirs in ((net, other), (other, net)):
        with pytest.raises(ValueError, match=r"cache\.A must have shapes .*None"):
            mine.backward(theirs.forward(A0), Y)


def test_copies_keep_their_checkpoint(net):
    A0, _ = batch(net)
    for twin in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net), net.astype("float64")):
        assert there(twin.forward(A0).A) == [0, 2, 4, 5, 6]


@pytest.mark.parametrize("bad", [0, -1, True, False, 1.5, 2.0, "cube", "", b"sqrt", [2], np.nan])
def test_a_checkpoint_must_be_known(bad):
    message = f"checkpoint must be 'sqrt', a whole number from 1, or None, got {bad!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        Network((2, 1), checkpoint=bad)


@pytest.mark.parametrize("good", [1, np.int64(2), 10**30, "sqrt", np.str_("sqrt"), None])
def test_a_checkpoint_may_be_any_whole_number(good):
    Network((2, 3, 1), backend="reference", checkpoint=good).forward([1.0, 2.0])
