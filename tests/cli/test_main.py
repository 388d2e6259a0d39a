import os
import subprocess
import sys

import pytest

from gpubackprop import __version__
from gpubackprop.cli import main

COMMAND = "from gpubackprop.cli import main; main()"


def python(code, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_a_missing_extra_is_named_with_the_cure(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "typer", None)
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "typer: pip install 'gpubackprop[cli]'" in capsys.readouterr().err


def test_a_terminal_without_greek_letters_gets_the_numbers():
    result = python(COMMAND, "explain", "--backend", "reference", PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    assert b"0.52349" in result.stdout


def test_errors_go_to_stderr(tmp_path):
    result = python(COMMAND, "predict", str(tmp_path / "model"), "table.csv")
    assert (result.returncode, result.stdout) == (1, b"")
    assert result.stderr.startswith(b"Error: ")
    assert b"Traceback" not in result.stderr


def test_version_and_help(run):
    assert run("--version").strip() == f"gpubackprop {__version__}"
    output = run("--help")
    assert all(command in output for command in ("train", "predict", "info", "explain"))
