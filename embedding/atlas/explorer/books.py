"""What the explorer shows, out of the published tables: books on the map, their neighbours, what explains these, books of a link."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embedding.atlas.explorer.pack import numbered
from embedding.errors import NotFoundError

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

Columns = dict[str, "NDArray[Any] | Sequence[str | None]"]
MAPS = {"t-SNE": ("tsne_x", "tsne_y"), "UMAP": ("umap_x", "umap_y")}
GRID = (1 << 16) - 1  # places on a map are whole numbers from 0 to GRID
YEAR_ZERO = 1 << 15  # added to a year; 0 stands for none
SIMILARITY = 1000  # a cosine c is kept as the whole number nearest to (c + 1) * SIMILARITY


@dataclass(frozen=True)
class Contents:
    """What goes into the page.

    Attributes:
        about: wiki, snapshot, counts, names of the maps, what a number means.
        books: a row a book, most linked first, and the dictionaries of authors, genres, countries and languages.
        neighbours: of each book, how many, which, how near, and the links that they share.
    """

    about: dict[str, Any]
    books: Columns
    neighbours: Columns


def explorer_contents(connection: "DuckDBPyConnection", wiki: str, snapshot: str, most_books: int, topics: int) -> Contents:
    """Read everything that the page shows.

    Args:
        connection: as `sql.open_duckdb` opens it.
        wiki: of a snapshot that has a map.
        snapshot: its date.
        most_books: the page holds at most so many, the most linked ones.
        topics: so many links at most get their list of nearest books.

    Raises:
        NotFoundError: the snapshot has no map or no book on it, or neither links nor neighbours.
    """
    key = [wiki, snapshot]
    if not has_rows(connection, "book_map", key):
        raise NotFoundError(f"no map of {wiki} {snapshot} is there; make it with the step draw_map, or all with `bookspace run`")
    total = connection.execute("SELECT count(*) FROM book_map WHERE wiki = ? AND snapshot = ?", key).fetchall()[0][0]
    for table, step in (("links", "build_pairs"), ("neighbours", "find_neighbours")):
        if total > 1 and not has_rows(connection, table, key):
            raise NotFoundError(
                f"table {table} of {wiki} {snapshot} is not there; make it with the step {step}, or all with `bookspace run`"
            )
    books = connection.sql(_BOOKS, params=[*key, most_books]).to_arrow_table()
    maps = {name: columns for name, columns in MAPS.items() if books[columns[0]].null_count < len(books)}
    about = {
        "wiki": wiki, "snapshot": snapshot, "books": len(books), "left_out": total - len(books), "maps": list(maps),
        "grid": GRID, "year_zero": YEAR_ZERO, "similarity": SIMILARITY,
    }  # fmt: skip
    columns: Columns = {"title": books["title"].to_pylist(), "links": _numbers(books["links"])}
    for name, (x, y) in maps.items():
        columns[f"{name} x"], columns[f"{name} y"] = on_grid(books[x].to_numpy(), books[y].to_numpy())
    for name in ("author", "genre", "genres", "country", "language"):
        columns[f"{name} names"], columns[name] = numbered(books[name])
    years = np.asarray(books["year"].cast("float64"), float)
    columns["year"] = np.where(np.abs(years) < YEAR_ZERO, years + YEAR_ZERO, 0).astype(np.uint32)
    connection.register("shown_books", books.select(["page_id"]).append_column("place", _places(len(books))))
    return Contents(about, columns, _neighbours(connection, key, len(books)) | _topics(connection, key, topics))


def on_grid(x: "NDArray[Any]", y: "NDArray[Any]") -> tuple["NDArray[np.uint32]", "NDArray[np.uint32]"]:
    """Places as whole numbers; both axes keep one scale, and the smaller is put in the middle. What has no place is at 0, 0."""
    where = np.stack([np.asarray(x, float), np.asarray(y, float)])
    known = np.isfinite(where).all(axis=0)
    if not known.any():
        return np.zeros(len(x), np.uint32), np.zeros(len(x), np.uint32)
    least, most = where[:, known].min(axis=1), where[:, known].max(axis=1)
    scale = max(float((most - least).max()), 1e-9)
    middle = (least + most) / 2
    placed = np.where(known, (where - middle[:, None]) / scale + 0.5, 0.0)
    x_on_grid, y_on_grid = np.rint(placed * GRID).clip(0, GRID).astype(np.uint32)
    return x_on_grid, y_on_grid


def has_rows(connection: "DuckDBPyConnection", table: str, key: Sequence[str]) -> bool:
    """Does a snapshot have rows in a table, which may not be there at all?"""
    if not connection.execute("SELECT 1 FROM duckdb_views() WHERE view_name = ?", [table]).fetchall():
        return False
    return bool(connection.execute(f"SELECT 1 FROM {table} WHERE wiki = ? AND snapshot = ? LIMIT 1", key).fetchall())


_BOOKS = """
    WITH known AS (SELECT page_id, max(books) AS linked FROM links WHERE wiki = $1 AND snapshot = $2 GROUP BY page_id)
    SELECT m.page_id, m.title, m.author, m.genre, array_to_string(m.genres, ', ') AS genres, m.country, m.language, m.year,
        m.tsne_x, m.tsne_y, m.umap_x, m.umap_y, coalesce(known.linked, 0) AS links
    FROM book_map m LEFT JOIN known ON known.page_id = m.page_id
    WHERE m.wiki = $1 AND m.snapshot = $2
    ORDER BY coalesce(known.linked, 0) DESC, m.links DESC NULLS LAST, m.title, m.page_id
    LIMIT $3
