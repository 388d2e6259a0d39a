"""A fit that was cut off goes on where it was, and ends with the bits of one that was not."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpubackprop import Backup
from gpubackprop.backends import reference
from gpubackprop.backends.cuda import backend as cuda_backend
from gpubackprop.backends.cuda import detection
from gpubackprop.fitting.backup import keeper
from gpubackprop.fitting.engines.dense import DenseEngine
from tests.device_memory import StandInMemory
from tests.fitting.agreement import WEIGHTS, assert_bitwise_equal

from .fits import BASE, CASES, Cut, assert_same, data, fit, fitted, model

CUTS = [
    (case, int(cut))
    for case, seed in zip(CASES, range(len(CASES)), strict=True)
    for cut in np.random.RandomState(seed).choice(np.arange(2, 8), 2, replace=False)
]


@pytest.mark.parametrize(("case", "cut"), CUTS)
def test_it_ends_as_if_it_had_not_been_cut_off(case: str, cut: int, tmp_path: Path) -> None:
    whole = fit(case)
    assert whole.n_iter_ > cut
    assert fit(case, tmp_path, cut).n_iter_ == cut
    assert len(os.listdir(tmp_path)) == 1
    assert_same(fit(case, tmp_path), whole)
    assert os.listdir(tmp_path) == []


def test_there_are_twenty_cuts() -> None:
    assert len(CUTS) >= 20


def test_it_is_cut_off_again_and_again(tmp_path: Path) -> None:
    for cut in (3, 4, 9):
        fit("adam", tmp_path, cut)
    assert_same(fit("adam", tmp_path), fit("adam"))


def test_only_what_is_left_is_trained(tmp_path: Path) -> None:
    fit("adam", tmp_path, cut=6)
    seen: list[int] = []
    callbacks = [lambda _, record: seen.append(record.epoch), Backup(tmp_path)]
    fit("adam", callbacks=callbacks)
    assert seen == list(range(6, BASE["max_iter"] + 1))


def test_patience_and_the_best_epoch_are_those_before_the_cut(tmp_path: Path) -> None:
    patience = {"tol": 2.0, "n_iter_no_change": 8, "learning_rate_init": 0.5}
    whole = fit("early stopping", **patience)
    cut = 7
    best = int(np.argmax(whole.validation_scores_)) + 1
    assert best < cut - 1, "what is tested"
    assert whole.n_iter_ < BASE["max_iter"], "patience ended it"
    fit("early stopping", tmp_path, cut, **patience)
    resumed = fit("early stopping", tmp_path, **patience)
    assert resumed.n_iter_ == whole.n_iter_
    assert_same(resumed, whole)


def test_patience_of_the_loss(tmp_path: Path) -> None:
    patience = {"tol": 1e9, "n_iter_no_change": 7}
    fit("adam", tmp_path, 5, **patience)
    assert fit("adam", tmp_path, **patience).n_iter_ == 9


def test_a_state_that_nobody_can_draw_again(tmp_path: Path) -> None:
    """Weights and held-out rows of the generator that numpy.random shares."""
    np.random.seed(5)
    whole = fit("early stopping", random_state=None)
    np.random.seed(5)
    fit("early stopping", tmp_path, 5, random_state=None)
    np.random.seed(6)
    resumed = fit("early stopping", tmp_path, random_state=None)
    assert_same(resumed, whole)


def test_what_a_callback_has_changed_stays_changed(tmp_path: Path) -> None:
    def change(estimator: Any, record: Any) -> None:
        if record.epoch == 3:
            estimator.alpha, estimator.momentum, estimator.learning_rate_init = 0.1, 0.5, 0.02

    def run(cut: int | None = None, *more: Any) -> Any:
        return fit("adaptive", callbacks=[change, Cut(cut), *more])

    whole, backup = run(), Backup(tmp_path, every=0)
    run(6, backup)
    assert_same(run(None, backup), whole)


def test_a_warm_start_goes_on_within_its_own_fit(tmp_path: Path) -> None:
    def run(cut: int | None, folder: Path | None) -> Any:
        X, y = data("early stopping")
        warm = fitted(model("early stopping", warm_start=True, max_iter=4), X, y)
        again = model("early stopping", folder, cut, warm_start=True, max_iter=6)
        return fitted(warm.set_params(**again.get_params()), X, y)

    whole = run(None, None)
    run(4, tmp_path)
    assert_same(run(None, tmp_path), whole)


def test_more_epochs_than_before(tmp_path: Path) -> None:
    fit("adam", tmp_path, 6, max_iter=8)
    assert_same(fit("adam", tmp_path), fit("adam"))


def test_saves_are_made_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each epoch takes 25 seconds, by this clock."""
    clock = iter(range(0, 10**6, 25))
    saved: list[int] = []

    def write(path: Path, description: dict[str, Any], arrays: Any) -> None:
        saved.append(description["history"]["n_iter_"])

    monkeypatch.setattr(keeper, "monotonic", lambda: next(clock))
    monkeypatch.setattr(keeper.container, "write", write)
    fit("adam", callbacks=Backup(tmp_path))
    assert saved[0] == 3
    assert len(saved) in (3, 4)  # 13 epochs after which a fit goes on, and the saves' own looks


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let "cuda" be memory apart from the process's."""
    apart = reference.backend._replace(name="cuda", memory=StandInMemory())
    monkeypatch.setattr(detection, "require", lambda index: None)
    monkeypatch.setattr(cuda_backend, "backend", lambda index, rounding: apart)


@pytest.mark.usefixtures("gpu")
def test_what_fails_on_a_gpu_leaves_the_weights_of_the_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: DenseEngine, *_: Any) -> float:
        self._net.theta[...] = np.nan  # a step that ended half-way
        raise MemoryError

    fit("adam", tmp_path, 5, device="cuda")
    monkeypatch.setattr(DenseEngine, "run", fail)
    again = model("adam", tmp_path, device="cuda")
    with pytest.raises(MemoryError):
        again.fit(*data("adam"), sample_weight=WEIGHTS)
    monkeypatch.undo()
    np.testing.assert_array_equal(
        again.coefs_[0], fit("adam", backend="reference", max_iter=4).coefs_[0]
    )


@pytest.mark.usefixtures("gpu")
def test_a_gpus_memory_is_read(tmp_path: Path) -> None:
    """A fit on a GPU goes on there, and on the CPU."""
    whole = fit("adam", device="cuda")
    fit("adam", tmp_path, 5, device="cuda")
    assert_same(fit("adam", tmp_path, device="cuda"), whole)
    fit("adam", tmp_path, 5, device="cuda")
    assert_bitwise_equal(fit("adam", tmp_path, backend="reference"), whole)


PROGRAM = """
import os, signal, sys
from gpubackprop import Backup
from tests.backup.fits import fit

folder, ending, epoch = sys.argv[1:]

def end(estimator, record):
    if record.epoch == int(epoch):
        os.kill(os.getpid(), getattr(signal, ending))

fit("early stopping", callbacks=[end, Backup(folder, every=0)])
"""


def test_a_process_goes_on_after_others_were_killed(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "state"

    def run(ending: str, epoch: int) -> int:
        command = [sys.executable, "-c", PROGRAM, str(folder), ending, str(epoch)]
        return subprocess.run(command, check=False).returncode

    assert run("SIGKILL", 4) == -signal.SIGKILL
    assert len(os.listdir(folder)) == 1
    assert run("SIGTERM", 8) == -signal.SIGTERM
    assert len(os.listdir(folder)) == 1
    assert_same(fit("early stopping", folder), fit("early stopping"))
    assert os.listdir(folder) == []
