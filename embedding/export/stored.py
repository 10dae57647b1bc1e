"""The vectors of a snapshot, batch by batch, so that millions of them need not be in memory at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedding.errors import WarehouseError
from embedding.manifest import Snapshot
from embedding.warehouse import Warehouse

VectorTable = Literal["book_vectors", "link_vectors"]
ROWS_PER_BATCH = 1 << 16


@dataclass(frozen=True)
class Batch:
    """Some rows of a table of vectors.

    Attributes:
        page_ids: int64; null where a link has no page.
        titles: strings, none of them null.
        vectors: shape (rows, dimensions).
        bias: of links, shape (rows,); None for books.
    """

    page_ids: pa.Array
    titles: pa.Array
    vectors: NDArray[np.float32]
    bias: NDArray[np.float32] | None


class StoredVectors:
    """One table of vectors of one snapshot, in the order of its rows.

    Raises:
        WarehouseError: the table is not there, or holds no vector.
    """

    def __init__(self, warehouse: Warehouse, snapshot: Snapshot, table: VectorTable) -> None:
        self.snapshot, self.table = snapshot, table
        self._files = [file for file in warehouse.files(table, snapshot) if pq.read_metadata(file).num_rows]
        self.rows = sum(pq.read_metadata(file).num_rows for file in self._files)
        if not self.rows:
            raise WarehouseError(f"{warehouse.name}: table {table} of {snapshot} holds no vector; give a larger dump")
        first = next(pq.ParquetFile(self._files[0]).iter_batches(1, columns=["vector"]))
        self.dimensions = len(first["vector"][0])

    def batches(self) -> Iterator[Batch]:
        """The rows."""
        more = ["bias"] if self.table == "link_vectors" else []
        for file in self._files:
            for rows in pq.ParquetFile(file).iter_batches(ROWS_PER_BATCH, columns=["page_id", "title", "vector", *more]):
                vectors = np.asarray(rows["vector"].flatten(), np.float32).reshape(len(rows), self.dimensions)
                yield Batch(rows["page_id"], rows["title"], vectors, np.asarray(rows["bias"], np.float32) if more else None)
