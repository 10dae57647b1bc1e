"""Annoy: an approximate index in one file. The only file that imports annoy."""

from pathlib import Path
from typing import Final, Literal

import numpy as np
from annoy import AnnoyIndex

from embedding.errors import WarehouseError
from embedding.neighbours.search import SPARE, Rows, Vectors, cosines, ranked

METRIC: Final[Literal["angular"]] = "angular"


def build_index(vectors: Vectors, file: Path, trees: int, seed: int) -> None:
    """Write an index of the rows of `vectors`, shape (rows, d); the same bytes for the same vectors and seed."""
    index = AnnoyIndex(vectors.shape[1], METRIC)
    index.set_seed(seed or 1)  # 0 means Annoy's own default
    for row, vector in enumerate(vectors):
        index.add_item(row, vector)
    index.build(trees, n_jobs=1)  # builds with several threads cannot be repeated
    try:
        index.save(str(file))
    except OSError as error:  # annoy's has no errno that would tell which
        raise WarehouseError(f"{file}: cannot be written ({error}); free space, or give another --warehouse") from error


class AnnoySearch:
    """Candidates from an index; their cosines are computed anew, and a query that comes back short is searched exactly.

    The index is mapped into memory: all processes of a machine that open it share one copy.
    """

    def __init__(self, vectors: Vectors, file: Path, search_k: int) -> None:
        self._vectors, self.search_k = vectors, search_k
        self._index = AnnoyIndex(vectors.shape[1], METRIC)
        try:
            self._index.load(str(file))
        except OSError as error:
            raise WarehouseError(f"{file}: cannot be read ({error}); driver and executors must share the warehouse") from error
        if self._index.get_n_items() != len(vectors):
            raise WarehouseError(
                f"{file}: is an index of {self._index.get_n_items():,} vectors and not of {len(vectors):,}; run find_neighbours again"
            )

    def neighbours(self, queries: Rows, k: int) -> tuple[Rows, Vectors]:
        """See `search.Search`."""
        return self._search(self._vectors[queries], queries, min(k, len(self._vectors) - 1))

    def nearest(self, queries: Vectors, k: int) -> tuple[Rows, Vectors]:
        """See `search.Search`."""
        return self._search(queries, None, min(k, len(self._vectors)))

    def _search(self, queries: Vectors, own: Rows | None, k: int) -> tuple[Rows, Vectors]:
        candidates = np.full((len(queries), k + SPARE), -1, np.int64)
        for place, query in enumerate(queries):
            row = self._index.get_nns_by_vector(query, k + SPARE, self.search_k)
            candidates[place, : len(row)] = row
        if own is not None:
            candidates[candidates == own[:, None]] = -1
        found, similar = ranked(candidates, cosines(self._vectors, candidates, queries), k)
        for place in np.flatnonzero((candidates >= 0).sum(1) < k):
            everything = np.delete(np.arange(len(self._vectors)), [] if own is None else own[place])[None]
            (found[place],), (similar[place],) = ranked(everything, cosines(self._vectors, everything, queries[place : place + 1]), k)
        return found, similar
