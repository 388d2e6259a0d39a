"""Labels, columns and paths with control characters: shown, and never obeyed by a terminal."""

import io
import re

import numpy as np
import pandas as pd
import pytest
from rich.table import Table

from gpubackprop.cli.terminal import Terminal, printable

WILD = "\x1b]0;owned\x07\x1b[31m\x9b2J\x7f"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@pytest.fixture
def wild(tmp_path):
    """A table whose labels, categories and column names would steer a terminal."""
    draw = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], 20)
    table = pd.DataFrame(
        {
            f"{WILD}long": kind * 5 + draw.normal(size=60),
            "same": "one",
            f"{WILD}id": range(60),
            "colour": np.array([f"{WILD}red", "blue"])[kind % 2],
            f"{WILD}kind": np.array([f"{WILD}iris", "lily", "[bold]rose"])[kind],
        }
    )
    table.to_csv(tmp_path / "wild.csv", index=False)
    return table


def shown(output):
    assert CONTROL.findall(output) == []
    return output


def test_training_and_predicting(run, wild, tmp_path):
    line = f"train wild.csv -t {WILD}kind --no-plot --epochs 2 -o model --backend reference"
    output = shown(run(line))
    assert r"\x1b]0;owned\x07\x1b[31m\x9b2J\x7firis" in output
    answer = shown(run("predict model wild.csv --proba"))
    assert r"probability_\x1b]0;owned" in answer
    assert "does not use: same" in answer
    shown(run("predict model wild.csv --proba -o out.csv"))
    assert f"probability_{WILD}iris" in pd.read_csv(tmp_path / "out.csv")  # as it was
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    assert r"\x1b]0;owned" in shown(run("predict model other.csv", code=1))


@pytest.mark.parametrize(
    "line",
    [
        "train wild.csv",
        f"train wild.csv -t {WILD}",
        f"train wild.csv -t {WILD}kind --drop {WILD}",
        f"train {WILD}.csv -t kind",
        "predict wild.csv wild.csv",
        f"predict {WILD} wild.csv",
        f"bench --only {WILD}",
        f"explain --layers {WILD}",
        f"info --plan {WILD}",
    ],
)
def test_errors(run, wild, line):
    assert r"\x1b" in shown(run(line, code=1)) or "not a model" in run(line, code=1)


def test_tables_titles_and_markup():
    console = Terminal(file=io.StringIO(), width=200, force_terminal=False)
    table = Table(title=WILD)
    table.add_column(WILD)
    table.add_row(WILD)
    console.print(f"[bold]{WILD}[/]", WILD, table)
    assert shown(console.file.getvalue()).count(r"\x1b]0;owned\x07") == 5


@pytest.mark.parametrize("text", ["a\tb\nc", "Århus Σ ½ 日本 👍", "\\x1b"])
def test_what_is_harmless_stays(text):
    assert printable(text) == text


def test_marks_that_turn_the_direction_are_shown():
    assert printable("invoice\u202excod.exe") == r"invoice\u202excod.exe"
