import pytest

from gpubackprop.backends import environment
from gpubackprop.cli.info import _read_as
from gpubackprop.table import Column
from gpubackprop.training import memory_plan


def test_whatever_is_described_is_shown(run, monkeypatch):
    facts = {"threads": 2, "devices": {"cpu": "used", "deep": {"a[b]": 1.5}}, "empty": {}}
    monkeypatch.setattr(environment, "describe", lambda: facts)
    output = run("info")
    for text in ("threads", "2", "devices", "cpu", "used", "deep", "a[b]", "1.5"):
        assert text in output


def test_a_plan_names_every_part(run):
    output = run("info --plan 784,512,10 --rows 60000 --batch-size 128")
    # 7 vectors of 784 x 512 + 512 + 512 x 12 + 12 numbers, rows rounded up to 16 bytes
    assert f"{7 * 4 * (785 * 512 + 513 * 12) / 2**20:,.1f} MiB" in output
    assert f"{60000 * (4 * (784 + 12) + 16) / 2**20:,.1f} MiB, all rows" in output
    for text in ("128 examples", "together", "free"):
        assert text in output


def test_sgd_keeps_two_vectors_less(run):
    """The velocity instead of two moments, now and as the last epoch left it."""
    adam, sgd = (run(f"info --plan 1000,1000 --solver {name}") for name in ("adam", "sgd"))
    assert "26.7 MiB" in adam
    assert "19.1 MiB" in sgd


@pytest.mark.parametrize(
    ("checkpoint", "matrices", "kept"),
    [("sqrt", 10, "one layer in 4"), ("16", 19, "one layer in 16")],
)
def test_a_plan_with_a_checkpoint(run, checkpoint, matrices, kept):
    """16 layers of 1000: ceil(16/k) + k + 2 of A and Delta, and Y."""
    output = run(f"info --plan 1000{',1000' * 16} --checkpoint {checkpoint}")
    size = 200 * ((matrices + 1) * 4000 + 8)
    assert f"{size / 2**20:,.1f} MiB, 200 examples, {kept}" in output


@pytest.mark.parametrize("checkpoint", ["0", "-1", "1.5", "cube", "True", "²"])
def test_a_checkpoint_must_be_known(run, checkpoint):
    output = run(f"info --plan 64,10 --checkpoint={checkpoint}", code=1)
    assert f"--checkpoint {checkpoint}: sqrt, or a whole number from 1" in output


@pytest.mark.parametrize("plan", ["64", "64,x", "64,0,3", "-1,2"])
def test_a_plan_needs_layer_sizes(run, plan):
    assert "--plan" in run(f"info --plan={plan}", code=1)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (Column("x", "category"), "category"),
        (Column("x", "number", ("missing",)), "number, with gaps"),
        (Column("x", "date", ("year", "days", "missing")), "date, with gaps: year, days"),
    ],
)
def test_it_is_said_what_a_column_is_read_as(column, text):
    assert _read_as(column) == text


def test_what_does_not_fit_is_an_error_in_a_line(run, monkeypatch):
    def refuse(*arguments, checkpoint):
        raise MemoryError("needs 3 MiB, 2 MiB are free")

    monkeypatch.setattr(memory_plan, "plan", refuse)
    assert "needs 3 MiB, 2 MiB are free" in run("info --plan 64,10", code=1)
