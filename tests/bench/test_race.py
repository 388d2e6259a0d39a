"""A race of contestants: equal work, who cannot take part, who falls."""

import logging

import pytest

from gpubackprop import MLPClassifier
from gpubackprop.bench import contestants
from gpubackprop.bench.contestants.estimator import EstimatorContestant
from gpubackprop.bench.options import Options
from gpubackprop.bench.problems import PROBLEMS
from gpubackprop.bench.processes import race as race_module
from gpubackprop.bench.processes import service
from gpubackprop.bench.processes.race import Race, compared, ratio, remarks
from gpubackprop.bench.processes.service import CrashError, Service, UnavailableError
from gpubackprop.bench.start import start
from tests.bench.in_this_process import InThisProcess

OURS = contestants.OURS
QUICK = Options(quick=True, pairs=2)
TASKS = (
    ("tiny", "float32", "relu"),
    ("mid", "float64", "tanh"),
    ("digits", "float64", "logistic"),
)


def started(*command, **named):
    """A contestant in this process; what is none, and what falls, in one of its own."""
    known = command[0] == "-m" and command[-1] in contestants.NAMES
    return (InThisProcess if known else Service)(*command, **named)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(service, "PAUSE", 0)
    monkeypatch.setattr(race_module, "Service", started)


def test_all_do_the_same_work_on_every_problem():
    """A beginner's NumPy, our reference and scikit-learn find our loss."""
    others = ("scikit_learn", "numpy", "reference", contestants.FLOOR)
    with Race(OURS, others, QUICK) as race:
        rows = [race.run(name, PROBLEMS[name], *how) for name, *how in TASKS]
    for figures, tolerance in zip(rows, (1e-5, 1e-12, 1e-12), strict=True):
        assert set(figures["seconds"]) == {OURS, *others}
        assert all(len(seconds) == 2 for seconds in figures["seconds"].values())
        assert figures["problem"]["rows"] == 50
        differences = figures["losses differ by"]
        assert set(differences) == {"scikit_learn", "numpy", "reference"}
        assert max(differences.values()) < tolerance
        assert figures["something else"] == []


def test_without_ours_there_is_no_race():
    with Race("no_such_contestant", (), QUICK) as race:  # noqa: SIM117
        with pytest.raises(UnavailableError, match="invalid choice"):
            race.run("tiny", PROBLEMS["tiny"], "float32", "relu")


def test_one_that_is_not_there_is_left_out_and_one_that_falls_takes_part_in_the_next():
    with Race(OURS, ("numpy", "no_such_contestant"), QUICK) as race:
        figures = race.run("tiny", PROBLEMS["tiny"], "float32", "relu")
        assert set(figures["seconds"]) == {OURS, "numpy"}
        assert "invalid choice" in figures["left out"]["no_such_contestant"]
        race._services["numpy"].close()
        race._services["numpy"] = Service("-c", "print('{}')")  # ends at once
        fallen = race.run("tiny", PROBLEMS["tiny"], "float32", "relu")
        again = race.run("tiny", PROBLEMS["tiny"], "float32", "relu")
    assert "its process ended" in fallen["left out"]["numpy"]
    assert "numpy" in again["seconds"]


def test_a_compiled_peer_is_told_that_its_data_stay_where_they_are(monkeypatch):
    """Else its graphs copy all of X at every step; what it learns stays the same."""
    torch = pytest.importorskip("torch")
    from gpubackprop.bench.contestants.enter_torch_compiled_cuda import TorchCompiledCuda
    from gpubackprop.bench.contestants.enter_torch_fused import TorchFused

    told = []
    monkeypatch.setattr(torch._dynamo, "mark_static_address", told.append)
    monkeypatch.setattr(torch, "compile", lambda function, **how: function)
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: None)
    problem = PROBLEMS["tiny"].smallest()
    begin = start(problem, "float32", "relu")
    compiled, eager = (
        peer(begin, problem, "relu", "cpu") for peer in (TorchCompiledCuda, TorchFused)
    )
    assert [id(each) for each in told] == [id(compiled._X), id(compiled._labels)]
    assert compiled.train(3).losses == eager.train(3).losses


# what is said of it


def ready(**losses):
    return {name: {"losses": [loss], "versions": {}} for name, loss in losses.items()}


def test_losses_are_compared_with_ours():
    found = compared(ready(ours=2.0, jax_cuda=2.001, torch_cuda=2.0008), "ours", "mid", "float32")
    assert found["losses differ by"]["jax_cuda"] == pytest.approx(5e-4)
    assert found["something else"] == ["jax_cuda"]


def test_float64_has_to_agree_to_more():
    found = compared(
        ready(ours=2.0, jax_scan=2.00001, torch_eager=2.0001), "ours", "mid", "float64"
    )
    assert found["something else"] == ["jax_scan"]


def test_where_gradients_are_as_small_as_epsilon_its_place_is_no_other_learning():
    """Losses of `deep` as measured: PyTorch's own, and with a rate that is a tenth higher."""
    losses = {"torch_cuda": 6.74926, "torch_graphed": 6.92520, "jax_cuda": 6.74926}
    found = compared(ready(ours=6.71785, **losses), "ours", "deep", "float32")
    assert found["something else"] == ["torch_graphed", "jax_cuda"]


def test_a_loss_that_is_no_number_is_something_else():
    found = compared(ready(ours=2.0, torch_cuda=float("nan")), "ours", "deep", "float32")
    assert found["something else"] == ["torch_cuda"]


def row(**changes):
    return {
        "case": "tiny",
        "seconds": {"ours": [1.0, 2.0, 4.0], "floor": [0.5, 1.0, 1.0], "other": [3.0, 4.0, 20.0]},
        "losses differ by": {"other": 1e-6},
        "something else": [],
        "left out": {"jax_scan": "No module named 'jax'"},
        "versions": {"other": {"other": "1.0", "threads": "2"}},
        **changes,
    }


def test_ratios_are_of_pairs_and_floors_are_below_us():
    assert ratio(row(), "ours", "other") == (3.0, 2.0, 5.0)
    assert ratio(row(), "ours", "floor") == (2.0, 2.0, 4.0)


def test_who_is_left_out_everywhere_is_named_once():
    said = remarks([row(), row(case="mid")])
    assert said == [
        "losses of the first epoch agree to 1e-06",
        "jax_scan is left out: No module named 'jax'",
        "compared: other (other 1.0, threads 2)",
    ]


def test_something_else_comes_first():
    first, *others = remarks([row(**{"something else": ["other"]})])
    assert first == "other LEARNS SOMETHING ELSE on tiny: its first loss differs by 1e-06"
    assert not any("agree" in line for line in others)


def test_one_that_crashes_at_its_start_is_started_again(monkeypatch):
    kept, commands = race_module.module, iter([("-c", "raise MemoryError")])
    monkeypatch.setattr(
        race_module, "module", lambda name: next(commands, None) or kept(name)
    )  # the first to be started is ours
    with Race(OURS, (), QUICK) as race:
        with pytest.raises(CrashError, match="MemoryError"):
            race.run("tiny", PROBLEMS["tiny"], "float32", "relu")
        again = race.run("tiny", PROBLEMS["tiny"], "float32", "relu")
    assert set(again["seconds"]) == {OURS}


def test_a_contestant_of_ours_trains_by_our_engine(caplog):
    """Methods that only take the time are not taken for a user's own."""
    contestant = EstimatorContestant(MLPClassifier, PROBLEMS["digits"], "float32", "relu")
    with caplog.at_level(logging.INFO, "gpubackprop"):
        contestant.train(1)
    assert "left to scikit-learn" not in caplog.text
