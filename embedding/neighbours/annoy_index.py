"""Annoy: an approximate index in one file. The only file that imports annoy."""

from pathlib import Path

import numpy as np
from annoy import AnnoyIndex
from tqdm import tqdm

from embedding.errors import WarehouseError
from embedding.neighbours.search import Rows, Vectors, ranked


def build_index(vectors: Vectors, file: Path, trees: int, seed: int) -> None:
    """Write an index of the rows of `vectors`, shape (rows, d); the same bytes for the same vectors and seed."""
    index = AnnoyIndex(vectors.shape[1], "angular")
    index.set_seed(seed or 1)  # 0 means Annoy's own default
    for row, vector in enumerate(vectors):
        index.add_item(row, vector)
    index.build(trees, n_jobs=1)  # builds with several threads cannot be repeated
    try:
        index.save(str(file))
    except OSError as error:  # annoy's has no errno that would tell which
        raise WarehouseError(f"{file}: cannot be written ({error}); free space, or give another --warehouse") from error


class AnnoySearch:
    """Candidates from an index; their cosines are computed anew from the vectors, and a query that comes back short is searched exactly."""

    def __init__(self, vectors: Vectors, file: Path, search_k: int) -> None:
        self._vectors, self.search_k = vectors, search_k
        self._index = AnnoyIndex(vectors.shape[1], "angular")
        self._index.load(str(file))
        if self._index.get_n_items() != len(vectors):
            raise WarehouseError(
                f"{file}: is an index of {self._index.get_n_items():,} vectors and not of {len(vectors):,}; run find_neighbours again"
            )

    def widen(self) -> bool:
        """Inspect twice as many vectors a query from now on; False when all are inspected already."""
        if self.search_k >= 2 * self._index.get_n_trees() * self._index.get_n_items():
            return False
        self.search_k *= 2
        return True

    def neighbours(self, queries: Rows, k: int) -> tuple[Rows, Vectors]:
        """See `search.Search`."""
        count = len(self._vectors)
        k = min(k, count - 1)
        found = np.empty((len(queries), k), np.int64)
        cosines = np.empty((len(queries), k), np.float32)
        for place, query in enumerate(tqdm(queries, desc="annoy", unit=" queries", mininterval=1, disable=None)):
            candidates = np.array(self._index.get_nns_by_item(int(query), k + 1, self.search_k), dtype=np.int64)
            candidates = candidates[candidates != query]
            if len(candidates) < k:
                candidates = np.delete(np.arange(count), query)
            scores = self._vectors[candidates] @ self._vectors[query]
            found[place : place + 1], cosines[place : place + 1] = ranked(candidates[None], scores[None], k)
        return found, cosines
