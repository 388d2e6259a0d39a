"""What is printed: other people's texts never steer the terminal."""

from __future__ import annotations

import re
from typing import Any

from rich.console import Console
from rich.text import Text

# All but the tab and the line feed: escape sequences begin with these, colours and worse; and the
# marks that turn the direction of writing, under which a text reads as another.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""Write control characters as Python does.

    Examples
    --------
    >>> print(printable("\x1b[31mred"))
    \x1b[31mred
    """
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


class Terminal(Console):
    """A console for texts out of files: labels, column names and paths are shown, not obeyed."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Turn a text with markup into what is printed."""
        return super().render_str(printable(text), **options)
