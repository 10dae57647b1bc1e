"""What goes into the explorer, out of the tables."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from embedding.atlas.explorer.books import GRID, SIMILARITY, YEAR_ZERO, Contents, explorer_contents, on_grid
from embedding.errors import NotFoundError
from embedding.manifest import Snapshot
from embedding.sql import open_duckdb
from tests.atlas.mapped import LIBRARY, Book, write_mapped


def _contents(folder: Path, books: Sequence[Book] = LIBRARY, most: int = 1000) -> Contents:
    return explorer_contents(open_duckdb(write_mapped(folder, books)), "enwiki", "20260101", most, 100)


def _neighbours(made: Contents) -> dict[str, list[tuple[str, float, list[str]]]]:
    """title: (neighbour's title, cosine, shared links), read as the page reads it."""
    titles, near = list(made.books["title"]), made.neighbours
    found: dict[str, list[tuple[str, float, list[str]]]] = {}
    at = explained = shared = 0
    for book, title in enumerate(titles):
        found[str(title)] = []
        for _ in range(int(near["neighbours of"][book])):  # type: ignore[arg-type]
            places = near["explanation"][explained : explained + int(near["explained by"][at])]  # type: ignore[arg-type]
            names = [near["link names"][int(near["shared"][shared + int(place)])] for place in places]  # type: ignore[arg-type]
            cosine = int(near["similarity"][at]) / SIMILARITY - 1  # type: ignore[arg-type]
            found[str(title)].append((str(titles[int(near["neighbour"][at])]), round(cosine, 3), [str(name) for name in names]))  # type: ignore[arg-type]
            explained += len(places)
            at += 1
        shared += int(near["shared of"][book])  # type: ignore[arg-type]
    return found


def test_books_stand_most_linked_first_with_what_is_known_of_them(tmp_path: Path) -> None:
    books = _contents(tmp_path).books
    assert list(books["title"]) == [book.title for book in LIBRARY]
    for name in ("author", "country", "language"):
        names = books[f"{name} names"]
        assert [names[i] or None for i in books[name]] == [getattr(book, name) for book in LIBRARY]  # type: ignore[call-overload]
    assert [int(year) - YEAR_ZERO if year else None for year in books["year"]] == [book.year for book in LIBRARY]  # type: ignore[arg-type]
    assert [books["genres names"][i] for i in books["genres"]] == [", ".join(book.genres) for book in LIBRARY]  # type: ignore[call-overload]


def test_neighbours_stand_in_order_with_the_links_that_they_share(tmp_path: Path) -> None:
    found = _neighbours(_contents(tmp_path))
    for book in LIBRARY:
        assert found[book.title] == [(LIBRARY[other].title, cosine, list(shared)) for other, cosine, shared in book.near]


def test_fewer_books_are_the_most_linked_and_the_others_are_counted(tmp_path: Path) -> None:
    made = _contents(tmp_path, most=2)
    assert made.about["left_out"] == len(LIBRARY) - 2
    assert _neighbours(made) == {
        "War and Peace": [("Anna Karenina", 0.91, list(LIBRARY[0].near[0][2]))],
        "Anna Karenina": [("War and Peace", 0.91, list(LIBRARY[0].near[0][2]))],
    }


def test_one_book_without_anything_is_shown(tmp_path: Path) -> None:
    made = _contents(tmp_path, [Book("Alone")])
    assert (made.about["books"], made.about["maps"]) == (1, ["t-SNE", "UMAP"])
    assert _neighbours(made) == {"Alone": []}


def test_another_snapshot_does_not_mix_in(tmp_path: Path) -> None:
    warehouse = write_mapped(tmp_path, [Book("Old", near=[(1, 0.5, ["x"])]), Book("Older")], Snapshot("enwiki", "20250101"))
    write_mapped(tmp_path, LIBRARY)
    made = explorer_contents(open_duckdb(warehouse), "enwiki", "20260101", 1000, 100)
    assert made.about["books"] == len(LIBRARY)
    assert "Old" not in _neighbours(made)


def test_no_map_is_said_with_the_mend(tmp_path: Path) -> None:
    connection = open_duckdb(write_mapped(tmp_path, []))
    with pytest.raises(NotFoundError, match="no map of enwiki 20260101 is there; make it with the step draw_map"):
        explorer_contents(connection, "enwiki", "20260101", 1000, 100)


@pytest.mark.parametrize(("table", "step"), [("neighbours", "find_neighbours"), ("links", "build_pairs")])
def test_a_table_that_is_missing_is_said_with_the_mend(tmp_path: Path, table: str, step: str) -> None:
    warehouse = write_mapped(tmp_path, LIBRARY)
    shutil.rmtree(tmp_path / table)
    with pytest.raises(NotFoundError, match=f"table {table} of enwiki 20260101 is not there; make it with the step {step}"):
        explorer_contents(open_duckdb(warehouse), "enwiki", "20260101", 1000, 100)


def test_places_keep_their_proportions() -> None:
    x, y = on_grid(np.array([-1.0, 1.0, np.nan]), np.array([0.0, 1.0, 0.0]))
    assert x.tolist() == [0, GRID, 0]
    assert y.tolist() == [16384, 49151, 0]


@pytest.mark.parametrize("values", [[], [3.0], [2.0, 2.0], [np.nan], [np.inf, 1.0]])
def test_odd_maps_have_places_too(values: list[float]) -> None:
    x, y = on_grid(np.array(values), np.array(values))
    assert len(x) == len(y) == len(values)
