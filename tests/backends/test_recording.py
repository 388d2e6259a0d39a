"""One recorded mini-batch, replayed, is training: bitwise, so that a GPU's graph is safe too."""

from importlib import import_module
from itertools import product

import numpy as np
import pytest

import gpubackprop.backends.compiled
from gpubackprop import backprop
from gpubackprop.algorithm import optimizers
from gpubackprop.backends import threads
from gpubackprop.backends.recording import Recording
from gpubackprop.backends.thread_team import team
from gpubackprop.backprop import bind
from gpubackprop.kernels.calls import Call, parts
from gpubackprop.kernels.compiled import Primitives
from gpubackprop.kernels.formulas import Activation
from gpubackprop.kernels.optimizers import L2
from tests.conftest import OPTIMIZERS, OTHERS

SCHEDULE = 0.7
"""The learning rate changes from epoch to epoch, as schedules have it."""


@pytest.fixture(params=["reference", "compiled"])
def kernels(request):
    return kernels_of(request.param)


def kernels_of(backend):
    return import_module(f"gpubackprop.backends.{backend}").backend.kernels


@pytest.fixture
def weighted(dtype):
    return dtype == "float32"


def arguments(problem):
    """What one mini-batch needs besides its workspace: before it, its gradient, after it."""
    before, grad = (problem.source(), problem.net), problem.net.zeros_like()
    return before, grad, (problem.optimizer, problem.ALPHA)


def driven(kernels, problem):
    """Python calls every primitive of every batch."""
    before, grad, after = arguments(problem)

    def prepare(ws):
        return lambda: bind(kernels).train_batch(*before, [(ws, grad)], *after)

    return epochs(problem, before[0], prepare)


def recorded(kernels, problem):
    """One batch of each size is recorded before training starts, and only replayed from then on."""
    before, grad, after = arguments(problem)

    def prepare(ws):
        recording = Recording()
        bind(recording.kernels).train_batch(*before, [(ws, grad)], *after)

        def replay():
            for call in recording.calls:
                getattr(kernels, call.primitive)(**call.arguments)

        return replay

    return epochs(problem, before[0], prepare)


def epochs(problem, source, prepare):
    """Run the problem's epochs; return each one's sums of losses and penalties."""
    runs = [(prepare(ws), count, ws) for ws, count in problem.workspaces()]
    sums = []
    for order in problem.orders:
        source.order[...], source.cursor[0] = order, 0
        for run, count, ws in runs:
            ws.loss[0] = ws.penalty[0] = 0
            for _ in range(count):
                run()
            sums.append((ws.loss[0], ws.penalty[0]))
        optimizers.rule(problem.optimizer).rate[0] *= SCHEDULE
    return sums


