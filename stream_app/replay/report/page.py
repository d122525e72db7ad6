"""The report's file: sections of text, tables and plots; light and dark, narrow and wide, on paper too."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from stream_app.replay.report.charts import spell

_STYLE = files(__package__).joinpath("style.css").read_text(encoding="utf-8")

Cell = str | int | float | None


def page(title: str, lead: str, sections: Iterable[str]) -> str:
    """One HTML document; it loads nothing, and a browser is told to let it load nothing."""
    body = "\n".join(sections)
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}"><title>{escape(title)}</title><style>{_STYLE}</style></head>
<body><main><h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p>
{body}
</main></body></html>
"""


def section(title: str, *parts: str) -> str:
    """A heading and what stands under it; empty parts are left out."""
    return "\n".join([f"<section><h2>{escape(title)}</h2>", *(part for part in parts if part), "</section>"])


def heading(text: str) -> str:
    """A heading inside a section."""
    return f"<h3>{escape(text)}</h3>"


def text(words: str, *, is_warning: bool = False) -> str:
    """A paragraph."""
    return f'<p class="warn">{escape(words)}</p>' if is_warning else f"<p>{escape(words)}</p>"


def code(words: str) -> str:
    """Lines as they stand in a file."""
    return f"<pre>{escape(words)}</pre>"


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], chosen: int = -1) -> str:
    """A table; numbers stand to the right, and row `chosen` stands out."""
    shown = [list(row) for row in rows]
    is_number = [bool(shown) and all(isinstance(row[i], int | float) or row[i] is None for row in shown) for i in range(len(columns))]
    kinds = [' class="n"' if number else "" for number in is_number]
    head = "".join(f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(columns, kinds, strict=True))
    lines = []
    for number, row in enumerate(shown):
        cells = "".join(f"<td{kind}>{escape(_spell(cell))}</td>" for cell, kind in zip(row, kinds, strict=True))
        kind = ' class="chosen"' if number == chosen else ""
        lines.append(f"<tr{kind}>{cells}</tr>")
    body = "\n".join(lines)
    top = f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
    return f'<div class="scroll"><table>{top}<tbody>\n{body}\n</tbody></table></div>'


def _spell(cell: Cell) -> str:
    if cell is None:
        return "–"
    return cell if isinstance(cell, str) else spell(cell)
