import json
import os
import signal
import time
from contextlib import contextmanager

import pytest

from gpubackprop.backends.cuda import detection
from gpubackprop.bench import catalogue
from gpubackprop.bench.on_cpu import epochs
from gpubackprop.bench.processes import service
from tests.bench.test_sections import race

QUICK = "bench --quick --pairs 1 --only epochs --problems tiny --peers scikit_learn --folder out"


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(service, "PAUSE", 0)


def test_a_report_is_written(run, tmp_path):
    output = run(QUICK)
    assert "tiny float32 relu: ours, ms " in output
    assert "Report: out/report.html" in output
    for name in ("report.html", "report.md", "report.json", "pictures/epochs.svg"):
        assert (tmp_path / "out" / name).is_file()
    (row,) = json.loads((tmp_path / "out" / "report.json").read_text())["epochs"]["rows"]
    assert set(row["seconds"]) == {"gpubackprop", "scikit_learn"}


@pytest.mark.parametrize(
    ("option", "known"),
    [
        ("--only epoch", "epochs"),
        ("--problems digit", "mnist"),
        ("--peers torch,scikit_learn", "torch_eager"),
        ("--dtypes float16", "float32"),
        ("--activations gelu", "relu"),
    ],
)
def test_unknown_names_list_those_there_are(run, option, known):
    name, wrong = option.split()
    said = run(f"bench {option}", code=1)
    assert f"{name} {wrong}: there is no {wrong.split(',')[0]}; there are " in said
    assert known in said.partition("there are")[2]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_its_rows(run, tmp_path, monkeypatch, sent):
    @contextmanager
    def measuring(options):
        figures = race("tiny float32 relu", scikit_learn=[4.0, 4.0])
        yield lambda case: interrupt() if case.startswith("mid") else figures

    def interrupt():
        os.kill(os.getpid(), sent)
        time.sleep(5)

    monkeypatch.setattr(catalogue, "SUITE", (epochs.SECTION._replace(measuring=measuring),))
    monkeypatch.setattr(catalogue, "CLAIMS", ())
    said = run(QUICK.replace("tiny", "tiny,mid"), code=130)
    assert "Interrupted; the finished rows are kept." in said
    for page in ("report.md", "report.html"):
        assert "tiny float32 relu" in (tmp_path / "out" / page).read_text()


@pytest.mark.parametrize("option", ["--minutes -1", "--pairs 0"])
def test_less_than_nothing_is_refused(run, option):
    assert option.split()[0] in run(f"{QUICK} {option}", code=2)


def test_without_a_gpu_a_line_says_why(run, monkeypatch):
    monkeypatch.setattr(detection, "status", lambda: detection.Status(False, "no NVIDIA driver"))
    said = run("bench --quick --only step,peers --folder out")
    assert "Without a GPU these are left out: step, peers. no NVIDIA driver" in said


def test_one_option_asks_for_all_that_needs_a_gpu(run, monkeypatch):
    """The quick ones first, lest the time limit starve them."""
    monkeypatch.setattr(detection, "status", lambda: detection.Status(False, "no NVIDIA driver"))
    said = run("bench --gpu --folder out")
    assert "left out: kernels, step, host, precision, crossover, peers. no NVIDIA driver" in said
    assert "Epochs" not in said


def test_two_kinds_of_sections_are_not_asked_for_at_once(run):
    assert "--claims and --gpu measure different things" in run("bench --claims --gpu", code=1)


def test_a_folder_that_cannot_be_made(run, tmp_path):
    (tmp_path / "out").write_text("a file")
    assert "--folder out: cannot be made" in run(QUICK, code=1)
