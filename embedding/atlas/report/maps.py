"""The maps of the report: by genre and with titles, light and dark, as PNG inside the page."""

import base64
import logging
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from embedding.manifest import Snapshot
from embedding.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from embedding.atlas.pictures.groups import Groups
    from embedding.atlas.pictures.theme import Theme, ThemeName

TITLES, LETTERS, DPI = 34, 11, 110  # titles on a map, their size in points, and points of the picture an inch
_WHOLE = (0.0, 0.0, 1.0, 1.0)
log = logging.getLogger("bookspace")


@dataclass(frozen=True)
class Maps:
    """The pictures.

    Attributes:
        name: of the map: t-SNE or UMAP.
        books: on it.
        genres, titles: theme: the picture, as a data: address.
        groups: the genres of the legend.
    """

    name: str
    books: int
    genres: "dict[ThemeName, str]"
    titles: "dict[ThemeName, str]"
    groups: "Groups"


def read_maps(warehouse: Warehouse, snapshot: Snapshot) -> Maps | None:
    """Draw the maps of a snapshot, t-SNE if there is one; None when it has no map or no book on it.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    if not warehouse.has("book_map", snapshot):
        return None
    from embedding.atlas.pictures import maps
    from embedding.atlas.pictures.groups import most_frequent
    from embedding.atlas.pictures.read import MAP_TITLES, places_on
    from embedding.atlas.pictures.theme import MARKERS

    columns = ["page_id", "title", "genre", "links", *(f"{one}_{axis}" for one in MAP_TITLES for axis in "xy")]
    table = pq.read_table(warehouse.files("book_map", snapshot), columns=columns, partitioning=None).sort_by("page_id")
    drawn = next(((one, places) for one in MAP_TITLES if (places := places_on(table, one)) is not None), None)
    if not len(table) or drawn is None:
        return None
    name, points = drawn
    groups = most_frequent(table["genre"].to_pylist())
    titles, links = table["title"].to_pylist(), table["links"].fill_null(0).to_numpy()
    markers = [MARKERS[i % len(MARKERS)] for i in range(len(groups.names))]

    def genres(axes: "Axes", theme: "Theme") -> None:
        maps.dots_by_group(axes, theme, points, groups, theme.groups, markers, named=True)

    def named(axes: "Axes", theme: "Theme") -> None:
        maps.dots_with_titles(axes, theme, points, [title or "" for title in titles], links, TITLES, LETTERS)

    def axes_of(figure: "Figure") -> "Axes":
        return maps.map_axes(figure, points, _WHOLE)

    from matplotlib.figure import Figure

    return Maps(MAP_TITLES[name], len(table), _pictures(genres, axes_of), _pictures(named, axes_of), groups)


def _pictures(draw: "Callable[[Axes, Theme], None]", axes_of: "Callable[..., Axes]") -> "dict[ThemeName, str]":
    from embedding.atlas.pictures.canvas import noting_letters, sheet
    from embedding.atlas.pictures.theme import THEMES

    found: dict[ThemeName, str] = {}
    missing: set[str] = set()
    for name, theme in THEMES.items():
        with noting_letters(missing), sheet(theme, "", "") as figure:
            draw(axes_of(figure), theme)
            written = BytesIO()
            figure.savefig(written, format="png", dpi=DPI, metadata={"Software": None})
        found[name] = f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode('ascii')}"
    if missing:
        log.warning("report: no installed font has %d letters of the titles; a Noto font may", len(missing))
    return found
