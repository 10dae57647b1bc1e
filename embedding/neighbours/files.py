"""The folder of an Annoy index: the index, the vectors it was made of, what its items are, and how to open it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedding.neighbours.annoy_index import METRIC, AnnoySearch, build_index
from embedding.neighbours.search import Vectors

INDEX, VECTORS, ITEMS = "index.ann", "vectors.npy", "items.parquet"


@dataclass(frozen=True)
class IndexFolder:
    """The folder of one index. Item i of the index is row i of the vectors and of the items."""

    folder: Path

    def write_rows(self, vectors: Vectors, items: pa.Table) -> None:
        """Write the vectors, shape (rows, d), and what each row is."""
        np.save(self.folder / VECTORS, vectors)
        pq.write_table(items, self.folder / ITEMS, compression="zstd")

    def vectors(self) -> Vectors:
        """The vectors, mapped into memory: processes of one machine share them."""
        return np.load(self.folder / VECTORS, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]

    def build(self, trees: int, seed: int) -> None:
        """Build the index of the vectors that were written."""
        partial = self.folder / f"{INDEX}.partial"
        build_index(self.vectors(), partial, trees, seed)
        partial.replace(self.folder / INDEX)  # whoever has mapped the former one keeps it

    def search(self, search_k: int) -> AnnoySearch:
        """Open the index."""
        return AnnoySearch(self.vectors(), self.folder / INDEX, search_k)

    def facts(self) -> dict[str, Any]:
        """What tells whether a file is this index: a wrong width or metric would load garbage."""
        rows, width = self.vectors().shape
        file = self.folder / INDEX
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        return {"metric": METRIC, "vectors": rows, "dimensions": width, "bytes": file.stat().st_size, "sha256": digest}
