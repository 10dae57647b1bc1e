"""The sections of the report, each as HTML. What is missing is named with the step that makes it."""

from collections.abc import Mapping, Sequence
from typing import Any

from embedding.atlas.explorer.addresses import articles_at
from embedding.atlas.explorer.page import day
from embedding.atlas.report.contents import KnownBook, Report
from embedding.atlas.report.curves import draw_curves
from embedding.atlas.report.markup import change, duration, named, number, table, text, title
from embedding.atlas.report.names import said
from embedding.tables import TABLES

_CURVES: dict[str, dict[str, str]] = {
    "Loss": {"train_loss": "training", "valid_loss": "held out"},
    "Held-out AUC": {"valid_auc": "AUC"},
    "Neighbours kept from one epoch to the next": {"neighbour_overlap": "share"},
}


_STEPS = {one.step for one in TABLES.values() if " " not in one.step}  # "every step that measures" is none


def missing(name: str) -> str:
    """What stands in the place of a table that is not there."""
    step = TABLES[name].step
    made = f"the step <code>{text(step)}</code> makes it" if step in _STEPS else f"{text(step)} writes to it"
    return f'<p class="none">The table <code>{text(name)}</code> of this snapshot is not there or empty; {made}.</p>'


def no_maps(report: Report) -> str:
    """What stands in the place of the maps."""
    if any(one.name == "book_map" and one.rows_out for one in report.tables):
        return '<p class="none">The maps were not drawn: matplotlib is not installed, or <code>map.methods</code> names no map.</p>'
    return missing("book_map")


def headline(report: Report) -> str:
    """The figures to look at first."""
    rows = {one.name: one for one in report.tables}
    cells: list[tuple[str, str, str]] = []
    for name, what in (("books", "books"), ("links", "links"), ("pairs", "pairs")):
        if name in rows:
            cells.append((number(rows[name].rows_out), what, _since(report, rows[name].rows_out, rows[name].before)))
    for name, what in (("auc", "held-out AUC"), ("recall_at_k_neighbours", "recall of the neighbours")):
        if figure := report.figure(name):
            cells.append((number(figure.value), what, _since(report, figure.value, figure.before)))
    if seconds := sum(one.seconds or 0 for one in report.steps):
        cells.append((duration(seconds), "all steps", ""))
    shown = "".join(f"<li><b>{value}</b><span>{what}</span><i>{since}</i></li>" for value, what, since in cells)
    return f'<ul class="cells">{shown}</ul>'


def _since(report: Report, value: float, before: float | None) -> str:
    if before is None or report.before is None:
        return ""
    return f"as on {day(report.before)}" if value == before else f"{change(value, before)} since {day(report.before)}"


def quality(report: Report) -> str:
    """Gates, then every figure with the one of the snapshot before."""
    parts = []
    if report.gates:
        parts.append("<h3>Gates of publish</h3>" + table(("gate", "value", "bound", ""), map(_gate, report.gates), (1, 2)))
    else:
        parts.append('<p class="none">No gate has been checked; the step <code>publish</code> does.</p>')
    if report.figures:
        if report.before is None:
            parts.append('<p class="none">There is no published snapshot before this one to compare with.</p>')
        heads = ("figure", "value", *((day(report.before), "change") if report.before else ()))
        rows = [
            (
                named(said(one.name), f"{one.step}: {one.name}", one.measured_on),
                number(one.value),
                *((number(one.before), change(one.value, one.before)) if report.before else ()),
            )
            for one in report.figures
        ]
        parts.append("<h3>Figures</h3>" + table(heads, rows, range(1, len(heads))))
    else:
        parts.append(missing("metrics"))
    return "".join(parts)


def _gate(gate: Mapping[str, Any]) -> Sequence[str]:
    state = {True: '<span class="good">✓ holds</span>', False: '<span class="bad">✗ missed</span>', None: "not measured"}[gate["holds"]]
    side = "≤" if gate["side"] == "most" else "≥"
    name = named(gate["name"], f"publish.{gate['setting']}", gate["measured_on"] or "")
    return name, number(gate["value"]), f"{side} {number(gate['bound'])}", state


def training(report: Report) -> str:
    """The curves, and their numbers."""
    curves = [
        draw_curves(name, {of: report.epochs[metric] for metric, of in wanted.items() if metric in report.epochs})
        for name, wanted in _CURVES.items()
    ]
    if not any(curves):
        return '<p class="none">No epoch was measured; the step <code>train_embedding</code> writes the figures of each.</p>'
    names = sorted(report.epochs)
    values = {name: dict(report.epochs[name]) for name in names}
    epochs = sorted({epoch for points in values.values() for epoch in points})
    rows = [(str(epoch), *(number(values[name].get(epoch)) for name in names)) for epoch in epochs]
    numbers = table(("epoch", *names), rows, range(len(names) + 1))
    return f'<div class="grid training">{"".join(curves)}</div><details><summary>Every epoch in numbers</summary>{numbers}</details>'


