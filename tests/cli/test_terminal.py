import io
import os
import pty

import pytest
from rich.table import Table

from gpubackprop.cli.terminal import Terminal, prepare, spelled

WORDS = "columns that were left out because every row of them holds one and the same value "


def shown(*, width=40, terminal=True, encoding="utf-8"):
    """A terminal that writes to memory, and what it has shown."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Terminal(
        file=file, width=width, force_terminal=terminal, color_system=None, _environ={}
    )

    def text():
        file.flush()
        return file.buffer.getvalue().decode(encoding)

    return console, text


def test_lines_break_between_words_below_their_indent():
    console, text = shown()
    console.print(f"  {WORDS}")
    lines = text().splitlines()
    assert len(lines) > 1
    assert all(line.startswith("  ") and len(line) <= 40 for line in lines)
    assert " ".join(line.strip() for line in lines).split() == WORDS.split()


def test_a_file_gets_whole_lines():
    console, text = shown(terminal=False)
    console.print(f"  {WORDS}")
    assert text() == f"  {WORDS}\n"


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("W⁽¹⁾₁₂ ← W⁽¹⁾₁₂ - η ∂L/∂W", "ascii", "W(1)_12 <- W(1)_12 - eta dL/dW"),
        ("-Σᵢ yᵢ · ln ŷᵢ", "ascii", "-sum_i y_i * ln yhat_i"),
        ("R² = ½", "ascii", "R^2 = 1/2"),
        ("R² = ½, δ", "latin-1", "R^2 = 1/2, delta"),
        ("R² = ½", "latin-1", "R² = ½"),
        ("東京?", "ascii", "\\u6771\\u4eac?"),
    ],
)
def test_what_an_encoding_lacks_is_spelled(text, encoding, expected):
    assert spelled(text, encoding) == expected


def test_columns_stay_aligned_in_ascii():
    console, text = shown(width=80, encoding="ascii")
    table = Table("name", "value")
    table.add_row("R²", "1")
    table.add_row("Århus", "2")
    console.print(table)
    lines = text().splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "| R^2      | 1     |" in lines


def test_a_stream_spells_what_was_never_laid_out():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    prepare(stream, {})
    stream.write("δ⁽¹⁾ in Århus")
    stream.flush()
    assert stream.buffer.getvalue() == b"delta(1) in \\xc5rhus"


@pytest.mark.parametrize(
    ("environment", "encoding"),
    [
        ({"LANG": "C"}, "ascii"),
        ({"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, "ascii"),
        ({"LANG": "C.UTF-8"}, "utf-8"),
        ({}, "utf-8"),
        ({"LANG": "C", "PYTHONIOENCODING": "utf-8"}, "utf-8"),
        ({"LANG": "C", "PYTHONUTF8": "1"}, "utf-8"),
    ],
)
def test_a_terminal_that_asks_for_ascii_gets_it(environment, encoding):
    ours, theirs = pty.openpty()
    with open(theirs, "w", encoding="utf-8") as stream:
        prepare(stream, environment)
        assert stream.encoding == encoding
    os.close(ours)


def test_a_pipe_gets_utf_8_under_lang_c():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    prepare(stream, {"LANG": "C"})
    assert stream.encoding == "utf-8"
