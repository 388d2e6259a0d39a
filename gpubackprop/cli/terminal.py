"""The terminal: lines break between words, what it lacks is spelled, and no text steers it."""

from __future__ import annotations

import codecs
import io
import os
import re
from collections.abc import Mapping
from typing import Any, TextIO
from unicodedata import normalize

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

_SPELLED = dict.fromkeys("⎡⎢⎣", "[") | dict.fromkeys("⎤⎥⎦", "]")
_SPELLED |= {"σ": "sigma", "δ": "delta", "η": "eta", "Σ": "sum", "ŷ": "yhat", "∂": "d"}
_SPELLED |= {"·": "*", "⊙": ".*", "′": "'", "²": "^2", "ᵀ": "^T", "½": "1/2"}
_SPELLED |= {"√": "sqrt", "π": "pi", "Φ": "Phi"}
_SPELLED |= {"←": "<-", "→": "->", "…": "...", "∇": "grad "}
# All but the tab and the line feed: escape sequences begin with these, colours and worse; and the
# marks that turn the direction of writing, under which a text reads as another.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LAYER, _INDEX = "⁽[⁰-⁹¹²³⁻]+⁾", "[₀-₉ᵢₖ]+"
_OURS = re.compile("|".join([_LAYER, f"(?P<index>{_INDEX})", *_SPELLED]))


def printable(text: str) -> str:
    r"""Write control characters as Python does.

    Examples
    --------
    >>> from gpubackprop.cli.terminal import printable
    >>> print(printable("\x1b[31mred"))
    \x1b[31mred
    """
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def spelled(text: str, encoding: str) -> str:
    r"""Spell what an encoding lacks: our own symbols in words, other characters as escapes.

    Examples
    --------
    >>> from gpubackprop.cli.terminal import spelled
    >>> spelled("δ⁽²⁾₁₂ = ½", "ascii")
    'delta(2)_12 = 1/2'
    >>> spelled("Århus", "ascii"), spelled("Århus", "latin-1")
    ('\\xc5rhus', 'Århus')
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        words = _OURS.sub(_in_words, text)
        return words.encode(encoding, "backslashreplace").decode(encoding)
    return text


def _in_words(found: re.Match[str]) -> str:
    symbol = found[0]
    plain = _SPELLED.get(symbol) or normalize("NFKC", symbol)
    return f"_{plain}" if found["index"] else plain


def _spell(error: UnicodeError) -> tuple[str, int]:
    """Replace what a stream cannot encode; the codecs' error handler."""
    assert isinstance(error, UnicodeEncodeError)
    return spelled(error.object[error.start : error.end], error.encoding), error.end


def prepare(stream: TextIO, environment: Mapping[str, str] = os.environ) -> None:
    """Have a standard stream spell what its terminal lacks, rather than fail or print ``?``.

    Python writes UTF-8 under ``LANG=C``, which asks for ASCII: a terminal is believed, a file or
    a pipe gets UTF-8.
    """
    if not isinstance(stream, io.TextIOWrapper):
        return
    codecs.register_error("spelled", _spell)
    asked = environment.get("LC_ALL") or environment.get("LANG")
    told = "PYTHONIOENCODING" in environment or "PYTHONUTF8" in environment
    ascii_only = asked in ("C", "POSIX") and not told and stream.isatty()
    stream.reconfigure(encoding="ascii" if ascii_only else None, errors="spelled")


class Terminal(Console):
    """Where the subcommands print.

    On a terminal lines break between words, below their own indent; in a file or a pipe they stay
    whole. Text is spelled before it is laid out, so that columns stay aligned, and control
    characters of labels, column names and paths are shown, not obeyed.
    """

    def __init__(self, **named: Any) -> None:
        super().__init__(highlight=False, **named)
        self.soft_wrap = not self.is_terminal

    @property
    def ascii_only(self) -> bool:
        """Whether to do without drawn symbols."""
        return self.options.ascii_only

    @property
    def spinner(self) -> str:
        """The name of the spinner for what takes long."""
        return "line" if self.ascii_only else "dots"

    def print(self, *objects: Any, **named: Any) -> None:
        """Print, a single line below its own indent."""
        if self.soft_wrap or len(objects) != 1 or not isinstance(line := objects[0], str):
            super().print(*objects, **named)
            return
        words = line.lstrip(" ")
        super().print(Padding.indent(self.render_str(words), len(line) - len(words)), **named)

    def render_str(self, text: str, **named: Any) -> Text:
        """Make a text of a string, as this terminal can show it."""
        return super().render_str(spelled(printable(text), self.encoding), **named)
