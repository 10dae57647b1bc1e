"""The table `book_map`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedding.atlas.genres import name_genres
from embedding.atlas.places import name_countries, name_languages
from embedding.atlas.start import Places

MAPS = ("tsne", "umap")


def map_columns(paired: pa.Table, books: pa.Table, places: Mapping[str, Places]) -> dict[str, Any]:
    """The columns of `book_map`.

    Args:
        paired: page_id, title, links of the books that have a vector, in the order of `places`.
        books: page_id, author, genres, country, language, year, of these and maybe more books.
        places: a map's name: places, shape (n, 2); a map that is not there leaves its columns null.
    """
    known = books.take(_rows_of(paired["page_id"].to_numpy(), books["page_id"].to_numpy()))
    genres = name_genres(known["genres"].to_pylist())
    columns: dict[str, Any] = {
        **{name: paired[name].combine_chunks() for name in ("page_id", "title", "links")},
        "author": known["author"].combine_chunks(),
        "genre": [row[0] if row else None for row in genres],
        "genres": genres,
        "country": name_countries(known["country"].to_pylist()),
        "language": name_languages(known["language"].to_pylist()),
        "year": known["year"].combine_chunks(),
    }
    for name in MAPS:
        for axis, letter in enumerate("xy"):
            columns[f"{name}_{letter}"] = places[name][:, axis].astype(np.float32) if name in places else [None] * len(paired)
    return columns


def old_places(page_ids: NDArray[np.int64], before: pa.Table) -> dict[str, Places]:
    """Places of books on the maps of an earlier snapshot, in their order; nan where it had not the book.

    Args:
        page_ids: shape (n,).
        before: page_id and the four coordinates of the earlier `book_map`.
    """
    theirs = before["page_id"].to_numpy()
    found, at = np.isin(page_ids, theirs), np.zeros(len(page_ids), np.int64)
    at[found] = _rows_of(page_ids[found], theirs)
    places = {}
    for name in MAPS:
        both = np.column_stack([before[f"{name}_{letter}"].to_numpy().astype(np.float64) for letter in "xy"])
        there = np.full((len(page_ids), 2), np.nan)
        there[found] = both[at[found]]
        places[name] = there
    return places


def _rows_of(wanted: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """The row of each wanted key; each must be there."""
    order = np.argsort(keys, kind="stable")
    return order[np.searchsorted(keys, wanted, sorter=order)]
