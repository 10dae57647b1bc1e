"""Placing a new book: a vector from its links alone, without training, and its neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedding.errors import NotFoundError, WarehouseError
from embedding.manifest import Manifest, Snapshot
from embedding.query import Neighbour
from embedding.titles import find_links
from embedding.warehouse import Warehouse

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from embedding.train.fold_in import Trained


@dataclass(frozen=True)
class Placed:
    """A new book among those of a snapshot.

    Attributes:
        links: titles of the links that it was placed by.
        unknown: given title: why it was left out, with titles that are near.
        vector: of length 1, shape (d,), in the space of the table book_vectors.
    """

    snapshot: Snapshot
    links: list[str]
    unknown: dict[str, str]
    vector: NDArray[np.float32]
    neighbours: list[Neighbour]


def place(connection: "DuckDBPyConnection", warehouse: Warehouse, snapshot: Snapshot, titles: Sequence[str], k: int, shared: int) -> Placed:
    """Place a book by its links.

    Args:
        connection: as `sql.open_duckdb` opens it.
        warehouse: where the snapshot lies.
        snapshot: the space in which it is placed.
        titles: of the pages that the book links to.
        k: neighbours at most.
        shared: links named at most for each neighbour.

    Raises:
        NotFoundError: none of the titles is in the vocabulary.
        WarehouseError: a table is missing, or the tables do not belong together.
    """
    from embedding.train.fold_in import fold_in
    from embedding.wiki.site import Site

    made = warehouse.inputs(["pages", "links", "pairs", "paired_books", "negatives", "link_vectors", "book_vectors"], snapshot)
    site = Site.from_dict(made["pages"].facts["site"])
    found = find_links(connection, snapshot, site, titles, made["pairs"].settings["pairs"]["max_redirects"])
    if not found.links:
        unknown = "; ".join(f"{title!r} ({why})" for title, why in found.unknown.items())
        raise NotFoundError(f"none of the titles is in the vocabulary of {snapshot}: {unknown}")
    own = np.array(list(found.links), np.int64)
    vector = fold_in(_trained(warehouse, snapshot, made), own, made["link_vectors"].settings["seed"])
    books = _arrow(warehouse, snapshot, "book_vectors", ["book_id", "title", "vector"], "book_id")
    cosines = _vectors(books) @ vector
    nearest = np.lexsort((np.arange(len(cosines)), -cosines))[:k]
    common = _shared(connection, snapshot, nearest, own)
    neighbours = [
        Neighbour(rank, books["title"][int(row)].as_py(), float(np.clip(cosines[row], -1, 1)), common.get(int(row), [])[:shared])
        for rank, row in enumerate(nearest, 1)
    ]
    return Placed(snapshot, list(found.links.values()), found.unknown, vector, neighbours)


def _trained(warehouse: Warehouse, snapshot: Snapshot, made: dict[str, Manifest]) -> "Trained":
    """What the training left, from the tables and their manifests."""
    from embedding.pairs.negatives import link_weights
    from embedding.train.fold_in import Trained

    facts, train = made["link_vectors"].facts, made["link_vectors"].settings["train"]
    if not {"scale", "length"} <= set(facts):
        raise WarehouseError(f"{warehouse.name}: table link_vectors of {snapshot} is of an older version; run train_embedding again")
    how = made["negatives"].settings["negatives"]
    links = _arrow(warehouse, snapshot, "link_vectors", ["link_id", "vector", "bias"], "link_id")
    counts = _arrow(warehouse, snapshot, "links", ["link_id", "books"], "link_id")["books"].to_numpy().astype(np.float64)
    positive = counts ** train["link_weight_power"]
    even = how["books"] == "uniform"
    return Trained(
        _vectors(links),
        links["bias"].to_numpy(),
        positive * (counts.sum() / (counts @ positive)),  # 1 in the mean over the pairs, as in the training
        link_weights(counts, how["links"], how["power"]),
        0 if even else how["per_positive"],
        how["per_positive"] * made["pairs"].rows_out / made["paired_books"].rows_out,
        train["loss"],
        facts["scale"],
        facts["length"],
    )


def _arrow(warehouse: Warehouse, snapshot: Snapshot, table: str, columns: Sequence[str], order: str) -> pa.Table:
    return pq.read_table(warehouse.files(table, snapshot), columns=list(columns), partitioning=None).sort_by(order)


def _vectors(table: pa.Table) -> NDArray[np.float32]:
    return np.array(table["vector"].combine_chunks().flatten()).reshape(len(table), -1)


def _shared(connection: "DuckDBPyConnection", snapshot: Snapshot, books: NDArray[np.int64], own: NDArray[Any]) -> dict[int, list[str]]:
    """book_id: titles of the links that it has in common with `own`, rarest first."""
    here = f"wiki = '{snapshot.wiki}' AND snapshot = '{snapshot.date}'"
    rows = connection.execute(
        f"SELECT book_id, list(title ORDER BY books, title) FROM (FROM pairs WHERE {here}) JOIN (FROM links WHERE {here}) USING (link_id) "
        "WHERE book_id IN (SELECT unnest($books)) AND link_id IN (SELECT unnest($own)) GROUP BY book_id",
        {"books": books.tolist(), "own": own.tolist()},
    )
    return dict(rows.fetchall())
