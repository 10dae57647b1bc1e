"""A sheet of paper: its title, its legend, and its file. No display is needed."""

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from embedding.atlas.pictures.theme import Theme

log = logging.getLogger("bookspace")
WIDTH, HEIGHT, DPI = 11.7, 8.3, 300  # A4, landscape
MAP_AREA = (0.02, 0.03, 0.66, 0.87)  # left, bottom, width, height, in shares of the sheet
SIDE_AREA = (0.70, 0.03, 0.28, 0.87)
# What is drawn when the first has not a letter: those of them that are installed.
FONTS = (
    "DejaVu Sans", "Noto Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Source Han Sans", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei",
    "Droid Sans Fallback", "IPAexGothic", "IPAGothic", "Hiragino Sans", "Yu Gothic", "Microsoft YaHei", "Malgun Gothic", "Arial Unicode MS",
    "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Thai",
)  # fmt: skip
_MISSING = re.compile(r"Glyph (\d+) .* missing from")


@dataclass(frozen=True)
class Entry:
    """A line of a legend: a mark, a name, a number."""

    name: str
    count: int | None
    colour: Any
    marker: str = "o"


def shown(text: str, longest: int = 44) -> str:
    """A title as it can be drawn: in one line, without control characters, cut where it is too long."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def fitted(figure: Figure, text: str, size: float, inches: float) -> str:
    """A title cut so that it is no wider than so many inches."""
    longest = len(text)
    while longest > 1:
        written = Text(0, 0, shown(text, longest), fontsize=size)
        written.set_figure(figure)
        width = written.get_window_extent(figure.canvas.get_renderer()).width / figure.dpi  # type: ignore[attr-defined]
        if width <= inches:
            break
        longest = min(longest - 1, int(longest * inches / width) + 1)
    return shown(text, max(1, longest))


@contextmanager
def sheet(theme: Theme, title: str, subtitle: str) -> Iterator[Figure]:
    """An empty sheet with its title; all that is drawn within the block is drawn by the theme."""
    with mpl.rc_context(_style(theme)):
        figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor=theme.paper)  # letters are as wide when measured as when written
        FigureCanvasAgg(figure)
        figure.text(0.02, 0.965, shown(title, 90), fontsize=17, fontweight="bold", va="center", color=theme.ink)
        figure.text(0.02, 0.927, shown(subtitle, 150), fontsize=9.5, va="center", color=theme.faint)
        yield figure


def bare(figure: Figure, area: tuple[float, float, float, float]) -> Axes:
    """Axes without any frame."""
    axes = figure.add_axes(area)
    axes.set_axis_off()
    return axes


def draw_legend(figure: Figure, entries: Sequence[Entry], theme: Theme) -> None:
    """The lines of a legend, one below the other, at the sheet's right side, with their numbers."""
    axes = bare(figure, SIDE_AREA)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    step = min(0.044, 0.98 / max(1, len(entries)))
    for place, entry in enumerate(entries):
        height = 0.98 - place * step
        axes.scatter([0.03], [height], s=55, color=[entry.colour], marker=entry.marker, linewidths=0)
        name = fitted(figure, entry.name, 10.5, WIDTH * SIDE_AREA[2] * (0.72 if entry.count is not None else 0.9))
        axes.text(0.08, height, name, va="center", fontsize=10.5, color=theme.ink)
        if entry.count is not None:
            axes.text(0.99, height, f"{entry.count:,}", va="center", ha="right", fontsize=10.5, color=theme.faint)


def save(figure: Figure, files: Sequence[Path]) -> None:
    """Write the sheet, in the format that each file's name tells; without the time, so that the same sheet has the same bytes."""
    for file in files:
        undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        figure.savefig(file, dpi=DPI, metadata=undated.get(file.suffix))


@contextmanager
def noting_letters(missing: set[str]) -> Iterator[None]:
    """Add the letters that no installed font has to `missing`, instead of a warning for each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        if found := _MISSING.match(str(warning.message)):
            missing.add(chr(int(found[1])))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _style(theme: Theme) -> Any:
    """Titles are texts and no formulas, whatever signs they hold; the same drawing has the same bytes."""
    return {
        "font.family": _fonts(), "text.parse_math": False, "svg.hashsalt": "bookspace", "svg.fonttype": "path", "text.color": theme.ink,
        "axes.facecolor": theme.paper, "axes.edgecolor": theme.faint, "axes.labelcolor": theme.ink, "xtick.color": theme.faint,
        "ytick.color": theme.ink, "axes.unicode_minus": False, "savefig.facecolor": theme.paper,
    }  # fmt: skip


@cache
def _fonts() -> list[str]:
    there = set(font_manager.get_font_names())
    return [name for name in FONTS if name in there]
