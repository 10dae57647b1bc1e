"""Titles on a map: none over another."""

import numpy as np
import pytest

from embedding.atlas.pictures.canvas import fitted, sheet, shown
from embedding.atlas.pictures.maps import map_axes
from embedding.atlas.pictures.theme import THEMES
from embedding.atlas.pictures.titles import place_titles


@pytest.mark.parametrize("spread", [0.0, 0.05, 1.0])
def test_no_title_lies_over_another_or_leaves_the_map(spread: float) -> None:
    rng = np.random.default_rng(1)
    points = np.vstack([[[-1, -1], [1, 1]], rng.normal(scale=spread + 1e-12, size=(200, 2))])
    titles = [f"A title of some length {i}" for i in range(len(points))]
    with sheet(THEMES["light"], "", "") as figure:
        axes = map_axes(figure, points)
        written = place_titles(axes, THEMES["light"], points, titles, 60, 8)
        boxes = [text.get_window_extent() for text in axes.texts]
        paper = axes.get_window_extent()
    assert len(written) == len(boxes)
    assert len(written) >= (50 if spread == 1 else 3)
    for i, box in enumerate(boxes):
        assert not box.padded(5, 0).count_overlaps(boxes[:i]), "two titles of one line read as one"
        assert paper.x0 <= box.x0 <= box.x1 <= paper.x1
        assert paper.y0 <= box.y0 <= box.y1 <= paper.y1


def test_the_first_titles_come_first() -> None:
    points = np.zeros((5, 2))
    with sheet(THEMES["dark"], "", "") as figure:
        axes = map_axes(figure, points)
        assert place_titles(axes, THEMES["dark"], points, list("abcde"), 1, 8) == [0]
        assert [text.get_text() for text in axes.texts] == ["a"]


def test_titles_are_cut_to_the_room_that_there_is() -> None:
    with sheet(THEMES["light"], "", "") as figure:
        assert fitted(figure, "Short", 10, 2) == "Short"
        cut = fitted(figure, "W" * 80, 10, 2)
        assert cut.endswith("…")
        assert 8 < len(cut) < 20
        assert len(fitted(figure, "i" * 80, 10, 2)) > len(cut)
        assert fitted(figure, "", 10, 2) == ""


def test_hostile_titles_become_one_short_line() -> None:
    assert shown("a\nb\tc\x00d\u202ee") == "a b c d e"
    assert shown("x" * 100, 10) == "x" * 9 + "…"
    assert shown("$\\frac{") == "$\\frac{"
    assert shown("") == ""
