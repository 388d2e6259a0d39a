"""Epochs on the GPU agree with the CPU's, are replayed as graphs, and repeat to the last bit."""

import numpy as np
import pytest

from gpubackprop.backends import Backend, compiled
from gpubackprop.backends.cuda.execution import preparing
from gpubackprop.backends.cuda.rendezvous import Rendezvous
from gpubackprop.kernels.cuda.primitives import Primitives
from tests.cuda.gpu.devices import Uncaptured
from tests.cuda.gpu.moved import Moved

pytestmark = pytest.mark.gpu

SHAPES = {
    "small": {},
    "odd": {"n": 701, "batch_size": 333, "sizes": (33, 65, 129, 7)},
    "wide": {"n": 3000, "batch_size": 1024, "sizes": (256, 512, 512, 10)},
}


@pytest.fixture(params=SHAPES)
def shape(request):
    return SHAPES[request.param]


def assert_same_bits(one, another):
    (losses, state), (other_losses, other_state) = one, another
    assert losses == other_losses
    for a, b in zip(state, other_state, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_epochs_agree_with_the_cpus(backend, dtype, optimizer, weighted, make_problem):
    one, another = (make_problem(dtype, optimizer, weighted) for _ in range(2))
    losses, state = Moved(one, backend).train()
    expected_losses, expected = Moved(another, compiled.backend).train()
    rtol = 1000 * np.finfo(dtype).eps
    np.testing.assert_allclose(losses, expected_losses, rtol=rtol)
    for a, b in zip(state, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


def test_large_batches_agree_with_the_cpus(backend, dtype, shape, make_problem):
    """Only roughly in float32: Adam divides by the square root of what may be rounding."""
    one, another = (make_problem(dtype, "Adam", False, **shape) for _ in range(2))
    losses, _ = Moved(one, backend).train()
    expected, _ = Moved(another, compiled.backend).train()
    np.testing.assert_allclose(losses, expected, rtol=1e-3 if dtype == np.float32 else 1e-8)


@pytest.mark.parametrize("checkpoint", [1, 2, "sqrt"])
def test_a_checkpoint_changes_no_bit(backend, dtype, checkpoint, make_problem):
    shape = {"n": 701, "batch_size": 333, "sizes": (33, 65, 129, 31, 64, 7)}
    one, another = (make_problem(dtype, "Adam", True, **shape) for _ in range(2))
    assert_same_bits(Moved(one, backend).train(), Moved(another, backend, checkpoint).train())


def test_a_step_is_replayed_as_one_graph(backend, make_problem, caplog):
    moved = Moved(make_problem("float32", "Adam", True), backend)
    moved.train()
    (replays,) = moved.epochs._runs
    assert len(replays) == 2  # full batches and the tail
    for replay in replays:
        assert type(replay._step._graph.func.__self__).__name__ == "Graph"
    assert "no CUDA Graph" not in caplog.text


def test_a_replay_gives_the_bits_of_single_launches(
    backend,
    device,
    dtype,
    optimizer,
    shape,
    make_problem,
    caplog,
):
    prepare = preparing(Primitives(device), Uncaptured(device), Rendezvous())
    eager = Backend("cuda", backend.kernels, backend.memory, backend.session, prepare)
    one, another = (make_problem(dtype, optimizer, False, **shape) for _ in range(2))
    assert_same_bits(Moved(one, backend).train(), Moved(another, eager).train())
    assert "not on this one" in caplog.text


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_ten_runs_give_the_same_bits(backend, dtype, weighted, shape, make_problem):
    first, *others = (
        Moved(make_problem(dtype, "Adam", weighted, **shape), backend).train() for _ in range(10)
    )
    for other in others:
        assert_same_bits(first, other)
