"""Parquet for Apple's embedding-atlas: a row a book with its place on the map and its neighbours as row numbers.

Source: the option `--neighbors` of embedding-atlas 0.26: a struct of ids (row numbers from 0) and distances, nearest first.
"""

from typing import IO, TYPE_CHECKING

from embedding.atlas.explorer.books import has_rows
from embedding.errors import NotFoundError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from embedding.manifest import Snapshot

_ROWS = """
    WITH books AS (
        SELECT *, row_number() OVER (ORDER BY page_id) - 1 AS id FROM book_map WHERE wiki = $1 AND snapshot = $2
    ), near AS (
        SELECT mine.id, list(CAST(theirs.id AS INTEGER) ORDER BY n.rank) AS ids,
            list(CAST(1 - n.similarity AS FLOAT) ORDER BY n.rank) AS distances
        FROM neighbours n
        JOIN books mine ON mine.page_id = n.page_id
        JOIN books theirs ON theirs.page_id = n.neighbour_page_id
        WHERE n.wiki = $1 AND n.snapshot = $2 GROUP BY mine.id
    )
    SELECT books.page_id, books.title, books.author, books.genre, books.country, books.language, books.year,
        coalesce(tsne_x, umap_x) AS x, coalesce(tsne_y, umap_y) AS y, umap_x, umap_y,
        {'ids': coalesce(near.ids, CAST([] AS INTEGER[])), 'distances': coalesce(near.distances, CAST([] AS FLOAT[]))} AS neighbors
    FROM books LEFT JOIN near ON near.id = books.id ORDER BY books.id
"""


def write_embedding_atlas(connection: "DuckDBPyConnection", snapshot: "Snapshot", out: IO[bytes]) -> int:
    """Write the books of the map; x and y are t-SNE's, or UMAP's where there is no t-SNE. Distance: 1 - cosine.

    Returns:
        Number of books.

    Raises:
        NotFoundError: the snapshot has no map or no neighbours.
    """
    import pyarrow.parquet as pq

    key = [snapshot.wiki, snapshot.date]
    missing = f"of {snapshot} is not there; make it with the step"
    if not has_rows(connection, "book_map", key):
        raise NotFoundError(f"table book_map {missing} draw_map, or all with `bookspace run`")
    books = connection.execute("SELECT count(*) FROM book_map WHERE wiki = ? AND snapshot = ?", key).fetchall()[0][0]
    if books > 1 and not has_rows(connection, "neighbours", key):
        raise NotFoundError(f"table neighbours {missing} find_neighbours, or all with `bookspace run`")
    rows = connection.sql(_ROWS, params=key).to_arrow_table()
    pq.write_table(rows, out, compression="zstd")
    return len(rows)
