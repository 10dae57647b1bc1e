"""Texts beside points, none over another."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from embedding.atlas.pictures.theme import Theme

# Where a text is tried, seen from its point: side, and the text's own anchor.
_SIDES = (
    (1, 0, "left", "center"), (-1, 0, "right", "center"), (0, 1, "center", "bottom"), (0, -1, "center", "top"),
    (0.7, 0.7, "left", "bottom"), (-0.7, 0.7, "right", "bottom"), (0.7, -0.7, "left", "top"), (-0.7, -0.7, "right", "top"),
)  # fmt: skip


def place_titles(
    axes: Axes, theme: Theme, points: NDArray[np.float64], titles: Sequence[str], most: int, size: float, away: float = 3.0,
    taken: Iterable[Bbox] = (), colours: Sequence[str] | None = None, weight: str = "normal", centred: bool = False,
) -> list[int]:  # fmt: skip
    """Write titles beside their points, the first ones first; a title for which there is no room is left out, and so is one over a point.

    Args:
        axes: whose limits are set already.
        theme: its colours.
        points: shape (n, 2), in data coordinates.
        titles: n texts, in the order of their weight.
        most: titles that are written at most.
        size: of the letters, in points.
        away: from the point, in points.
        taken: room that others have taken, in pixels.
        colours: of the texts; None: the theme's ink.
        weight: of the letters.
        centred: the text is tried upon its point first.

    Returns:
        Which ones were written.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    pixels = axes.transData.transform(points)
    paper = axes.get_window_extent(renderer)
    room = list(taken)
    names: list[Bbox] = []
    written: list[int] = []
    scale = figure.dpi / 72
    dot = 1.8 * scale  # room that a point itself takes, to each side
    sides = ((0, 0, "center", "center"), *_SIDES) if centred else _SIDES
    for place, (title, pixel) in enumerate(zip(titles, pixels, strict=True)):
        if len(written) == most:
            break
        point = Bbox.from_bounds(pixel[0] - dot, pixel[1] - dot, 2 * dot, 2 * dot)
        if not centred and point.count_overlaps(names):
            continue  # another's text lies upon it
        text = Text(0, 0, title, fontsize=size, fontweight=weight, color=colours[place] if colours else theme.ink, zorder=5)
        text.set_figure(figure)
        for dx, dy, horizontal, vertical in sides:
            text.set(x=pixel[0] + dx * away * scale, y=pixel[1] + dy * away * scale, ha=horizontal, va=vertical)
            box = text.get_window_extent(renderer).padded(3 * scale, 1.2 * scale)
            if paper.x0 <= box.x0 and box.x1 <= paper.x1 and paper.y0 <= box.y0 and box.y1 <= paper.y1 and not box.count_overlaps(room):
                break
        else:
            continue
        room.append(box)
        names.append(box)
        if not centred:
            room.append(point)
        written.append(place)
        x, y = axes.transData.inverted().transform(text.get_position())
        axes.text(
            x, y, title, fontsize=size, fontweight=weight, color=text.get_color(), ha=horizontal, va=vertical, zorder=5,
            path_effects=[withStroke(linewidth=size / 4, foreground=theme.paper)],
        )  # fmt: skip
    return written
