"""Modules of the explorer that the page alone would test too little, each by itself in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding.atlas.explorer import page as explorer
from tests.atlas.browser import browser

WEB = Path(explorer.__file__).parent / "web"


@pytest.fixture(scope="module")
def blank() -> Iterator[Any]:
    with browser() as chromium:
        page = chromium.new_page()
        source = (WEB / "grid.js").read_text(encoding="utf-8")
        page.evaluate("async source => { window.grid = await import('data:text/javascript,' + encodeURIComponent(source)) }", source)
        yield page


@pytest.mark.parametrize("reach", [0.0, 0.4, 3.0, 40.0, 5000.0])
def test_the_grid_finds_the_nearest_as_a_plain_search_does(blank: Any, reach: float) -> None:
    rng = np.random.default_rng(1)
    places = np.concatenate([rng.uniform(0, 1024, (300, 2)), rng.normal(512, 4, (300, 2)), [[0, 0], [1024, 1024], [1024, 0]]])
    asked = np.concatenate([places[::9], rng.uniform(-50, 1100, (60, 2))])
    books = np.arange(0, len(places), 2)  # the others are filtered out
    found = blank.evaluate(
        "([books, places, asked, reach]) => { const g = new grid.Grid(Uint32Array.from(books), places, 1024);"
        " return asked.map(([x, y]) => [g.nearest(x, y, reach), grid.nearestOf(books, places, x, y, reach)]) }",
        [books.tolist(), places.ravel().tolist(), asked.tolist(), reach],
    )
    far = np.hypot(*(asked[:, None] - places[books]).transpose(2, 0, 1))
    for (by_grid, by_all), row in zip(found, far, strict=True):
        right = books[row.argmin()] if row.min() <= reach else None
        assert by_grid == by_all == right


def test_of_books_at_one_place_the_one_drawn_last_is_found(blank: Any) -> None:
    assert blank.evaluate("new grid.Grid(Uint32Array.of(2, 1, 0), [5, 5, 5, 5, 5, 5], 1024).nearest(5, 6, 2)") == 0
    assert blank.evaluate("new grid.Grid(new Uint32Array(0), [], 1024).nearest(5, 6, 1e9)") is None
