"""Pictures of the map: all books, in groups by colour, the most linked ones by name."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from embedding.atlas.pictures.canvas import DPI, HEIGHT, MAP_AREA, WIDTH, Entry, bare, draw_legend, shown
from embedding.atlas.pictures.groups import NONE, OTHER, Groups
from embedding.atlas.pictures.theme import MARKERS, Theme
from embedding.atlas.pictures.titles import place_titles

AS_PIXELS_ABOVE = 5_000  # points; with more, a vector file would be slow to open
NAMES_ABOVE = 2_000  # points; with fewer, a group's name would hide what it names
LEAST_NAMED = 20  # books of a group whose name is written on the map: fewer are densest nowhere
TITLES = 70
LEAST_DOT = (2 * 72 / DPI) ** 2  # two by two pixels of the printed sheet, in square points: single ones are too pale
LEAST_SHAPE = 0.5  # square points: of a smaller one no eye sees the shape, but shapes that fill less of it look fainter

Points = NDArray[np.float64]


def map_axes(figure: Figure, points: Points, area: tuple[float, float, float, float] = MAP_AREA, margin: float = 0.03) -> Axes:
    """Axes for a map: both directions by one scale, every point within."""
    axes = bare(figure, area)
    low, high = points.min(0), points.max(0)
    sides = np.array([WIDTH * area[2], HEIGHT * area[3]])
    scale = max(float(((high - low) / sides).max()), 1e-6) * (1 + 2 * margin)  # the map's units an inch, with a margin
    half, middle = scale * sides / 2, (low + high) / 2
    axes.set(xlim=(middle[0] - half[0], middle[0] + half[0]), ylim=(middle[1] - half[1], middle[1] + half[1]))
    return axes


def dots(axes: Axes, points: Points, total: int, colour: object, marker: str = "o", larger: float = 1.0, above: int = 2) -> None:
    """Points of a size that suits the number of all points on the map."""
    size = larger * float(np.clip(70_000 / max(1, total), LEAST_DOT, 34))
    alpha = float(np.clip(1.05 - total / 90_000, 0.55, 0.9))
    shape = marker if size >= LEAST_SHAPE else "o"
    axes.scatter(
        points[:, 0], points[:, 1], s=size, color=[colour], marker=shape, alpha=alpha, linewidths=0, zorder=above,
        rasterized=total > AS_PIXELS_ABOVE,
    )  # fmt: skip


def draw_all(figure: Figure, theme: Theme, points: Points) -> None:
    """All books in one colour: where the map is dense."""
    axes = map_axes(figure, points, (0.02, 0.03, 0.96, 0.87))
    dots(axes, points, len(points), theme.accent)


def draw_groups(
    figure: Figure, theme: Theme, points: Points, groups: Groups, what: str, colours: Sequence[object], shapes: bool, named: bool
) -> None:
    """Books by group, in colours and shapes, with a legend of counts.

    Args:
        figure: to draw on.
        theme: its colours.
        points: shape (n, 2).
        groups: of the same books.
        what: a group is, for the legend ("genre").
        colours: one for each group.
        shapes: tell the groups apart by shape too.
        named: write each group's name where most of it stands.
    """
    markers = [MARKERS[i % len(MARKERS)] if shapes else "o" for i in range(len(groups.names))]
    dots_by_group(map_axes(figure, points), theme, points, groups, colours, markers, named)
    entries = [
        Entry(name, count, colour, marker)
        for name, count, colour, marker in zip(groups.names, groups.counts, colours, markers, strict=False)
    ]
    if groups.others:
        entries.append(Entry(f"another {what}", groups.others, theme.rest))
    if groups.nothing:
        entries.append(Entry(f"no {what} given", groups.nothing, theme.rest))
    draw_legend(figure, entries, theme)


def dots_by_group(
    axes: Axes, theme: Theme, points: Points, groups: Groups, colours: Sequence[object], markers: Sequence[str], named: bool
) -> None:
    """Books on a map in their groups' colours and shapes; `named`: with the groups' names, where there is room enough."""
    rest = np.isin(groups.of, (OTHER, NONE))
    dots(axes, points[rest], len(points), theme.rest, above=1)
    for i in reversed(range(len(groups.names))):  # small groups upon large ones
        dots(axes, points[groups.of == i], len(points), colours[i], markers[i], larger=1.0)
    if named and len(points) > NAMES_ABOVE:
        large = [i for i, count in enumerate(groups.counts) if count >= LEAST_NAMED]
        peaks = np.array([densest(points[groups.of == i]) for i in large]).reshape(-1, 2)
        place_titles(axes, theme, peaks, [shown(groups.names[i], 26) for i in large], len(peaks), 9, weight="bold", centred=True)


def densest(points: Points) -> Points:
    """The middle of a group's densest part: of the points in the fullest of 24 x 24 fields and around it."""
    if len(points) < 3:
        first: Points = points[0]
        return first
    low, span = points.min(0), np.maximum(np.ptp(points, axis=0), 1e-9)
    fields = np.minimum((24 * (points - low) / span).astype(int), 23)
    count = np.zeros((26, 26))
    np.add.at(count, (fields[:, 0] + 1, fields[:, 1] + 1), 1)
    around = np.sum([np.roll(count, (dx, dy), (0, 1)) for dx in (-1, 0, 1) for dy in (-1, 0, 1)], axis=0)
    best = np.array(np.unravel_index(np.argmax(around[1:25, 1:25]), (24, 24)))
    near = (np.abs(fields - best) <= 1).all(1)
    middle: Points = np.median(points[near], axis=0)
    return middle


def draw_titles(figure: Figure, theme: Theme, points: Points, titles: Sequence[str], links: NDArray[np.int64]) -> None:
    """The map with the names of the books that have most links."""
    dots_with_titles(map_axes(figure, points, (0.02, 0.03, 0.96, 0.87)), theme, points, titles, links, TITLES, 7.5)


def dots_with_titles(
    axes: Axes, theme: Theme, points: Points, titles: Sequence[str], links: NDArray[np.int64], most: int, size: float
) -> None:
    """Books on a map, `most` of those that have most links with their titles, in letters of `size` points."""
    order = np.argsort(-links, kind="stable")[: 6 * most]
    dots(axes, points, len(points), theme.rest, above=1)
    written = place_titles(axes, theme, points[order], [shown(titles[i], 38) for i in order], most, size)
    picked = points[order[written]]
    axes.scatter(picked[:, 0], picked[:, 1], s=11, color=theme.accent, linewidths=0, zorder=4)
