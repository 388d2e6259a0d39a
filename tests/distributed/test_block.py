"""What a block of `data_parallel` promises beside equal numbers."""

import sys
import threading
import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as ScikitLearns

from gpubackprop import Backup, MLPClassifier, MLPRegressor, accelerated, data_parallel
from gpubackprop.backends import threads
from gpubackprop.distributed.current import current
from gpubackprop.distributed.finding import group_of
from gpubackprop.distributed.node import Neighbours, Seat
from gpubackprop.distributed.thread_group import thread_groups
from gpubackprop.fitting.ranks import replicas
from gpubackprop.training import block_order
from gpubackprop.training.read_ahead import ReadAhead
from tests.distributed.cases import theta

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
SMALL = {"hidden_layer_sizes": (5,), "max_iter": 4, "batch_size": 32, "random_state": 0}


def assert_equal(one, others):
    for model in others:
        np.testing.assert_allclose(theta(model), theta(one), rtol=1e-11, atol=1e-13)
        np.testing.assert_array_equal(theta(model), theta(others[0]))


# who takes part


def test_a_process_alone_trains_alone(monkeypatch):
    for variable in ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "WORLD_SIZE"):
        monkeypatch.delenv(variable, raising=False)
    with data_parallel() as group:
        assert group is None
        assert current() is None


def test_processes_of_mpi_without_mpi4py_are_told_the_cure(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "4")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match=r"4 processes .* pip install 'gpubackprop\[mpi\]'"):
        group_of(None)


def test_processes_of_torchrun_that_are_not_connected_are_told_the_cure(monkeypatch):
    monkeypatch.delenv("PMI_SIZE", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match="init_process_group"):
        group_of(None)


def test_what_is_no_group_is_refused():
    with pytest.raises(TypeError, match=r"group must be a communicator of mpi4py, .* got 'world'"):
        group_of("world")


def test_a_group_of_ones_own_is_taken():
    (mine,) = thread_groups(1)
    assert group_of(mine) is mine


def test_blocks_are_not_nested(in_threads):
    def work(group):
        with data_parallel(group):
            pass

    errors = in_threads(2, work)
    assert all("data_parallel inside data_parallel" in str(error) for error in errors)


# cores


@pytest.mark.parametrize(
    ("cores", "threads"),
    [
        ([range(8), range(8)], 4),
        ([range(8)] * 3, 2),
        ([range(4), range(4, 8)], 4),
        ([[0], [1]], 1),  # as Open MPI binds two ranks
        ([[0]] * 4, 1),
    ],
)
def test_ranks_of_a_machine_share_its_cores(monkeypatch, cores, threads):
    monkeypatch.setattr("gpubackprop.backends.quota.cores", lambda: None)
    seats = tuple(Seat("a", pid, frozenset(own)) for pid, own in enumerate(cores))
    assert Neighbours(0, seats).threads == threads


def test_a_quota_counts(monkeypatch):
    monkeypatch.setattr("gpubackprop.backends.quota.cores", lambda: 4)
    seats = tuple(Seat("a", pid, frozenset(range(16))) for pid in range(2))
    assert Neighbours(0, seats).threads == 2


def test_a_block_gives_each_rank_its_share_of_threads(in_threads, monkeypatch):
    monkeypatch.setattr("gpubackprop.backends.quota.cores", lambda: None)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(12), raising=False)
    assert in_threads(3, lambda group: threads.available()) == [4, 4, 4]


# rows of a file


