"""Pictures of one book: its neighbours on the map, and the nearest and farthest of all books."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from embedding.atlas.pictures.canvas import SIDE_AREA, WIDTH, bare, fitted, shown
from embedding.atlas.pictures.maps import Points, dots, map_axes
from embedding.atlas.pictures.theme import Theme
from embedding.atlas.pictures.titles import place_titles


def draw_neighbours(
    figure: Figure, theme: Theme, points: Points, book: int, near: list[int], titles: Sequence[str], cosines: Sequence[float]
) -> None:
    """A book on the map with lines to its neighbours, which are numbered by rank and listed beside it.

    Args:
        figure: to draw on.
        theme: its colours.
        points: places of all books, shape (n, 2).
        book: its row.
        near: rows of its neighbours, by rank.
        titles: of the neighbours.
        cosines: of the neighbours.
    """
    axes = map_axes(figure, points[[book, *near]], margin=0.3)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    there = points[(left <= points[:, 0]) & (points[:, 0] <= right) & (bottom <= points[:, 1]) & (points[:, 1] <= top)]
    dots(axes, there, 10 * len(there), theme.rest, above=1)
    for other in near:
        axes.plot(*points[[book, other]].T, color=theme.accent, linewidth=0.9, alpha=0.7, zorder=2)
    axes.scatter(points[near, 0], points[near, 1], s=42, color=theme.accent, linewidths=0, zorder=3)
    axes.scatter(points[book, 0], points[book, 1], s=110, color=theme.second, marker="D", linewidths=0, zorder=4)
    place_titles(axes, theme, points[near], [str(i + 1) for i in range(len(near))], len(near), 10, away=6, weight="bold")

    listed = bare(figure, SIDE_AREA)
    listed.set(xlim=(0, 1), ylim=(0, 1))
    step = min(0.06, 0.98 / max(1, len(near)))
    for place, (title, cosine) in enumerate(zip(titles, cosines, strict=True)):
        height = 0.96 - place * step
        listed.text(0.06, height, f"{place + 1}", va="center", ha="right", fontsize=10.5, fontweight="bold", color=theme.accent)
        listed.text(0.09, height, fitted(figure, title, 10.5, WIDTH * SIDE_AREA[2] * 0.74), va="center", fontsize=10.5, color=theme.ink)
        listed.text(1.0, height, f"{cosine:.3f}", va="center", ha="right", fontsize=10.5, color=theme.faint)


def draw_extremes(figure: Figure, theme: Theme, titles: Sequence[str], cosines: NDArray[np.float64], book: int, most: int = 10) -> None:
    """Bars of the books nearest to one and farthest from it, of all books.

    Args:
        figure: to draw on.
        theme: its colours.
        titles: of all books.
        cosines: of all books with the one.
        book: its row.
        most: books on either side, fewer where there are not so many.
    """
    others = np.delete(np.argsort(-cosines, kind="stable"), np.flatnonzero(np.argsort(-cosines, kind="stable") == book))
    most = min(most, len(others) // 2 or len(others))
    rows = [*others[:most], *others[len(others) - min(most, len(others) - most) :]]
    axes = figure.add_axes((0.36, 0.07, 0.58, 0.82))
    heights = np.array([-i - (0.8 if i >= most else 0) for i in range(len(rows))], dtype=float)
    colours = [theme.accent if i < most else theme.second for i in range(len(rows))]
    axes.barh(heights, cosines[rows], height=0.72, color=colours)
    axes.set_yticks(heights, [shown(titles[i], 48) for i in rows], fontsize=9.5)
    axes.axvline(0, color=theme.faint, linewidth=0.8)
    axes.set_xlim(min(-0.05, float(cosines[rows].min()) * 1.35), 1.08)
    for height, row in zip(heights, rows, strict=True):
        value = cosines[row]
        axes.annotate(
            f"{value:.2f}", (value, height), (4 if value >= 0 else -4, 0), textcoords="offset points", va="center",
            ha="left" if value >= 0 else "right", fontsize=8.5, color=theme.faint,
        )  # fmt: skip
    axes.set_xlabel("cosine similarity", fontsize=10)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
