"""Puts the report together: style and sections as one HTML text, without any script."""

from pathlib import Path
from typing import TYPE_CHECKING

from embedding.atlas.explorer.page import day, fill_template, policy
from embedding.atlas.report import sections
from embedding.atlas.report.contents import Report
from embedding.atlas.report.map_section import map_section
from embedding.atlas.report.markup import text

if TYPE_CHECKING:
    from embedding.atlas.report.maps import Maps

_FILES = Path(__file__).parent
_STATES = {
    "in view": "In view: the _latest views show it",
    "published": "Published; a newer snapshot is in view",
    "refused": "Refused by a gate: not in view",
    "withdrawn": "Withdrawn: not in view",
    "not published": "Not published",
}


def report_page(report: Report, maps: "Maps | None") -> str:
    """The page. It runs nothing and fetches nothing, and its policy forbids the browser to.

    Args:
        report: what it tells.
        maps: its pictures; None: none could be drawn.
    """
    parts = {
        "Quality": sections.quality(report),
        "Maps": map_section(maps) if maps else sections.no_maps(report),
        "Known books": sections.neighbours(report),
        "Changes": sections.changes(report),
        "Training": sections.training(report),
        "Tables": sections.counts(report),
        "Steps": sections.steps(report),
        "Settings and versions": sections.settings(report),
    }
    names = {name: name.lower().replace(" ", "-") for name in parts}
    snapshot = report.snapshot
    return fill_template(
        (_FILES / "report.html").read_text(encoding="utf-8"),
        {
            "policy": policy(),
            "style": (_FILES / "report.css").read_text(encoding="utf-8") + _colours(),
            "name": text(snapshot.wiki),
            "day": text(day(snapshot.date)),
            "mood": "good" if report.state in ("in view", "published") else "bad" if report.state == "refused" else "neutral",
            "state": text(_STATES[report.state]),
            "when": text(f" · {report.when[:16].replace('T', ' ')} UTC" if report.when else ""),
            "before": text(f"Compared with {day(report.before)}." if report.before else "There is no snapshot before it."),
            "headline": sections.headline(report),
            "contents": "".join(f'<a href="#{key}">{text(name)}</a>' for name, key in names.items()),
            "sections": "".join(f'<section id="{names[name]}"><h2>{text(name)}</h2>{part}</section>' for name, part in parts.items()),
        },
    )


def _colours() -> str:
    """The colours of the groups, as the pictures have them."""
    from embedding.atlas.pictures.theme import THEMES

    rules = {
        name: "".join(f".g{i}{{fill:{colour}}}" for i, colour in enumerate(theme.groups)) + f".rest{{fill:{theme.rest}}}"
        for name, theme in THEMES.items()
    }
    return f"{rules['light']}\n@media (prefers-color-scheme: dark) {{{rules['dark']}}}\n"
