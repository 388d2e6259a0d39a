"""Every section runs in its smallest form, so that none rots; what is drawn from its rows."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score

from gpubackprop.bench import catalogue
from gpubackprop.bench.on_cpu import (
    end_to_end,
    epochs,
    first_fit,
    memory,
    roofline,
    rounding,
    scaling,
    tables,
)
from gpubackprop.bench.on_gpu import crossover, peers
from gpubackprop.bench.options import Options
from gpubackprop.bench.processes import duel, own_process, service
from gpubackprop.bench.processes import race as races
from gpubackprop.bench.report.part import part_of
from gpubackprop.bench.report.pictures import svg
from gpubackprop.bench.report.report import Report
from gpubackprop.bench.run import run
from gpubackprop.kernels.native import store
from tests.bench.in_this_process import InThisProcess

SMALLEST = Options(quick=True, problems=("digits",), peers=("numpy", "floor"), pairs=1)
EVERY = [*catalogue.SUITE, *catalogue.IF_NAMED]
ON_CPU = [section for section in EVERY if not section.needs_gpu]


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(service, "PAUSE", 0)


APART = {"prediction", "memory"}
"""Sections that are measured in processes of their own here too, one of each kind."""


@pytest.fixture
def fewer_starts(monkeypatch, request):
    if request.getfixturevalue("section").name not in APART:
        monkeypatch.setattr(duel, "Restarted", InThisProcess)
        monkeypatch.setattr(own_process, "Restarted", InThisProcess)
        monkeypatch.setattr(races, "Service", InThisProcess)
    # the first fit finds what is compiled already: `test_store.py` has processes that do not
    kept = SimpleNamespace(TemporaryDirectory=lambda: nullcontext(str(store.directory())))
    monkeypatch.setattr(first_fit, "tempfile", kept)


@pytest.mark.usefixtures("fewer_starts")
@pytest.mark.parametrize("section", ON_CPU, ids=lambda section: section.name)
def test_a_section_runs(section, tmp_path):
    said = []
    report = Report(tmp_path, "this machine", [section])
    sound = run(report, [section], SMALLEST, float("inf"), said.append)
    assert sound, "\n".join(said)
    report.finish()
    (part,) = report.parts()
    assert [cells[0] for cells in part.rows] == list(section.cases(SMALLEST))
    assert part.lines
    assert (part.picture is None) == (section.draw is None)


def test_names_of_sections_are_their_own():
    names = [section.name for section in (*EVERY, *catalogue.CLAIMS)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("section", EVERY, ids=lambda section: section.name)
def test_a_section_has_cases_and_says_what_it_is(section):
    for options in (Options(), SMALLEST):
        cases = section.cases(options)
        assert cases
        assert len(set(cases)) == len(cases)
    assert section.about.endswith(".")


# epochs


def race(case, rows=1797, **seconds):
    return {
        "case": case,
        "problem": {"rows": rows},
        "seconds": {"gpubackprop": [1.0, 1.0], **seconds},
        "left out": {"jax_scan": "No module named 'jax'"},
        "losses differ by": {},
        "something else": [],
        "versions": {},
    }


def test_goals_are_counted_and_those_missed_are_named():
    rows = [race("digits float32 relu", scikit_learn=[4.0, 4.0], torch_eager=[7.0, 7.0])]
    whole, goals, *_ = epochs.conclusions(rows)
    assert whole.endswith("geometric means over the rows: scikit_learn 4.00, torch_eager 7.00")
    assert goals == (
        "1 of the project's 2 goals for these rows are met; "
        "digits float32 relu, scikit_learn: 4.00, goal >= 5 MISSED"
    )


def test_who_has_learnt_something_else_is_no_gain():
    wrong = {"something else": ["numpy"], "losses differ by": {"numpy": 1.0}}
    rows = [race("tiny float32 relu", numpy=[9.0, 9.0]) | wrong]
    rows += [race("mid float32 relu", numpy=[4.0, 4.0])]
    whole, *_ = epochs.conclusions(rows)
    assert whole.endswith("geometric means over the rows: numpy 4.00")


def test_toy_problems_have_no_goals():
    rows = [race("digits float32 relu", rows=50, scikit_learn=[4.0, 4.0])]
    assert not any("goal" in line for line in epochs.conclusions(rows))


@pytest.mark.parametrize("said", ["1.20, goal <= 1 MISSED", "0.50, goal <= 1 met"])
def test_toy_sizes_judge_no_goal(said):
    section = epochs.SECTION._replace(
        header=["case", "goal"],
        cells=lambda figures: ["tiny", said],
        conclusions=lambda rows: ["an introduction", said],
    )
    kept = {"machine": "this one", "missing": {}, "rows": [{"case": "tiny"}]}
    judged = part_of(section, kept)
    assert judged.rows == [["tiny", said]]
    assert judged.lines == ["an introduction", said]
    toy = part_of(section, {**kept, "rows": [{"case": "tiny", "toy": True}]})
    unjudged = f"{said.rpartition(' ')[0]} (not judged: toy sizes)"
    assert toy.rows == [["tiny", unjudged]]
    assert toy.lines == ["an introduction", unjudged]


# the GPU beside other libraries


def on_gpu(case, **seconds):
    found = race(case, **seconds)
    return {**found, "seconds": {"gpubackprop_cuda": [1.0, 1.0], **seconds}}


ON_GPU = [on_gpu("tiny", torch_cuda=[2.0, 2.0]), on_gpu("mid", torch_cuda=[8.0, 8.0])]


def test_geometric_means_against_the_goals():
    mean, *_ = peers.conclusions(ON_GPU)
    assert mean == "torch_cuda / ours, geometric mean over 2 of 6 problems: 4.00, >= 3 met"


def test_who_has_learnt_something_else_is_not_averaged():
    wrong = {"something else": ["torch_cuda"], "losses differ by": {"torch_cuda": 1.0}}
    rows = [{**ON_GPU[0], **wrong}, ON_GPU[1]]
    assert "LEARNS SOMETHING ELSE" in peers.cells(rows[0])[2]
    assert "over 1 of 6 problems: 8.00" in peers.conclusions(rows)[0]


def test_a_row_has_a_cell_for_every_column():
    for figures in ON_GPU:
        assert len(peers.cells(figures)) == len(peers.SECTION.header)
    assert peers.cells(ON_GPU[0])[-1] == "left out"
    assert b"<svg" in svg(peers.SECTION, ON_GPU)


# the crossover


def both(width, cpu, gpu):
    return race(f"width {width}", gpubackprop_cuda=[gpu]) | {
        "seconds": {"gpubackprop": [cpu], "gpubackprop_cuda": [gpu]}
    }


def test_the_crossover_is_where_the_lines_meet():
    """From 1 against 4 to 16 against 4, over a decade: they meet halfway."""
    rows = [both(10, 1.0, 4.0), both(1000, 16.0, 4.0), both(2000, 64.0, 4.0)]
    cpu, gpu = (crossover.by_width(rows)[name] for name in ("gpubackprop", "gpubackprop_cuda"))
    width, milliseconds = crossover.crossing(cpu, gpu)
    assert width == pytest.approx(100)
    assert milliseconds == pytest.approx(4000)
    assert crossover.conclusions(rows)[0] == "the GPU is faster from a width of about 100 on"
    assert svg(crossover.SECTION, rows)


@pytest.mark.parametrize(("cpu", "faster"), [(1.0, "CPU"), (9.0, "GPU")])
def test_there_may_be_no_crossover(cpu, faster):
    rows = [both(width, cpu, 4.0) for width in (10, 100)]
    said = crossover.conclusions(rows)[0]
    assert said == f"the {faster} is faster at all these widths"
    assert svg(crossover.SECTION, rows)


def test_the_cpu_may_be_left_out():
    rows = [on_gpu("width 10")]
    assert crossover.cells(rows[0])[2:] == ["left out", ""]
    assert crossover.conclusions(rows)
    assert svg(crossover.SECTION, rows)


# precisions, emulated


def test_operands_are_rounded_to_the_nearest_and_ties_to_even():
    rng = np.random.default_rng(0)
    M = (rng.standard_normal((64, 8)) * 10.0 ** rng.integers(-9, 9, (64, 8))).astype(np.float32)
    for fraction in rounding.FRACTION.values():
        part, exponent = np.frexp(M.astype(np.float64))  # whose significand is below 1
        nearest = np.ldexp(np.rint(np.ldexp(part, fraction + 1)), exponent - fraction - 1)
        np.testing.assert_array_equal(rounding.rounded(M, fraction), nearest)
        np.testing.assert_array_equal(rounding.rounded(M.T, fraction), nearest.T)


def test_fewer_bits_are_further_from_float64():
    every = [rounding.measure(case, True)["error"] for case in ("float32", "tf32", "bf16")]
    for name in ("product", "gradient", "loss"):
        fine, coarse, coarser = (error[name] for error in every)
        assert fine < 1e-6 < coarse < coarser < 1e-2


# other sections


def test_scores_that_differ_are_told():
    def figures(score):
        found = {"gpubackprop": {"score": 0.9, "epochs": 3}, "scikit_learn": {"score": score}}
        seconds = {"gpubackprop": [1.0], "scikit_learn": [3.0]}
        return {"case": "iris", "found": found, "seconds": seconds}

    assert end_to_end.conclusions([figures(0.905)]) == [
        "scikit-learn takes 3.00 to 3.00 times as long as ours, "
        "for test scores that agree to within 0.01"
    ]
    assert end_to_end.conclusions([figures(0.8)]) == ["iris: THE SCORES DIFFER by 0.100"]


def test_a_first_fit_is_compared_round_by_round():
    fits = [
        {"scikit_learn": {"fit": 1.0}, "cold": {"fit": 3.0}},
        {"scikit_learn": {"fit": 5.0}, "cold": {"fit": 6.0}},
    ]
    assert first_fit.above({"fits": fits}, "cold", "fit") == [2.0, 1.0]


def test_what_a_primitive_reaches_is_of_its_own_roof():
    def timed(case, flops, moved):
        return {"case": case, "flops": flops * 1e9, "bytes": moved * 1e9, "seconds": [1.0]}

    rows = [
        timed("roof: products", 100, 1),
        timed("roof: cache", 0, 80),
        timed("roof: memory", 0, 20),
        timed("dense, mid", 90, 4),
        timed("adam, mid", 5, 40),
        timed("adam, wide", 5, 18),
    ]
    assert roofline.attained(rows) == {"dense": 0.9, "adam": 0.5}
    assert roofline.attained(rows[1:]) == {}
    assert svg(roofline.SECTION, rows)
    assert svg(roofline.SECTION, rows[1:])


def test_one_quantity_is_changed_at_a_time():
    changed = memory.shape("depth 2")
    assert changed.layer_sizes == (64, 512, 512, 10)
    assert changed.rows == changed.batch == 4096
    assert scaling.problem("batch 64") == scaling.BASE._replace(batch=64)
    assert scaling.problem("depth 3").hidden == (128, 128, 128)


def test_a_fit_that_takes_no_new_page_counts_one(monkeypatch):
    monkeypatch.setattr(memory, "start_anew", lambda: 30.0)
    monkeypatch.setattr(memory, "peak_mb", lambda: 30.0)
    figures = memory.measure("depth 2", quick=True)
    assert figures["megabytes"]["gpubackprop"] > 0
    assert memory.conclusions([figures])


# real tables


def judged(case, ours, theirs, error):
    """A table on which ours differs from every other model alike."""
    found = {"difference": ours - theirs, "error": error}
    scores = {name: [theirs] for name in tables.MODELS} | {"gpubackprop": [ours]}
    return {
        "case": case,
        "rows": 100,
        "score": scores,
        "seconds": {name: [6.0] for name in tables.MODELS} | {"gpubackprop": [1.0]},
        "guess": 0.5,
        "against": dict.fromkeys(tables.MODELS, found),
    }


def test_wins_and_losses_lie_beyond_two_standard_errors():
    rows = [
        judged("fair affairs", 0.9, 0.8, 0.04),
        judged("mpg hwy", 0.9, 0.8, 0.06),
        judged("diamonds price", 0.6, 0.8, 0.04),
    ]
    ranks, every, kept_back, *_, above = tables.conclusions(rows)
    # ours is first twice and last once; of 0.5 to the best it has all, all and a third
    assert "gpubackprop 2.33 and 0.778" in ranks
    assert "hist_gradient_boosting 3.17 and 0.833, scikit_learn 3.17 and 0.833" in ranks
    assert "1 won, 1 even, 1 lost (beyond two standard errors); won or tied within" in every
    assert "0 won, 1 even, 1 lost (beyond two standard errors)" in kept_back
    assert "within 0.005: 1 of 2; mean difference -0.050; its time over ours 6.00" in kept_back
    # 1/4, 1/4 and -2/3 of the way from a guess to the best
    assert "above realmlp_td_s's" in above
    assert "gpubackprop -0.056 ± 0.249, in 0.17 times its time; gpubackprop_5 +0.000" in above


def test_a_model_that_is_not_installed_is_left_out_with_a_line():
    row = judged("fair affairs", 0.9, 0.8, 0.04)
    for figure in ("score", "seconds", "against"):
        del row[figure][tables.REALMLP]
    assert len(tables.cells(row)) == len(tables.SECTION.header)
    assert "realmlp_td_s" not in tables.conclusions([row])[0]
    *_, left_out, above = tables.conclusions([row])
    assert left_out == "realmlp_td_s is left out: it takes `pip install torch pytabkit`"
    assert "above hist_gradient_boosting's" in above


def test_the_mean_merit_of_rows_is_the_score():
    rng = np.random.default_rng(0)
    truth, predicted = rng.standard_normal((2, 50))
    assert tables.merits_of(predicted, truth, True).mean() == pytest.approx(
        r2_score(truth, predicted)
    )
    labels, said = rng.integers(3, size=(2, 50))
    assert tables.merits_of(said, labels, False).mean() == accuracy_score(labels, said)


def test_a_table_that_is_not_installed_says_how_to_get_it(monkeypatch):
    missing = tables.RealTable("no_such_package", "data/some.csv", "y")
    monkeypatch.setitem(tables.TABLES, "some", missing)
    assert tables.measure("some", quick=True) == {
        "left_out": "data/some.csv of no_such_package is not installed: "
        "pip install --no-deps no_such_package"
    }
