"""The section of the report that shows the maps."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from embedding.atlas.report.markup import number, text

if TYPE_CHECKING:
    from embedding.atlas.pictures.theme import ThemeName
    from embedding.atlas.report.maps import Maps

# A marker of matplotlib's as a path within -1 to 1.
_SHAPES = {
    "o": "M-.8 0A.8 .8 0 1 0 .8 0A.8 .8 0 1 0 -.8 0", "^": "M0 -.9L.9 .8H-.9Z", "s": "M-.7 -.7H.7V.7H-.7Z", "D": "M0 -1L1 0L0 1L-1 0Z",
    "v": "M0 .9L.9 -.8H-.9Z", "P": "M-.35 -1H.35V-.35H1V.35H.35V1H-.35V.35H-1V-.35H-.35Z",
}  # fmt: skip


def map_section(maps: "Maps") -> str:
    """The maps, with the legend of the genres."""
    of = f"{number(maps.books)} {'book' if maps.books == 1 else 'books'}, {maps.name} of their vectors"
    genres = _picture(maps.genres, f"Map of the books by genre: {of}", "genres") + _legend(maps)
    titles = _picture(maps.titles, f"Map of the books with the titles of those with most links: {of}", "titles")
    note = f'<p class="soft">{text(of)}. Near on the map: much alike; far says little.</p>'
    return f"{note}<h3>By genre</h3>{genres}<h3>Titles of the books with most links</h3>{titles}"


def _picture(shown: "Mapping[ThemeName, str]", said: str, kind: str) -> str:
    return (
        f'<div class="map {kind}" tabindex="0"><picture><source media="(prefers-color-scheme: dark)" srcset="{text(shown["dark"])}">'
        f'<img src="{text(shown["light"])}" alt="{text(said)}"></picture></div>'
    )


def _legend(maps: "Maps") -> str:
    from embedding.atlas.pictures.theme import MARKERS

    def line(kind: str, marker: str, name: str, count: int) -> str:
        mark = f'<svg class="{kind}" viewBox="-1.1 -1.1 2.2 2.2" aria-hidden="true"><path d="{_SHAPES[marker]}"/></svg>'
        return f"<li>{mark}<bdi>{text(name)}</bdi> <i>{number(count)}</i></li>"

    groups = maps.groups
    lines = [
        line(f"g{i}", MARKERS[i % len(MARKERS)], name, count)
        for i, (name, count) in enumerate(zip(groups.names, groups.counts, strict=True))
    ]
    rest = (("another genre", groups.others), ("no genre given", groups.nothing))
    lines += [line("rest", "o", name, count) for name, count in rest if count]
    return f'<ul class="legend">{"".join(lines)}</ul>'
