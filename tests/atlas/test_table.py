"""The table book_map from its parts."""

import numpy as np
import pyarrow as pa

from embedding.atlas.table import map_columns, old_places
from embedding.tables import TABLES

PAIRED = pa.table(
    {"page_id": pa.array([7, 3, 9], pa.int64()), "title": ["Seven", "Three", "Nine"], "links": pa.array([1, 2, 3], pa.int32())}
)
BOOKS = pa.table(
    {
        "page_id": pa.array([3, 5, 7, 9], pa.int64()),
        "author": ["A", "B", None, "D"],
        "genres": [["Novel", "Sci-fi"], ["Crime"], None, []],
        "country": ["usa", "France", None, "U.S."],
        "language": ["English", "French", None, "english"],
        "year": pa.array([1900, 1950, None, -44], pa.int32()),
    }
)


def test_columns_follow_the_vectors_and_each_book_has_its_own_fields() -> None:
    places = {"tsne": np.arange(6.0).reshape(3, 2)}
    columns = map_columns(PAIRED, BOOKS, places)
    contract = TABLES["book_map"].columns
    made = pa.table({name: pa.array(columns[name], contract.field(name).type) for name in contract.names}, schema=contract).to_pylist()
    assert [row["title"] for row in made] == ["Seven", "Three", "Nine"]
    assert made[1] == {
        "page_id": 3, "title": "Three", "author": "A", "genre": "Science fiction", "genres": ["Science fiction", "Novel"],
        "country": "United States", "language": "English", "year": 1900, "links": 2, "tsne_x": 2.0, "tsne_y": 3.0, "umap_x": None,
        "umap_y": None,
    }  # fmt: skip
    assert (made[0]["genre"], made[0]["genres"], made[0]["country"], made[0]["year"]) == (None, [], None, None)
    assert (made[2]["country"], made[2]["language"], made[2]["year"]) == ("United States", "English", -44)


def test_no_books_make_no_rows() -> None:
    columns = map_columns(PAIRED.slice(0, 0), BOOKS, {"tsne": np.empty((0, 2)), "umap": np.empty((0, 2))})
    assert {len(column) for column in columns.values()} == {0}


def test_old_places_go_by_page_id() -> None:
    before = pa.table(
        {"page_id": [9, 3], "tsne_x": [1.0, 2.0], "tsne_y": [3.0, 4.0], "umap_x": pa.nulls(2, pa.float32()), "umap_y": [5.0, 6.0]}
    )
    places = old_places(np.array([7, 3, 9]), before)
    assert np.array_equal(places["tsne"], [[np.nan, np.nan], [2, 4], [1, 3]], equal_nan=True)
    assert np.isnan(places["umap"]).any(1).all()
