"""How a fit with a backup ends: by a signal, an interrupt, a full disk."""

import errno
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gpubackprop import Backup
from gpubackprop.fitting.backup.keeper import Keeper
from gpubackprop.fitting.backup.led_keeper import LedKeeper
from gpubackprop.fitting.backup.termination import Termination

from .fits import assert_same, fit


def terminate(estimator: Any, record: Any) -> None:
    if record.epoch == 6:
        signal.raise_signal(signal.SIGTERM)


@pytest.fixture
def handler() -> Any:
    """Set a handler of the program's own; yields how often it was called."""
    calls: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: calls.append(number))
    yield calls
    signal.signal(signal.SIGTERM, before)


def test_a_handler_of_the_programs_own_is_called_after_the_save(
    handler: list[int], tmp_path: Path
) -> None:
    saved: list[bool] = []
    signal.signal(signal.SIGTERM, own := lambda *_: saved.append(any(tmp_path.iterdir())))
    resumed = fit("adam", callbacks=[terminate, Backup(tmp_path)])
    assert saved == [True]
    assert signal.getsignal(signal.SIGTERM) is own
    assert_same(resumed, fit("adam"))


def test_a_handler_that_leaves(tmp_path: Path, handler: list[int]) -> None:
    def leave(number: int, frame: Any) -> None:
        raise SystemExit(143)

    program = signal.signal(signal.SIGTERM, leave)
    with pytest.raises(SystemExit):
        fit("adam", callbacks=[terminate, Backup(tmp_path)])
    assert signal.signal(signal.SIGTERM, program) is leave
    assert_same(fit("adam", callbacks=Backup(tmp_path)), fit("adam"))


def test_in_another_thread_the_signal_is_left_alone(handler: list[int], tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[Any] = []

    def look(estimator: Any, record: Any) -> None:
        seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(
        target=fit, args=("adam",), kwargs={"callbacks": [look, Backup(tmp_path)]}
    )
    thread.start()
    thread.join()
    assert set(seen) == {before}


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path, handler: list[int]) -> None:
    program = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    fit("adam", callbacks=[terminate, Backup(tmp_path)])
    assert signal.signal(signal.SIGTERM, program) is signal.SIG_IGN


def test_a_second_signal_does_not_wait(handler: list[int]) -> None:
    with Termination() as termination:
        signal.raise_signal(signal.SIGTERM)
        assert (handler, termination.waits) == ([], True)
        signal.raise_signal(signal.SIGTERM)
        assert (handler, termination.waits) == ([signal.SIGTERM], False)


def test_a_signal_is_not_lost_to_an_error(handler: list[int]) -> None:
    with suppress(ZeroDivisionError), Termination():
        signal.raise_signal(signal.SIGTERM)
        raise ZeroDivisionError
    assert handler == [signal.SIGTERM]


def test_a_signal_in_the_last_epoch_leaves_the_file(handler: list[int], tmp_path: Path) -> None:
    def last(estimator: Any, record: Any) -> bool:
        if record.epoch == 6:
            signal.raise_signal(signal.SIGTERM)
        return record.epoch == 6

    fit("adam", callbacks=[last, Backup(tmp_path, every=0)])
    assert handler == [signal.SIGTERM]
    assert len(os.listdir(tmp_path)) == 1


class _BesideOneThatEnds:
    """The first of two ranks, the other of which was sent a signal."""

    def exchange(self, value: Any) -> list[Any]:
        return [value, True]


def test_another_ranks_signal_in_the_last_epoch_leaves_the_file(
    handler: list[int], tmp_path: Path
) -> None:
    (file := tmp_path / "fit.backup").touch()
    with Termination() as termination:
        keeper = Keeper.__new__(Keeper)
        keeper._path, keeper.termination = file, termination
        LedKeeper(keeper, None, _BesideOneThatEnds(), termination).finished()  # type: ignore[arg-type]
    assert file.exists()
    assert handler == [signal.SIGTERM]


def test_an_interrupt_leaves_the_file(tmp_path: Path) -> None:
    def interrupt(estimator: Any, record: Any) -> None:
        if record.epoch == 6:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        fit("early stopping", callbacks=[interrupt, Backup(tmp_path, every=0)])
    assert_same(fit("early stopping", callbacks=Backup(tmp_path)), fit("early stopping"))


def test_a_full_disk_does_not_end_a_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(UserWarning, match=r"No space left on device.*goes on without a backup"):
        assert_same(fit("adam", tmp_path), fit("adam"))