@pytest.mark.parametrize("shards", [False, True])
def test_ranks_read_ahead_in_the_blocks_of_one_process(in_threads, tmp_path, monkeypatch, shards):
    monkeypatch.setattr(block_order, "BLOCK_BYTES", 4 * X.nbytes // len(X))
    monkeypatch.setattr(block_order, "WINDOW", 6)
    asked = {}

    def ask_for(ahead, rows):
        asked.setdefault(threading.get_ident(), []).extend(rows.tolist())

    monkeypatch.setattr(ReadAhead, "ask_for", ask_for)
    np.save(tmp_path / "X.npy", X)
    params = {**SMALL, "batch_size": 7, "shuffle": "blocks", "early_stopping": True}

    def work(group):
        rows = slice(50 * group.index, 50 + 100 * group.index) if shards else slice(None)
        mapped = np.load(tmp_path / "X.npy", mmap_mode="r")[rows]
        return MLPClassifier(**params).fit(mapped, y[rows])

    assert_equal(MLPClassifier(**params).fit(X, y), in_threads(2, work, shards))
    one, other = map(np.unique, asked.values())
    assert len(one) < 135
    assert len(other) < 135
    assert len(np.unique([*one, *other])) == 135 or shards


# what all ranks must have in common


def refused(in_threads, make, shards=False):
    """The error with which all ranks refuse a fit."""
    errors = in_threads(2, make, shards)
    assert all(isinstance(error, ValueError) for error in errors), errors
    assert str(errors[0]) == str(errors[1])
    return str(errors[0])


def test_other_rows_are_refused(in_threads):
    def work(group):
        return MLPClassifier(**SMALL).fit(X + group.index * (X.max() == X), y)

    assert "shards=True" in refused(in_threads, work)


def test_other_parameters_are_named(in_threads):
    def work(group):
        return MLPClassifier(**SMALL, alpha=group.index).fit(X, y)

    assert "parameter alpha is 0 on rank 0 and 1 on rank 1" in refused(in_threads, work)


def test_sparse_rows_are_refused_where_scikit_learn_has_to_train_on_them(in_threads):
    def work(group):
        return MLPClassifier(**SMALL, solver="lbfgs").fit(scipy.sparse.csr_array(X), y)

    assert "sparse X is left to the CPU, where" in refused(in_threads, work)


@pytest.mark.parametrize("shards", [False, True])
def test_sparse_targets_are_those_of_a_dense_array(in_threads, shards):
    Y = scipy.sparse.csr_array(np.eye(3)[y])
    params = {**SMALL, "early_stopping": True}

    def work(group):
        rows = slice(75 * group.index, 75 * group.index + 75) if shards else slice(None)
        return MLPRegressor(**params).fit(X[rows], Y[rows])

    assert_equal(MLPRegressor(**params).fit(X, Y.toarray()), in_threads(2, work, shards))


def test_other_rows_to_validate_with_are_refused(in_threads):
    def work(group):
        return MLPClassifier(**SMALL).fit(X, y, X_val=X + group.index, y_val=y)

    assert "give all of them the same X_val" in refused(in_threads, work)


@pytest.mark.parametrize("reads", [lambda X: X[0], lambda X: np.asarray(X)])
def test_a_scorer_that_reads_the_rows_is_refused(in_threads, reads):
    def work(group):
        settings = {**SMALL, "early_stopping": True, "scoring": lambda model, X, y: reads(X)}
        return MLPClassifier(**settings).fit(X, y)

    assert "scoring must predict the validation rows" in refused(in_threads, work, shards=True)


def test_what_scikit_learn_has_to_train_is_refused(in_threads):
    class Own(MLPClassifier):
        def _backprop(self, *arguments):
            return super()._backprop(*arguments)

    def work(group):
        return Own(**SMALL).fit(X, y)

    assert "Own has a _backprop of its own" in refused(in_threads, work)


def test_ranks_that_drift_apart_are_stopped(in_threads, monkeypatch):
    sums = iter(range(100))
    monkeypatch.setattr(replicas, "checksum", lambda array: next(sums))

    def work(group):
        return MLPClassifier(**SMALL).fit(X, y)

    for error in in_threads(2, work, shards=True):
        assert isinstance(error, RuntimeError)
        assert "drifted apart: their weights differ after epoch 1" in str(error)


def test_an_error_on_one_rank_reaches_the_others(in_threads):
    def stumble(estimator, record):
        raise ArithmeticError("in a callback")

    def work(group):
        return MLPClassifier(**SMALL, callbacks=[stumble]).fit(X, y)

    first, second = in_threads(2, work)
    assert isinstance(first, ArithmeticError)
    assert "another rank has failed" in str(second)


# the first rank leads


def test_the_first_ranks_callbacks_count(in_threads):
    def change(estimator, record):
        if record.epoch == 1:
            estimator.learning_rate_init = 0.03
        if record.epoch == 2:
            estimator.coefs_[0][...] *= 0.5
            estimator.alpha = 0.1
        return record.epoch == 3

    def ignored(estimator, record):
        raise AssertionError

    def work(group):
        callbacks = ignored if group.index else change
        return MLPClassifier(**SMALL, callbacks=callbacks).fit(X, y)

    one = MLPClassifier(**SMALL, callbacks=change).fit(X, y)
    assert one.n_iter_ == 3
    assert_equal(one, in_threads(2, work))


def test_the_first_rank_speaks(in_threads, capsys):
    def work(group):
        return MLPClassifier(**SMALL, verbose=True).fit(X, y)

    models = in_threads(2, work)
    assert capsys.readouterr().out.count("Iteration 1,") == 1
    assert [model.verbose for model in models] == [True, True]


def test_the_first_rank_warns(in_threads):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        in_threads(2, lambda group: MLPClassifier(**SMALL).fit(X, y))
    assert [str(each.message)[:36] for each in told] == ["Stochastic Optimizer: Maximum iterat"]


# calls that go on from others


def test_a_stream_goes_on(in_threads):
    def steps(index):
        model = MLPClassifier(**{**SMALL, "random_state": index})
        for start in (0, 75):
            rows = slice(start, start + 75)
            model.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        return model

    assert_equal(steps(0), in_threads(2, lambda group: steps(group.index)))


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_warm_start_that_was_made_apart_goes_on_from_the_first(in_threads, solver):
    def again(index, group=None):
        model = MLPRegressor(**{**SMALL, "random_state": index}, solver=solver, warm_start=True)
        model.fit(X, y)
        return model

    def work(group):
        return made[group.index].fit(X, y)

    made = [again(0), again(1)]
    assert_equal(again(0).fit(X, y), in_threads(2, work))


def test_a_search(in_threads):
    def search(group=None):
        grid = {"alpha": [1e-4, 10.0]}
        return GridSearchCV(MLPClassifier(**SMALL), grid, cv=2).fit(X, y)

    one, ranks = search(), in_threads(2, search)
    assert {each.best_params_["alpha"] for each in ranks} == {one.best_params_["alpha"]}
    np.testing.assert_array_equal(
        ranks[1].cv_results_["mean_test_score"], one.cv_results_["mean_test_score"]
    )
    assert_equal(one.best_estimator_, [each.best_estimator_ for each in ranks])


def test_scikit_learns_own_class_where_it_is_accelerated(in_threads):
    with accelerated():
        one = ScikitLearns(**SMALL).fit(X, y)
        ranks = in_threads(2, lambda group: ScikitLearns(**SMALL).fit(X, y))
    assert_equal(one, ranks)


def test_a_fit_that_was_killed_goes_on_from_its_backup(in_threads, tmp_path):
    class KilledError(Exception):
        pass

    def die(estimator, record):
        if record.epoch == 3:
            raise KilledError

    def work(group, *others):
        callbacks = [Backup(tmp_path, every=0), *others]
        model = MLPClassifier(**SMALL, early_stopping=True, callbacks=callbacks)
        return model.fit(X, y)

    one = MLPClassifier(**SMALL, early_stopping=True).fit(X, y)
    assert isinstance(in_threads(2, lambda group: work(group, die))[0], KilledError)
    seen = []
    ranks = in_threads(2, lambda group: work(group, lambda _, record: seen.append(record.epoch)))
    assert seen == [3, 4]
    assert [len(model.history_) for model in ranks] == [4, 4]
    np.testing.assert_allclose(ranks[1].loss_curve_, one.loss_curve_, rtol=1e-12)
    assert_equal(one, ranks)
    assert list(tmp_path.iterdir()) == []


# shards


@pytest.mark.parametrize("labels", [y, np.array(["setosa", "b", "virginica"], object)[y]])
def test_classes_are_those_of_all_shards(in_threads, labels):
    """The rows are sorted by class: a shard has one or two of the three."""

    def fit(rows=slice(None)):
        return MLPClassifier(**SMALL, class_weight="balanced").fit(X[rows], labels[rows])

    ends = [0, 30, 110, 150]
    ranks = in_threads(3, lambda group: fit(slice(*ends[group.index : group.index + 2])), True)
    for model in ranks:
        np.testing.assert_array_equal(model.classes_, np.unique(labels))
    assert_equal(fit(), ranks)


def test_shards_of_too_few_rows_for_every_batch(in_threads):
    """The second rank has no row in most batches."""

    def fit(rows=slice(None)):
        return MLPRegressor(**{**SMALL, "batch_size": 5}).fit(X[rows], y[rows].astype(float))

    ranks = in_threads(2, lambda group: fit(slice(2, None) if group.index else slice(2)), True)
    assert_equal(fit(), ranks)
