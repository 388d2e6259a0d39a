"""`Epochs`: which rows a batch holds, how losses are weighted, and that nothing is allocated."""

import tracemalloc
from importlib import import_module

import numpy as np
import pytest

from gpubackprop.backends import compiled, threads


def make(backend, problem):
    return problem.epochs(import_module(f"gpubackprop.backends.{backend}").backend)


def frozen(problem):
    """Let the optimizer stand still, so that an epoch only measures."""
    problem.optimizer.rate[0] = 0
    return problem


def cross_entropies(problem):
    """Each row's loss, in float64, from the formulas."""
    A = problem.X.astype(float)
    for l, (W, b) in enumerate(zip(problem.net.W, problem.net.b, strict=True)):
        Z = A @ W.astype(float) + b
        A = np.tanh(Z) if l + 1 < len(problem.net.W) else np.exp(Z)
    return -np.log((A / A.sum(axis=1, keepdims=True))[problem.Y == 1])


def squared_norm(problem):
    return sum(float(np.sum(W.astype(float) ** 2)) for W in problem.net.W)


def tolerance(dtype):
    return {"rtol": 50 * np.finfo(dtype).eps}


# the loss


@pytest.mark.parametrize(
    ("n", "batch_size"), [(20, 5), (23, 5), (23, 23), (23, 50), (1, 1), (24, 23), (6, 1)]
)
def test_batches_count_by_their_rows(backend, dtype, make_problem, n, batch_size):
    """The reported loss is scikit-learn's: sum_batches rows (loss + penalty) / n."""
    problem = frozen(make_problem(dtype, "plain SGD", False, n=n, batch_size=batch_size))
    batches = [min(batch_size, n - start) for start in range(0, n, batch_size)]
    penalty = sum(B * 0.5 * problem.ALPHA / B * squared_norm(problem) for B in batches)
    expected = (cross_entropies(problem).sum() + penalty) / n
    loss = make(backend, problem).run(problem.orders[0])
    np.testing.assert_allclose(loss, expected, **tolerance(dtype))


def test_examples_count_by_their_weight(backend, dtype, make_problem):
    problem = frozen(make_problem(dtype, "plain SGD", True))
    order, expected = problem.orders[1], 0.0
    losses = cross_entropies(problem)
    for start in range(0, problem.n, problem.batch_size):
        rows = order[start : start + problem.batch_size]
        weight = problem.weight[rows]
        penalty = 0.5 * problem.ALPHA / weight.sum() * squared_norm(problem)
        expected += len(rows) * (np.average(losses[rows], weights=weight) + penalty)
    loss = make(backend, problem).run(order)
    np.testing.assert_allclose(loss, expected / problem.n, **tolerance(dtype))


def test_equal_weights_are_no_weights(backend, dtype, make_problem):
    one, another = make_problem(dtype, "plain SGD", False), make_problem(dtype, "plain SGD", True)
    another.weight[:] = 1.0
    losses = [make(backend, problem).run(one.orders[0]) for problem in (one, another)]
    np.testing.assert_allclose(*losses, **tolerance(dtype))
    np.testing.assert_allclose(one.net.theta, another.net.theta, atol=tolerance(dtype)["rtol"])


def test_an_example_of_weight_zero_teaches_nothing(backend, dtype, make_problem):
    thetas = []
    for value in (0.0, 100.0):
        problem = make_problem(dtype, "plain SGD", True)
        problem.weight[3] = 0
        problem.X[3] = value
        make(backend, problem).run(problem.orders[0])
        thetas.append(problem.net.theta)
    np.testing.assert_array_equal(*thetas)


def test_loss_scale_spares_the_penalty(backend, dtype, make_problem):
    problem = frozen(make_problem(dtype, "plain SGD", False, n=20))
    epochs = make(backend, problem)
    one, half, none = (epochs.run(problem.orders[0], s) for s in (1.0, 0.5, 0.0))
    penalty = 0.5 * problem.ALPHA * squared_norm(problem) / problem.batch_size
    np.testing.assert_allclose(none, penalty, **tolerance(dtype))
    np.testing.assert_allclose(half, (one + none) / 2, **tolerance(dtype))


def test_each_epochs_loss_is_its_own(backend, make_problem):
    problem = frozen(make_problem("float64", "plain SGD", False))
    epochs = make(backend, problem)
    first, *others = (epochs.run(problem.orders[0]) for _ in range(4))
    assert others == [first] * 3


# batches without weight