def counts(report: Report) -> str:
    """Rows of every table, and what was dropped."""
    old = bool(report.before)
    heads = ("table", "in", "kept", *((day(report.before), "change") if report.before else ()), "dropped, by reason")
    rows = []
    for one in report.tables:
        most_first = sorted(one.dropped.items(), key=lambda reason: (-reason[1], reason[0]))
        dropped = ", ".join(f"{text(reason)} <b>{number(count)}</b>" for reason, count in most_first)
        step = "" if one.name.endswith(f"/{one.step}") else f"<small>{text(one.step)}</small>"
        rows.append(
            (
                f"{text(one.name)}{step}",
                number(one.rows_in),
                number(one.rows_out),
                *((number(one.before), change(one.rows_out, one.before)) if old else ()),
                dropped or "–",
            )
        )
    absent = [name for name in TABLES if name != "metrics" and not report.has(name)]
    steps = {TABLES[name].step for name in absent}
    note = (
        f'<p class="none">Not there: {", ".join(f"<code>{text(name)}</code>" for name in absent)}; '
        f"made by {', '.join(f'<code>{text(step)}</code>' for step in sorted(steps))}.</p>"
    )
    return table(heads, rows, range(1, len(heads) - 1)) + (note if absent else "")


def steps(report: Report) -> str:
    """Seconds of each step, as bars too."""
    if not report.steps:
        return '<p class="none">No step has run; <code>bookspace run</code> runs all.</p>'
    most = max((one.seconds or 0 for one in report.steps), default=0) or 1
    heads = ("step", "took", *((day(report.before),) if report.before else ()), "", "ended (UTC)")
    rows = [
        (
            text(one.name),
            duration(one.seconds),
            *((duration(one.before),) if report.before else ()),
            f'<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect width="{100 * (one.seconds or 0) / most:.1f}" height="6"/></svg>',
            text(one.when[:19].replace("T", " ")),
        )
        for one in report.steps
    ]
    return table(heads, rows, range(1, 3 if report.before else 2))


def settings(report: Report) -> str:
    """Settings that are not the defaults, and versions."""
    rows = [(f"<code>{text(one.key)}</code>", _value(one.value), _value(one.default)) for one in report.settings]
    changed = table(("setting", "here", "default today"), rows) if rows else '<p class="none">Every setting is the default.</p>'
    versions = [(text(name), ", ".join(map(text, found)) + _several(found)) for name, found in report.versions.items()]
    shown = table(("package", "version"), versions) if versions else ""
    return f"<h3>Settings that differ from the defaults</h3>{changed}<h3>Versions</h3>{shown}"


def _several(found: Sequence[str]) -> str:
    return ' <span class="bad">steps ran with different ones</span>' if len(found) > 1 else ""


def _value(value: Any) -> str:
    shown = "–" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text(shown if len(shown) <= 300 else shown[:299] + "…")


def neighbours(report: Report) -> str:
    """The most linked books with their neighbours and what both share."""
    if not report.books:
        return missing("neighbours")
    articles = articles_at(report.snapshot.wiki)
    return f'<div class="grid">{"".join(_book(one, articles) for one in report.books)}</div>'


def _book(book: KnownBook, articles: str) -> str:
    linked = f"{number(book.linked)} {'book links' if book.linked == 1 else 'books link'} to it" if book.linked else ""
    known = [f"<bdi>{text(book.author)}</bdi>" if book.author else "", _year(book.year), linked]
    near = "".join(
        f'<li><span class="near">{title(one.title, articles)}<i>{one.similarity:.3f}</i></span>'
        + "".join(f'<span class="link"><bdi>{text(link)}</bdi></span>' for link in one.shared)
        + "</li>"
        for one in book.near
    )
    by = " · ".join(filter(None, known))
    return f'<article><h3 class="title">{title(book.title, articles)}</h3><p class="soft">{by}</p><ol>{near}</ol></article>'


def _year(year: int | None) -> str:
    return "" if year is None else str(year) if year > 0 else f"{-year} BC" if year else ""


def changes(report: Report) -> str:
    """What became of the neighbours since the snapshot before."""
    found = report.changes
    if found is None:
        if not report.has("neighbour_changes"):
            return missing("neighbour_changes")
        since = f"since {day(report.before)}" if report.before else "as there is no published snapshot before this one"
        return f'<p class="none">No change of neighbours is noted {since}.</p>'
    counted = ", ".join(f"<b>{number(count)}</b> {text(name)}" for name, count in found.counts.items())
    articles = articles_at(report.snapshot.wiki)
    rows = [(title(name, articles), number(entered), number(left)) for name, entered, left in found.most]
    books = f"{number(found.books)} {'book has' if found.books == 1 else 'books have'}"
    most = "<h3>Most changed</h3>" + table(("book", "entered", "left"), rows, (1, 2)) if rows else ""
    return f"<p>Neighbours since {text(day(found.before))}: {counted}. {books} other neighbours than before.</p>{most}"
