"""HTML from texts that anybody may have written: every text and attribute is escaped here, and nowhere else."""

import html
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

# What is no letter of a text, line ends and halves of a surrogate pair among it.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def text(value: object) -> str:
    """A text as it can stand in an element or in a quoted attribute."""
    return html.escape(_CONTROL.sub(" ", str(value)))


def title(name: str, articles: str = "") -> str:
    """A title, which keeps its direction of writing to itself; with the address of the articles a link to its own."""
    shown = f"<bdi>{text(name) or '<i>no title</i>'}</bdi>"
    if not articles or not name:
        return shown
    page = quote(_CONTROL.sub(" ", name).replace(" ", "_"), safe="")
    return f'<a href="{text(articles + page)}" rel="noreferrer noopener">{shown}</a>'


def named(name: str, key: str, note: str) -> str:
    """What is measured in words, below it its name in the tables or settings, and what it was measured on."""
    return f'{text(name)}<small class="name">{text(key)}</small><small>{text(note)}</small>'


def number(value: float | int | None) -> str:
    """A figure in few digits; – for none."""
    if value is None:
        return "–"
    size = abs(value)
    if isinstance(value, int) or (size < 1e15 and value == int(value)):
        return f"{int(value):,}"
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4f}" if size >= 1e-4 else f"{value:.1e}"


def change(value: float | None, before: float | None) -> str:
    """By how much a figure has grown, with its sign; – where one of both is not known."""
    if value is None or before is None:
        return "–"
    grown = number(value - before)
    return grown.replace("-", "−") if value < before else f"+{grown}" if value > before else "0"


def duration(seconds: float | None) -> str:
    """Seconds in the unit that suits them."""
    if seconds is None:
        return "–"
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table of cells that are HTML already; `numbers`: the columns that stand to the right."""
    right = set(numbers)
    head = "".join(f'<th scope="col"{_side(i in right)}>{text(name)}</th>' for i, name in enumerate(heads))
    body = "".join("<tr>" + "".join(f"<td{_side(i in right)}>{cell}</td>" for i, cell in enumerate(row)) + "</tr>" for row in rows)
    return f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _side(right: bool) -> str:
    return ' class="number"' if right else ""