"""


def _neighbours(connection: "DuckDBPyConnection", key: Sequence[str], books: int) -> Columns:
    """Books' neighbours one behind the other, and of each the links that both share.

    A book's shared links are named once, in the order of their numbers (`shared`); a neighbour's are places in that list.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = connection.sql(
        """
        SELECT mine.place AS book, theirs.place AS neighbour, n.similarity, n.shared_links
        FROM neighbours n
        JOIN shown_books mine ON mine.page_id = n.page_id
        JOIN shown_books theirs ON theirs.page_id = n.neighbour_page_id
        WHERE n.wiki = ? AND n.snapshot = ? ORDER BY mine.place, n.rank
        """,
        params=list(key),
    ).to_arrow_table()
    book = _numbers(rows["book"])
    lists = pc.fill_null(rows["shared_links"].combine_chunks(), pa.scalar([], pa.list_(pa.string())))
    counts = _numbers(pc.list_value_length(lists))
    names, codes = numbered(lists.flatten())
    of_book = np.repeat(book, counts)
    pairs, where = np.unique(of_book.astype(np.int64) * len(names) + codes, return_inverse=True)
    first = np.searchsorted(pairs, np.arange(books, dtype=np.int64) * len(names))
    return {
        "neighbours of": np.bincount(book, minlength=books).astype(np.uint32),
        "neighbour": _numbers(rows["neighbour"]),
        "similarity": _kept_cosines(rows["similarity"]),
        "link names": names,
        "shared of": np.bincount(pairs // len(names), minlength=books).astype(np.uint32),
        "shared": (pairs % len(names)).astype(np.uint32),
        "explained by": counts.astype(np.uint32),
        "explanation": (where - first[of_book]).astype(np.uint32),
    }


def _topics(connection: "DuckDBPyConnection", key: Sequence[str], most: int) -> Columns:
    """Links and the books nearest to each: those of the table link_books, links that most books have first."""
    if not has_rows(connection, "link_books", key):
        return {}
    rows = connection.sql(_TOPICS, params=[*key, most]).to_arrow_table()
    topics, first, topic = np.unique(_numbers(rows["topic"]), return_index=True, return_inverse=True)
    return {
        "topic names": rows["title"].take(first).to_pylist(),
        "topic books": np.bincount(topic, minlength=len(topics)).astype(np.uint32),
        "topic book": _numbers(rows["book"]),
        "topic similarity": _kept_cosines(rows["similarity"]),
    }


_TOPICS = """
    WITH chosen AS (
        SELECT link_id, title, row_number() OVER (ORDER BY books DESC, title, link_id) AS topic FROM links
        WHERE wiki = $1 AND snapshot = $2 QUALIFY topic <= $3
    )
    SELECT chosen.topic, chosen.title, shown.place AS book, near.similarity
    FROM link_books near
    JOIN chosen ON chosen.link_id = near.link_id
    JOIN shown_books shown ON shown.page_id = near.book_page_id
    WHERE near.wiki = $1 AND near.snapshot = $2
    ORDER BY chosen.topic, near.rank
"""


def _kept_cosines(similarity: Any) -> "NDArray[np.uint32]":
    kept: NDArray[np.uint32] = np.rint((np.asarray(similarity, float) + 1) * SIMILARITY).clip(0, 2 * SIMILARITY).astype(np.uint32)
    return kept


def _numbers(column: Any) -> "NDArray[np.int64]":
    return np.asarray(column, np.int64)


def _places(count: int) -> "pa.Array":
    import pyarrow as pa

    return pa.array(np.arange(count), pa.int64())
