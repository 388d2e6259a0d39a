"""A run and its report: rows are kept as they come, and what fails does not stop the rest."""

import json
import re
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from gpubackprop.backends.cuda import detection
from gpubackprop.bench.options import Options
from gpubackprop.bench.processes.service import CrashError, UnavailableError
from gpubackprop.bench.report.part import without_empty_columns
from gpubackprop.bench.report.report import Report
from gpubackprop.bench.report.section import Section, always
from gpubackprop.bench.run import machine, run


def draw(figure, rows):
    figure.subplots().plot([row["value"] for row in rows], label="a < b")


def toys(measure=lambda case: row(case), **changes):
    @contextmanager
    def measuring(options):
        yield measure

    return Section(
        name="toys",
        title="Toys & <games>",
        about="What toys cost.",
        header=["case", "value", "never"],
        cases=always("a", "b", "c"),
        measuring=measuring,
        cells=lambda row: [row["case"], str(row["value"]), ""],
        conclusions=lambda rows: [f"{len(rows)} toys"],
        draw=draw,
    )._replace(**changes)


def row(case, value=1):
    return {"case": case, "value": value}


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Run sections into a report; returns whether that went well, the report, what was said."""
    monkeypatch.setattr(detection, "status", lambda: detection.Status(False, "no NVIDIA driver"))

    def go(*sections, known=None, deadline=float("inf"), machine="this machine"):
        said = []
        report = Report(tmp_path, machine, known or sections)
        sound = run(report, sections, Options(), deadline, said.append)
        report.finish()
        return sound, report, "\n".join(said)

    return go


def kept(folder, section="toys"):
    return json.loads((folder / "report.json").read_text())[section]


def text(folder):
    return (folder / "report.md").read_text()


def test_rows_are_written_as_json_and_markdown(measured, tmp_path):
    sound, _, said = measured(toys())
    assert sound
    assert [r["case"] for r in kept(tmp_path)["rows"]] == ["a", "b", "c"]
    written = text(tmp_path)
    assert written.startswith("## Toys & <games>\n\nWhat toys cost.\n\n![")
    assert "| c    | 1     |\n\n- 3 toys\n\nthis machine\n" in written
    assert "never" not in written
    assert "  3/3  c: value 1" in said


def test_the_page_needs_nothing_beside_it(measured, tmp_path):
    measured(toys())
    page = (tmp_path / "report.html").read_text()
    assert "<h2>Toys &amp; &lt;games&gt;</h2>" in page
    assert "<td>c</td><td>1</td>" in page
    sources = re.findall(r'(?:src|href)="([^"]{5})', page)
    assert sources == ["#toys", "data:"]


def test_pictures_are_the_same_for_the_same_figures(measured, tmp_path):
    drawn = []
    for _ in range(2):
        measured(toys())
        drawn.append((tmp_path / "pictures" / "toys.svg").read_text())
    assert drawn[0] == drawn[1]
    assert drawn[0].startswith("<?xml")


def test_without_matplotlib_there_are_no_pictures(measured, tmp_path):
    def missing(figure, rows):
        raise ImportError("no matplotlib")

    measured(toys(draw=missing))
    assert "![" not in text(tmp_path)
    assert not (tmp_path / "pictures").exists()


def test_a_case_that_fails_is_reported_and_the_others_go_on(measured, tmp_path):
    def measure(case):
        if case == "b":
            raise CrashError("its process ended with code 1: boom")
        return row(case)

    sound, _, said = measured(toys(measure))
    assert not sound
    assert "- b: not measured, its process ended with code 1: boom" in text(tmp_path)
    assert "| c " in text(tmp_path)
    assert "b: not measured, its process ended" in said


def test_a_library_that_is_not_there_is_no_failure(measured, tmp_path):
    def measure(case):
        raise UnavailableError("No module named 'jax'")

    sound, *_ = measured(toys(measure))
    assert sound
    assert "- a: not measured, No module named 'jax'" in text(tmp_path)
    assert "0 toys" not in text(tmp_path)  # nothing is concluded from no rows


def test_finished_rows_are_kept_when_interrupted(measured, tmp_path):
    def measure(case):
        if case == "c":
            raise KeyboardInterrupt
        return row(case)

    with pytest.raises(KeyboardInterrupt):
        measured(toys(measure))
    assert [r["case"] for r in kept(tmp_path)["rows"]] == ["a", "b"]
    assert "| b " in text(tmp_path)


def test_no_row_is_begun_after_the_deadline(measured, tmp_path, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("gpubackprop.bench.run.time.monotonic", lambda: clock.now)

    def measure(case):
        clock.now = 2.0
        return row(case)

    sound, *_ = measured(toys(measure), deadline=1.0)
    assert not sound
    assert [r["case"] for r in kept(tmp_path)["rows"]] == ["a"]
    assert "b: not measured, there was no time left; see --minutes" in text(tmp_path)


def test_no_section_is_begun_after_the_deadline(measured, tmp_path):
    sound, _, said = measured(toys(), deadline=0)
    assert not sound
    for written in (said, text(tmp_path)):
        assert "there was no time left; see --minutes" in written


def test_what_no_time_is_left_for_stays(measured, tmp_path):
    measured(toys())
    measured(toys(), deadline=0)
    assert "| c " in text(tmp_path)


def test_a_section_interrupted_before_its_first_row_stays(measured, tmp_path):
    def interrupt(case):
        raise KeyboardInterrupt

    measured(toys(), machine="earlier")
    with pytest.raises(KeyboardInterrupt):
        measured(toys(interrupt), machine="later")
    report = Report(tmp_path, "later", [toys()])
    report.begin("toys")
    report.finish()
    assert "| c " in text(tmp_path)
    assert "earlier" in text(tmp_path)


def test_a_missing_gpu_leaves_sections_out_and_is_no_failure(measured, tmp_path):
    needs = [toys(name=name, title=name, needs_gpu=True) for name in ("peers", "step")]
    sound, _, said = measured(toys(), *needs)
    assert sound
    assert said.endswith("Without a GPU these are left out: peers, step. no NVIDIA driver")
    assert "## Not measured\n\n- peers: no NVIDIA driver\n- step: no NVIDIA" in text(tmp_path)


def test_what_was_once_measured_on_a_gpu_stays(measured, tmp_path, monkeypatch):
    monkeypatch.setattr(detection, "status", lambda: detection.Status(True, "a GPU"))
    measured(toys(needs_gpu=True))
    monkeypatch.setattr(detection, "status", lambda: detection.Status(False, "no GPU"))
    measured(toys(needs_gpu=True))
    assert "| c " in text(tmp_path)
    assert "Not measured" not in text(tmp_path)


def test_sections_of_an_earlier_run_stay(measured, tmp_path):
    measured(toys(), machine="earlier")
    other = toys(name="others", title="Others")
    measured(other, known=(toys(), other), machine="later")
    written = text(tmp_path)
    assert written.index("## Toys") < written.index("## Others")
    assert written.count("earlier") == written.count("later") == 1


def test_a_section_that_is_begun_anew_forgets_its_rows(measured, tmp_path):
    measured(toys())
    measured(toys(lambda case: row(case, 2)))
    assert "| 1 " not in text(tmp_path)


@pytest.mark.parametrize(
    "damaged",
    [
        *("{", "[]", "null", '{"toys": 3}', '{"toys": {"rows": [{"cases": 1}]}}'),
        '{"toys": {"machine": 5, "rows": [], "missing": {}}}',
    ],
)
def test_what_an_earlier_release_has_left_is_replaced(tmp_path, damaged):
    (tmp_path / "report.json").write_text(damaged)
    assert Report(tmp_path, "", [toys()]).parts() == []


def test_rows_that_cannot_be_drawn_have_no_picture(measured, tmp_path):
    def refuse(figure, rows):
        raise ValueError("rows of another release")

    sound, *_ = measured(toys(draw=refuse))
    assert sound
    assert "| c " in (tmp_path / "report.md").read_text()
    assert (tmp_path / "report.html").is_file()


def test_columns_that_no_row_has_are_left_out():
    header, rows = without_empty_columns(["a", "b"], [["1", ""], ["", ""]])
    assert (header, rows) == (["a"], [["1"], [""]])


def test_the_machine_is_named_with_versions():
    words = machine(Options(quick=True))
    assert words.startswith("toy sizes, the ratios mean nothing; cpu ")
    for word in ("cores", "numpy ", "scikit-learn ", "gpubackprop "):
        assert word in words


def test_rows_of_another_release_are_not_lost(measured, tmp_path):
    foreign = {"toys": {"rows": [{"cases": 1}]}, "later": {"rows": []}}
    (tmp_path / "report.json").write_text(json.dumps(foreign))
    other = toys(name="others")
    measured(other, known=(toys(), other))
    assert {name: kept(tmp_path, name) for name in foreign} == foreign


def test_what_cannot_be_concluded_costs_no_row(measured, tmp_path):
    measured(toys(conclusions=lambda rows: [str(1 / 0)]))
    assert "| c " in text(tmp_path)
    assert "- nothing can be concluded: division by zero" in text(tmp_path)
