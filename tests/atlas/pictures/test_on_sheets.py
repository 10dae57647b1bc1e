"""What is written on the sheets."""

import numpy as np
import pytest

from embedding.atlas.pictures.canvas import sheet
from embedding.atlas.pictures.groups import most_frequent
from embedding.atlas.pictures.maps import LEAST_DOT, dots, draw_groups, map_axes
from embedding.atlas.pictures.similarities import draw_similarities
from embedding.atlas.pictures.theme import THEMES


@pytest.mark.parametrize("k", [1, 10, 100])
def test_the_legend_of_similarities_is_not_cut(k: int) -> None:
    theme = THEMES["light"]
    with sheet(theme, "", "") as figure:
        draw_similarities(figure, theme, np.full(5, -0.001), np.full((5, 2), 0.5), k)
        said = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert "any two books: median 0.00" in said
    assert "neighbour 1: median 0.50" in said
    assert f"neighbour {k}: median 0.50" in said
    assert not any("…" in text for text in said)


def test_only_groups_that_are_dense_somewhere_are_named_on_the_map() -> None:
    groups = most_frequent(["many"] * 3000 + ["few"] * 3)
    with sheet(THEMES["light"], "", "") as figure:
        points = np.random.default_rng(1).normal(size=(3003, 2))
        draw_groups(figure, THEMES["light"], points, groups, "genre", THEMES["light"].groups, shapes=True, named=True)
        on_map, legend = ([text.get_text() for text in axes.texts] for axes in figure.axes)
    assert on_map == ["many"]
    assert "few" in legend


@pytest.mark.parametrize(("total", "shapes"), [(400, 2), (37_000, 2), (1_000_000, 1)])
def test_dots_cover_about_as_much_of_the_sheet_however_many_they_are(total: int, shapes: int) -> None:
    points = np.random.default_rng(1).normal(size=(40, 2))
    with sheet(THEMES["light"], "", "") as figure:
        axes = map_axes(figure, points)
        for marker in "os":
            dots(axes, points, total, "#000000", marker)
    (size,) = {float(one.get_sizes()[0]) for one in axes.collections}
    assert size * total <= 70_001 or size == pytest.approx(LEAST_DOT)
    assert len({len(one.get_paths()[0].vertices) for one in axes.collections}) == shapes
