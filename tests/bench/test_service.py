"""Measuring processes that fail: what is said of them, and that the others go on."""

from contextlib import closing

import pytest

from gpubackprop.bench.options import Options
from gpubackprop.bench.processes import service
from gpubackprop.bench.processes.duel import duel
from gpubackprop.bench.processes.service import (
    CrashError,
    Restarted,
    Service,
    UnavailableError,
    in_turn,
)

HEAD = "from gpubackprop.bench.processes import service\n"


@pytest.fixture
def start():
    """Start a process that runs this code."""
    started = []

    def run(code, **named):
        started.append(Service("-c", HEAD + code, **named))
        return started[-1]

    yield run
    for each in started:
        each.close()


def test_what_is_asked_for_arrives(start):
    asked = start("service.answer({}, lambda what: {'asked': what})")
    assert asked.ask("relu; 3 x 4") == {"asked": "relu; 3 x 4"}
    assert asked.ask("") == {"asked": ""}


def test_what_libraries_print_is_no_answer(start):
    chatty = start("print('AUTOTUNE mm(3x4)'); service.answer({}, lambda what: {'seconds': 1})")
    assert chatty.ask() == {"seconds": 1}


def test_a_crash_is_told_with_its_last_line(start, capfd):
    with pytest.raises(CrashError, match=r"code 1: RuntimeError: an illegal address$"):
        start("raise RuntimeError('an illegal address')")
    assert "Traceback" in capfd.readouterr().err


def test_a_process_that_declines_is_no_crash(start):
    with pytest.raises(UnavailableError, match=r"^no torch here$") as told:
        start("service.decline('no torch here')")
    assert not isinstance(told.value, CrashError)


def test_one_that_cannot_do_this_can_do_other_things(start):
    able = start("service.answer({}, lambda what: {'left_out': 'no'} if what else {'seconds': 1})")
    with pytest.raises(UnavailableError, match=r"^no$"):
        able.ask("float16")
    assert able.ask() == {"seconds": 1}


def test_a_process_that_does_not_answer_is_ended(start):
    with pytest.raises(CrashError, match="code -9: it said nothing"):
        start("import threading; threading.Event().wait()", patience=0.5)


def test_who_ends_is_left_out_and_the_others_go_on(start, monkeypatch):
    monkeypatch.setattr(service, "PAUSE", 0)
    good = start("service.answer({}, lambda what: {'seconds': 2.0})")
    bad = start("service.answer({}, lambda what: {'seconds': 1 / 0})")
    seconds, lost = in_turn({"good": good, "bad": bad}, rounds=3)
    assert seconds == {"good": [2.0, 2.0, 2.0]}
    assert "ZeroDivisionError: division by zero" in str(lost["bad"])


def test_after_a_crash_there_is_another():
    asked = Restarted("-c", f"{HEAD}service.answer({{}}, lambda what: {{'half': 1 / int(what)}})")
    with closing(asked):
        with pytest.raises(CrashError, match="division by zero"):
            asked.ask("0")
        assert asked.ask("2") == {"half": 0.5}


def test_a_process_that_cannot_be_started_says_so_when_asked():
    with closing(Restarted("-c", "1 / 0")) as asked:
        for _ in range(2):
            with pytest.raises(CrashError, match="division by zero"):
                asked.ask()


def test_a_duel_that_cannot_start_fails_case_by_case():
    with duel("no_such_module")(Options()) as measure:
        for case in ("a", "b"):
            with pytest.raises(CrashError, match="No module named 'no_such_module'"):
                measure(case)


def test_the_working_directory_hides_no_module(tmp_path, monkeypatch):
    for name in ("json", "gpubackprop"):  # a checkout has a folder of this name, without this one
        (tmp_path / f"{name}.py").write_text("raise ImportError('found in the working directory')")
    monkeypatch.chdir(tmp_path)
    asked = Service(*service.module("worker"), "numpy")
    asked.close()
    assert asked.ready == {}


def test_what_a_dead_process_has_started_is_ended(start):
    """A compiler's worker holds the output open, so that nobody sees that it is dead."""
    child = "subprocess.Popen(['sleep', '60'])"
    with pytest.raises(CrashError, match="code 3"):
        start(f"import os, subprocess; {child}; os._exit(3)", patience=0.5)
