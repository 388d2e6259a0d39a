"""The report in Markdown; its tables read well in a terminal, too."""

from .part import Part


def document(parts: list[Part]) -> str:
    """Put the parts together; pictures lie beside it."""
    return "\n\n".join(map(_section, parts)) + "\n"


def _section(part: Part) -> str:
    found = [f"## {part.title}", *filter(None, [part.about])]
    if part.picture:
        found.append(f"![{part.title}](pictures/{part.name}.svg)")
    if part.rows:
        found.append(table(part.header, part.rows))
    if part.lines:
        found.append("\n".join(f"- {line}" for line in part.lines))
    return "\n\n".join([*found, part.machine])


def table(header: list[str], rows: list[list[str]]) -> str:
    """Lay out a table with aligned columns."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)
