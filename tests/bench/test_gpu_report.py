"""Rows are kept as they come, and what fails does not stop the rest."""

import json

import gpu
import pytest
from on_gpu import peers
from on_gpu.report import Report, file_name
from on_gpu.section import Section
from service import UnavailableError

SECTION = Section(
    "toys", "Toys", ["case", "value"], ["a", "b", "c"], lambda row: [row["case"], str(row["value"])]
)


@pytest.fixture
def report(tmp_path):
    return Report(tmp_path, "gpu-toy", "about this machine", {"toys": SECTION})


@pytest.fixture
def run(report, monkeypatch):
    """Measure the toys with a function of the case."""

    def measured(measure, deadline=float("inf")):
        monkeypatch.setitem(gpu.SECTIONS, "toys", SECTION)
        monkeypatch.setitem(gpu.RACES, "toys", lambda case, quick: measure(case))
        return gpu.measured(report, "toys", False, deadline)

    return measured


def row(case):
    return {"case": case, "value": 1}


def test_tables_are_written_as_json_and_markdown(run, tmp_path, capsys):
    assert run(row)
    kept = json.loads((tmp_path / "gpu-toy.json").read_text())
    assert [r["case"] for r in kept["toys"]["rows"]] == ["a", "b", "c"]
    text = (tmp_path / "gpu-toy.md").read_text()
    assert text.startswith("## Toys\n\n| case | value |")
    assert "| c    | 1     |" in text
    assert text.endswith("about this machine\n")
    assert "a | 1\n" in capsys.readouterr().out


def test_a_case_that_fails_is_reported_and_the_others_go_on(run, tmp_path):
    def measure(case):
        if case == "b":
            raise UnavailableError("its process ended with code 1: boom")
        return row(case)

    assert not run(measure)
    text = (tmp_path / "gpu-toy.md").read_text()
    assert "- b: not measured, its process ended with code 1: boom" in text
    assert "| c " in text


def test_finished_rows_are_kept_when_interrupted(run, tmp_path):
    def measure(case):
        if case == "c":
            raise KeyboardInterrupt
        return row(case)

    with pytest.raises(KeyboardInterrupt):
        run(measure)
    kept = json.loads((tmp_path / "gpu-toy.json").read_text())
    assert [r["case"] for r in kept["toys"]["rows"]] == ["a", "b"]


def test_no_row_is_begun_after_the_deadline(run, tmp_path):
    assert not run(row, deadline=0)
    assert "a: not measured, there was no time left" in (tmp_path / "gpu-toy.md").read_text()


def test_tables_of_an_earlier_run_stay(run, tmp_path):
    run(row)
    other = SECTION._replace(name="others", title="Others")
    later = Report(tmp_path, "gpu-toy", "later", {"toys": SECTION, "others": other})
    later.begin("others")
    later.add("others", row("a"))
    text = (tmp_path / "gpu-toy.md").read_text()
    assert text.index("## Toys") < text.index("## Others")
    assert text.count("about this machine") == text.count("later") == 1


def test_a_section_that_is_begun_anew_forgets_its_rows(run, tmp_path):
    run(row)
    assert run(lambda case: {"case": case, "value": 2})
    assert "| 1 " not in (tmp_path / "gpu-toy.md").read_text()


def test_a_damaged_file_of_an_earlier_run_is_replaced(tmp_path):
    (tmp_path / "gpu-toy.json").write_text("{")
    assert Report(tmp_path, "gpu-toy", "", {"toys": SECTION}).text() == ""


def test_a_file_is_named_after_the_device():
    assert file_name("NVIDIA H100 80GB HBM3", quick=False) == "gpu-nvidia-h100-80gb-hbm3"
    assert file_name("A (b)", quick=True) == "gpu-a-b-quick"


# the table of the peers


def race(case, **seconds):
    return {
        "case": case,
        "seconds": {"gpubackprop_cuda": [1.0, 1.0], **seconds},
        "left out": {"jax_cuda": "No module named 'jax'"},
        "something else": [],
    }


ROWS = [race("tiny", torch_cuda=[2.0, 2.0]), race("mid", torch_cuda=[8.0, 8.0])]


def test_geometric_means_against_the_goals():
    mean, *others = peers.conclusions(ROWS)
    assert mean == "torch_cuda / ours, geometric mean over 2 of 6 problems: 4.00, >= 3 met"
    assert others == [f"{p}: jax_cuda is left out, No module named 'jax'" for p in ("tiny", "mid")]


def test_who_has_learnt_something_else_is_marked_and_not_averaged():
    rows = [{**ROWS[0], "something else": ["torch_cuda"]}, ROWS[1]]
    assert "LEARNS SOMETHING ELSE" in peers.cells(rows[0])[2]
    assert "over 1 of 6 problems: 8.00" in peers.conclusions(rows)[0]


def test_a_row_has_a_cell_for_every_column():
    for figures in ROWS:
        assert len(peers.cells(figures)) == len(peers.SECTION.header)
    assert peers.cells(ROWS[0])[-1] == "left out"


def test_without_a_gpu_nothing_is_measured(monkeypatch, capsys, tmp_path):
    from gpubackprop.backends.cuda import detection

    monkeypatch.setattr("sys.argv", ["gpu.py", "--folder", str(tmp_path)])
    monkeypatch.setattr(detection, "status", lambda: detection.Status(False, "no NVIDIA driver"))
    assert gpu.main() == 1
    assert capsys.readouterr().out == "nothing is measured: no NVIDIA driver\n"
    assert not list(tmp_path.iterdir())


def test_figures_of_every_section_are_measured_somewhere():
    import gpu_worker

    assert {*gpu.RACES, *gpu_worker.MODULES} == {*gpu.SECTIONS}
