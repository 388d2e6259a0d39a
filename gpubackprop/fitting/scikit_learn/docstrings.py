"""Docstrings of the estimators: scikit-learn's, of the installed version, with parameters of ours.

Help, IPython and the tooltips of the HTML representation read `__doc__`.
"""

import re
from collections.abc import Callable
from inspect import cleandoc, signature
from typing import Any, TypeVar

Class = TypeVar("Class", bound=type)
_TITLE = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.MULTILINE)


def merged(base: Any, parameters: str, attributes: str) -> Callable[[Class], Class]:
    """Make a class decorator that completes a docstring with that of the class it derives from.

    `parameters` and `attributes` are entries in numpydoc's form, of which those of base with the
    same name are replaced; of parameters that the class does not have none is taken. Its own
    docstring has a summary and examples.
    """

    def complete(cls: Class) -> Class:
        if cls.__doc__ and base.__doc__:  # python -OO has none
            ours, theirs = _sections(cls.__doc__), _sections(base.__doc__)
            known = {**_entries(theirs.get("Parameters", "")), **_entries(parameters)}
            listed = [known[name] for name in signature(cls).parameters if name in known]
            shown = {**_entries(theirs.get("Attributes", "")), **_entries(attributes)}
            lists = {"Parameters": "\n\n".join(listed), "Attributes": "\n\n".join(shown.values())}
            cls.__doc__ = _text({**theirs, **lists, **ours})
        return cls

    return complete


def _sections(docstring: str) -> dict[str, str]:
    """Split a docstring into its sections by title; the summary has none."""
    summary, *rest = _TITLE.split(cleandoc(docstring))
    bodies = zip(rest[::2], rest[1::2], strict=True)
    return {"": summary.strip(), **{title: body.strip() for title, body in bodies}}


def _entries(section: str) -> dict[str, str]:
    """Split a section of parameters into its entries by name."""
    entries = re.split(r"\n(?=\S)", section.strip())
    return {entry.partition(" :")[0]: entry.strip() for entry in entries if entry}


def _text(sections: dict[str, str]) -> str:
    titled = (f"{t}\n{'-' * len(t)}\n{body}" if t else body for t, body in sections.items())
    return "\n\n".join(titled) + "\n"
