"""What the pictures show, read from the published tables."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedding.errors import NotFoundError
from embedding.manifest import Snapshot
from embedding.query import similar
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse

if TYPE_CHECKING:
    from embedding.query import Answer

MapName = Literal["tsne", "umap"]
MAP_TITLES: dict[MapName, str] = {"tsne": "t-SNE", "umap": "UMAP"}


@dataclass(frozen=True)
class Books:
    """The published books of a wiki.

    Attributes:
        snapshot: that they are of.
        table: `book_map`, in the order of page_id.
        vectors: unit vectors in the same order, shape (n, d).
        similarities: cosine of each book with its first neighbour, and with its last one in the table, shape (n, 2).
        k: rank of that last neighbour.
        answer: the book that is shown with its neighbours.
    """

    snapshot: Snapshot
    table: pa.Table
    vectors: NDArray[np.float32]
    similarities: NDArray[np.float64]
    k: int
    answer: "Answer"

    def column(self, name: str) -> list[Any]:
        """A column of the table."""
        return list(self.table[name].to_pylist())

    def points(self, name: MapName) -> NDArray[np.float64] | None:
        """Places on a map, shape (n, 2); None when it was not drawn."""
        return places_on(self.table, name)


def places_on(table: pa.Table, name: MapName) -> NDArray[np.float64] | None:
    """Places of the books of `book_map` on a map, shape (n, 2); None when it was not drawn."""
    columns = [table[f"{name}_{axis}"] for axis in "xy"]
    if any(column.null_count for column in columns):
        return None
    return np.column_stack([column.to_numpy() for column in columns]).astype(np.float64)


def read_books(warehouse: Warehouse, wiki: str | None, title: str | None) -> Books:
    """Read what the pictures show.

    Args:
        warehouse: where the tables are.
        wiki: whose newest published snapshot it is; None: of the only wiki that there is.
        title: of the book that is shown with its neighbours; None: the one with most links.

    Raises:
        NotFoundError: nothing is published, or of several wikis and none is named, or no book has that title.
        WarehouseError: the snapshot has no map.
    """
    snapshot = _published(warehouse, wiki)
    table = _table(warehouse, "book_map", snapshot, None).sort_by("page_id")
    stored = _table(warehouse, "book_vectors", snapshot, ["page_id", "vector"]).sort_by("page_id")
    near = _table(warehouse, "neighbours", snapshot, ["page_id", "rank", "similarity"]).sort_by(
        [("page_id", "ascending"), ("rank", "ascending")]
    )
    book, cosine = near["page_id"].to_numpy(), near["similarity"].to_numpy().astype(np.float64)
    last = np.append(book[1:] != book[:-1], np.ones(min(1, len(book)), bool))  # some books may have fewer neighbours than others
    k = int(near["rank"].to_numpy().max(initial=0))
    links, titles = table["links"].to_numpy(), table["title"].to_pylist()
    chosen = title if title is not None else titles[int(np.argmax(links))]
    answer = similar(open_duckdb(warehouse), chosen, wiki=snapshot.wiki)
    vectors = np.array(stored["vector"].combine_chunks().flatten()).reshape(len(stored), -1)
    return Books(snapshot, table, vectors, np.column_stack([cosine[np.roll(last, 1)], cosine[last]]), k, answer)


def _published(warehouse: Warehouse, wiki: str | None) -> Snapshot:
    there = [snapshot for snapshot in warehouse.latest() if wiki in (None, snapshot.wiki)]
    if not there:
        raise NotFoundError(f"{warehouse.name}: no snapshot{f' of {wiki}' if wiki else ''} is published; make one with `bookspace run`")
    if len(there) > 1:
        raise NotFoundError(f"several wikis are published: {', '.join(snapshot.wiki for snapshot in there)}; name one with --wiki")
    return there[0]


def _table(warehouse: Warehouse, name: str, snapshot: Snapshot, columns: list[str] | None) -> pa.Table:
    return pq.read_table(warehouse.files(name, snapshot), columns=columns, partitioning=None)
