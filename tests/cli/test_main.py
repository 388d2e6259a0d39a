import os
import re
import subprocess
import sys
from typing import get_args

import pytest
import typer.main
from typer.testing import CliRunner

from gpubackprop import __version__
from gpubackprop.cli import main
from gpubackprop.cli.app import app
from gpubackprop.cli.options import Activation, Precision, PresetName, Solver, TaskName

COMMANDS = ("train", "predict", "info", "explain", "bench")
CHOICES = {
    "train": {*get_args(Activation), *get_args(TaskName), *get_args(PresetName)},
    "info": {*get_args(Solver), *get_args(Precision)},
}


def python(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "gpubackprop", *arguments],
        capture_output=True,
        check=False,
        timeout=300,
        env={**os.environ, **environment},
    )


def test_a_missing_extra_is_named_with_the_cure(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "typer", None)
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert (
        "typer: pip install typer, or pip install '.[cli]' in a checkout" in capsys.readouterr().err
    )


def test_a_terminal_without_greek_letters_gets_the_numbers():
    result = python("explain", "--backend", "reference", PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    assert b"0.52349" in result.stdout
    assert b"delta(2)_1 = " in result.stdout
    assert b"?" not in result.stdout.replace(b"Does it work?", b"")


def test_the_package_is_a_command():
    result = python("--version")
    assert result.stdout.decode().strip() == f"gpubackprop {__version__}"


def test_errors_go_to_stderr(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["gpubackprop", "predict", str(tmp_path / "model"), "t.csv"])
    with pytest.raises(SystemExit) as stop:
        main()
    out, err = capfd.readouterr()
    assert (stop.value.code, out) == (1, "")
    assert err.startswith("Error: ")
    assert "Traceback" not in err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_breaks_no_word(command):
    """Options and the names that they choose from stay whole at 80 columns."""
    result = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "80"})
    assert result.exit_code == 0
    parameters = typer.main.get_command(app).commands[command].params
    names = {name for parameter in parameters for name in parameter.opts if name.startswith("-")}
    assert names | CHOICES.get(command, set()) <= set(re.findall(r"[\w-]+", result.output))
    assert max(map(len, result.output.splitlines())) <= 80


def test_version_and_help(run):
    assert run("--version").strip() == f"gpubackprop {__version__}"
    output = run("--help")
    assert all(command in output for command in ("train", "predict", "info", "explain"))