def assert_bitwise_equal(one, another):
    for a, b in zip(one, another, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


def learnt(problem):
    untouched = type(problem)(problem.X.dtype, "plain SGD", False)
    return np.abs(problem.net.theta - untouched.net.theta).max() > 1e-3


@pytest.mark.parametrize(
    ("dtype", "name"),
    [*product(["float32", "float64"], OPTIMIZERS), *(("float32", name) for name in OTHERS)],
)
def test_replaying_equals_driving(kernels, dtype, name, weighted, make_problem):
    """A rate of each batch's own and the clipping of its gradient are recorded with it."""
    one, another = (make_problem(dtype, name, weighted) for _ in range(2))
    assert driven(kernels, one) == recorded(kernels, another)
    assert_bitwise_equal(one.state(), another.state())
    assert learnt(one)


def run_epochs(backend, problem):
    """Train as the estimators do; return each epoch's loss."""
    run = problem.epochs(import_module(f"gpubackprop.backends.{backend}").backend).run
    losses = []
    for order in problem.orders:
        losses.append(run(order))
        optimizers.rule(problem.optimizer).rate[0] *= SCHEDULE
    return losses


def mean_losses(problem, sums):
    """Each epoch's loss from its batches' sums, weighted with their rows."""
    rows = np.array([problem.batch_size, problem.n % problem.batch_size])
    return np.array(sums).reshape(len(problem.orders), -1, 2).sum(axis=2) @ rows / problem.n


def test_epochs_of_a_backend_equal_driving(backend, dtype, optimizer, weighted, make_problem):
    """On the compiled backend: machine code replays what Python drives here."""
    kernels = kernels_of(backend)
    one, another = (make_problem(dtype, optimizer, weighted) for _ in range(2))
    expected = mean_losses(one, driven(kernels, one))
    losses = run_epochs(backend, another)
    assert_bitwise_equal(one.state(), another.state())
    np.testing.assert_allclose(losses, expected, rtol=1e-15)


def driven_in_pieces(problem, pieces):
    """Python runs the pieces of every stage, one after the other."""
    before, grad, after = arguments(problem)

    def prepare(ws):
        recording = Recording()
        bind(recording.kernels).train_batch(*before, [(ws, grad)], *after)
        stages = [stage for call in recording.calls for stage in parts(Primitives(pieces), call)]

        def run():
            for stage in stages:
                stage.run()

        return run

    return epochs(problem, before[0], prepare)


WIDE, NARROW = (30, 600, 700, 10), (300, 200, 5)


@pytest.fixture
def divided(pieces, monkeypatch):
    """Divide work, however little, among as many threads as `pieces`."""
    monkeypatch.setattr(threads, "available", lambda: pieces)
    monkeypatch.setattr(gpubackprop.backends.compiled, "MIN_THREAD_MACS", 1)


@pytest.mark.parametrize(
    ("pieces", "sizes", "optimizer"),
    [
        *((3, NARROW, name) for name in (*OPTIMIZERS, *OTHERS)),
        *((pieces, WIDE, "Adam") for pieces in (1, 2, 3)),
    ],
)
@pytest.mark.usefixtures("divided")
def test_threads_side_by_side_equal_driving_their_pieces(pieces, sizes, optimizer, make_problem):
    """A barrier too few, or a piece of another thread's, changes bits."""
    one, another = (
        make_problem("float32", optimizer, True, n=310, batch_size=300, sizes=sizes)
        for _ in range(2)
    )
    with threads.single_threaded_blas():
        expected = mean_losses(one, driven_in_pieces(one, pieces))
        losses = run_epochs("compiled", another)
    assert_bitwise_equal(one.state(), another.state())
    np.testing.assert_allclose(losses, expected, rtol=1e-15)


@pytest.mark.parametrize(("pieces", "sizes"), [(2, WIDE), (3, NARROW)])
@pytest.mark.usefixtures("divided")
def test_one_thread_in_turn_computes_the_same_bits(pieces, sizes, make_problem, monkeypatch):
    """Starved never, always, or every other moment: the weights are the same."""
    undisturbed, starved, changing = (
        make_problem("float32", "Adam", True, n=310, batch_size=300, sizes=sizes) for _ in range(3)
    )
    losses = []
    with threads.single_threaded_blas():
        for problem, answers in ((undisturbed, [False]), (starved, [True]), (changing, [0, 1])):
            turn = iter(range(10**9))
            monkeypatch.setattr(
                team(pieces), "starves", lambda a=answers, t=turn: a[next(t) % len(a)]
            )
            losses.append(run_epochs("compiled", problem))
    assert_bitwise_equal(undisturbed.state(), starved.state())
    assert_bitwise_equal(undisturbed.state(), changing.state())
    np.testing.assert_array_equal(losses[0], losses[1])


def frozen_clock(k, adam, net, grad, ws):
    """A planted leak: the step counter is read when the call is made, not when it runs."""
    k.advance(adam.t, 1)
    frozen = adam._replace(t=np.maximum(adam.t, 1))
    k.adam(net.theta, grad.theta, frozen, L2(net.decayed, ws.decay, ws.penalty))


def frozen_rate(k, adam, net, grad, ws):
    """Another: the learning rate, which a schedule raises, is copied."""
    optimizers.step(k, adam._replace(rate=adam.rate.copy()), net, grad, ws)
    adam.rate[0] *= 1.5


@pytest.mark.parametrize("leak", [frozen_clock, frozen_rate])
def test_a_frozen_quantity_is_noticed(leak, kernels, make_problem, monkeypatch):
    """A test of the tests above: they must be able to fail."""
    one, another = (make_problem("float64", "Adam", False) for _ in range(2))
    monkeypatch.setattr(backprop, "step", leak)
    driven(kernels, one)
    recorded(kernels, another)
    with pytest.raises(AssertionError):
        assert_bitwise_equal(one.state()[:1], another.state()[:1])


def test_recording_computes_nothing():
    counter, recording = np.zeros(1, dtype=np.int64), Recording()
    recording.kernels.advance(counter, amount=2)
    assert counter[0] == 0
    assert recording.calls == [Call("advance", {"counter": counter, "amount": 2})]


def test_an_unknown_primitive_is_not_recorded():
    with pytest.raises(AttributeError, match="convolve"):
        Recording().kernels.convolve(1)


def test_a_call_with_too_few_arguments_is_not_recorded():
    recording = Recording()
    with pytest.raises(TypeError, match="'amount'"):
        recording.kernels.advance(np.zeros(1, dtype=np.int64))
    assert recording.calls == []


def test_the_calls_of_a_batch_know_their_layers(make_problem):
    recording, problem = Recording(), make_problem("float64", "Adam", False, sizes=(7, 9, 4))
    before, grad, after = arguments(problem)
    ((ws, _), *_) = problem.workspaces()
    bind(recording.kernels).train_batch(*before, [(ws, grad)], *after)
    assert [*map(str, recording.calls)] == [
        *("gather", "gather", "dense, layer 1", "dense, layer 2"),
        *("output_delta, layer 2", "weight_grad, layer 2", "bias_grad, layer 2"),
        *("hidden_delta, layer 1", "weight_grad, layer 1", "bias_grad, layer 1"),
        *("advance", "advance", "adam"),
    ]


def test_gradient_and_update_apart_are_the_same_step(kernels, dtype, optimizer, make_problem):
    """So that something may stand between them, such as a sum over processes."""
    one, another = (make_problem(dtype, optimizer, False) for _ in range(2))
    expected = recorded(kernels, one)
    source, grad = another.source(), another.net.zeros_like()

    def prepare(ws):
        gradient, update = Recording(), Recording()
        bind(gradient.kernels).gradient(source, [(ws, grad)], another.ALPHA)
        optimizers.step(update.kernels, another.optimizer, another.net, grad, ws)

        def replay():
            for call in (*gradient.calls, *update.calls):
                getattr(kernels, call.primitive)(**call.arguments)

        return replay

    assert epochs(another, source, prepare) == expected
    assert_bitwise_equal(one.state(), another.state())


def test_threads_wait_before_memory_holds_fewer_rows():
    """A shorter last block is divided elsewhere: one thread's rows were another's before."""
    W, b, recording, out = np.ones((2, 2)), np.zeros(2), Recording(), np.zeros((9, 2))
    for rows in (9, 9, 5):
        here = out[:rows]
        recording.kernels.dense(np.ones((rows, 2)), W, b, Activation.RELU, here, here)
    sections = gpubackprop.backends.compiled.divide(recording.calls, 2)
    assert [len(section.lanes[0]) for section in sections if section.waits] == [3, 1]