@pytest.mark.parametrize("rows", [slice(0, 5), slice(5, 10), slice(20, 23), slice(0, 23)])
def test_a_batch_without_weight_is_refused(backend, make_problem, rows):
    problem = make_problem("float32", "Adam", True)
    order = problem.orders[2]
    problem.weight[order[rows]] = 0
    before = problem.state()
    with pytest.raises(ZeroDivisionError, match="Weights sum to zero, can't be normalized"):
        make(backend, problem).run(order)
    for untouched, now in zip(before, problem.state(), strict=True):
        np.testing.assert_array_equal(untouched, now)


def test_the_words_are_numpys(make_problem):
    problem = make_problem("float32", "Adam", True)
    problem.weight[:] = 0
    epochs = make("reference", problem)
    with pytest.raises(ZeroDivisionError) as ours:
        epochs.run(problem.orders[0])
    with pytest.raises(ZeroDivisionError) as numpys:
        np.average([1.0], weights=[0.0])
    assert str(ours.value) == str(numpys.value)


# order


def test_rows_come_in_the_order_given(backend, make_problem):
    """Sorting the rows by hand and keeping the order, or the other way round, is the same."""
    one, another = (make_problem("float64", "momentum", True) for _ in range(2))
    order = one.orders[1]
    another.X, another.Y = another.X[order], another.Y[order]
    another.weight = another.weight[order]
    losses = make(backend, one).run(order), make(backend, another).run(np.arange(another.n))
    assert losses[0] == losses[1]
    np.testing.assert_array_equal(one.net.theta, another.net.theta)


def test_the_order_matters_and_each_epoch_has_its_own(backend, make_problem):
    one, another = (make_problem("float64", "momentum", False) for _ in range(2))
    epochs = make(backend, one)
    epochs.run(one.orders[0])
    epochs.run(one.orders[1])
    epochs = make(backend, another)
    epochs.run(another.orders[0])
    epochs.run(another.orders[0])
    assert not np.array_equal(one.net.theta, another.net.theta)


def test_data_is_only_read(backend, make_problem):
    problem = make_problem("float32", "Adam", True)
    kept = [a.copy() for a in (problem.X, problem.Y, problem.weight, problem.orders[0])]
    for array in (problem.X, problem.Y, problem.weight):
        array.flags.writeable = False
    make(backend, problem).run(problem.orders[0])
    for before, now in zip(
        kept, (problem.X, problem.Y, problem.weight, problem.orders[0]), strict=True
    ):
        np.testing.assert_array_equal(before, now)


def test_any_memory_order_of_the_data_gives_the_same(backend, dtype, make_problem):
    plain = make_problem(dtype, "Adam", False)
    make(backend, plain).run(plain.orders[0])
    for layout in (np.asfortranarray, lambda X: np.repeat(X, 2, axis=1)[:, ::2]):
        problem = make_problem(dtype, "Adam", False)
        problem.X = layout(problem.X)
        make(backend, problem).run(problem.orders[0])
        np.testing.assert_array_equal(problem.net.theta, plain.net.theta)


# backends


def test_backends_agree(dtype, optimizer, make_problem):
    problems = [make_problem(dtype, optimizer, True) for _ in range(2)]
    losses = []
    for backend, problem in zip(("reference", "compiled"), problems, strict=True):
        epochs = make(backend, problem)
        losses.append([epochs.run(order) for order in problem.orders])
    np.testing.assert_allclose(*losses, **tolerance(dtype))
    ours, theirs = (problem.net.theta for problem in problems)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=200 * np.finfo(dtype).eps)


# memory


def peak(epochs, order):
    """Bytes that Python and NumPy held at most while these epochs ran.

    Other threads of the process may allocate meanwhile: what every attempt has seen is ours.
    """
    return min(_traced_peak(epochs, order) for _ in range(3))


def _traced_peak(epochs, order):
    tracemalloc.start()
    try:
        for _ in range(2):
            epochs.run(order)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(params=[1, 2], ids=["one thread", "divided among threads"])
def divided(request, monkeypatch):
    monkeypatch.setattr(threads, "available", lambda: request.param)
    monkeypatch.setattr(compiled, "MIN_THREAD_MACS", 1)
    monkeypatch.setattr(compiled, "MIN_CALL_MACS", 1)
    with threads.single_threaded_blas():
        yield


@pytest.mark.usefixtures("divided")
def test_steady_state_training_allocates_nothing_per_batch(make_problem):
    peaks, sizes, batch_size = [], (80, 70, 70), 64
    for batches in (2, 82):
        shape = {"n": batches * batch_size + 3, "batch_size": batch_size, "sizes": sizes}
        problem = make_problem("float32", "Adam", False, **shape)
        epochs, order = make("compiled", problem), np.arange(problem.n)
        peaks.append(peak(epochs, order))
    assert max(peaks) < batch_size * min(sizes) * 4  # not even one activation matrix
    assert peaks[1] - peaks[0] < 80 * 100  # nor a small object a batch; threads that wake take some
