"""The report as one file for a browser, pictures inside."""

import base64
from collections.abc import Iterable
from html import escape

from .part import Part

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 64rem; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 3rem; }
nav li { margin: .2rem 0; } a { color: #0b6e4f; }
img { max-width: 100%; margin: .5rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd; text-align: left;
         vertical-align: top; }
th { border-bottom: 2px solid #0b6e4f; }
.machine { color: #777; font-size: .8rem; }
"""


def page(parts: list[Part]) -> str:
    """Put the parts together below a list that names each with its first conclusion."""
    contents = "".join(
        f'<li><a href="#{part.name}">{escape(part.title)}</a>{_first(part)}</li>' for part in parts
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>gpubackprop: benchmarks</title><style>{_STYLE}</style></head><body>"
        f"<h1>gpubackprop: benchmarks</h1><nav><ol>{contents}</ol></nav>"
        f"{''.join(map(_section, parts))}</body></html>\n"
    )


def _first(part: Part) -> str:
    return f"<br>{escape(part.lines[0])}" if part.lines else ""


def _section(part: Part) -> str:
    return (
        f'<section id="{part.name}"><h2>{escape(part.title)}</h2><p>{escape(part.about)}</p>'
        f"{_picture(part)}{_table(part)}<ul>{_each('li', part.lines)}</ul>"
        f'<p class="machine">{escape(part.machine)}</p></section>'
    )


def _picture(part: Part) -> str:
    """Encode the picture, so that no two of them share names of their parts."""
    if part.picture is None:
        return ""
    data = base64.b64encode(part.picture.encode()).decode()
    return f'<img alt="{escape(part.title)}" src="data:image/svg+xml;base64,{data}">'


def _table(part: Part) -> str:
    if not part.rows:
        return ""
    head = f"<thead><tr>{_each('th', part.header)}</tr></thead>"
    body = "".join(f"<tr>{_each('td', row)}</tr>" for row in part.rows)
    return f'<div class="wide"><table>{head}<tbody>{body}</tbody></table></div>'


def _each(tag: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)
