"""Nearest neighbours of unit vectors: one interface, two methods.

A search gives, for every query, the k other rows of largest cosine; equal ones in the order of their row numbers, which follow page_id.
"""

from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]


class Search(Protocol):
    """A way to find neighbours among the rows of one table of vectors."""

    def neighbours(self, queries: Rows, k: int) -> tuple[Rows, Vectors]:
        """Neighbours of some of the rows.

        Args:
            queries: row numbers, shape (q,).
            k: neighbours each, the query itself not among them.

        Returns:
            Row numbers and cosines, both of shape (q, min(k, rows - 1)), by falling cosine.
        """
        ...

    def widen(self) -> bool:
        """Search more thoroughly from now on; False when that cannot be."""
        ...


def open_search(method: Literal["annoy", "exact"], vectors: Vectors, file: Path, trees: int, search_k: int, seed: int) -> Search:
    """A search over all rows of `vectors`, shape (rows, d), each of length 1. Annoy's index is built and written to `file`."""
    if method == "exact":
        from embedding.neighbours.exact import ExactSearch

        return ExactSearch(vectors)
    from embedding.neighbours.annoy_index import AnnoySearch, build_index

    build_index(vectors, file, trees, seed)
    return AnnoySearch(vectors, file, search_k)


def ranked(candidates: Rows, cosines: Vectors, k: int) -> tuple[Rows, Vectors]:
    """The k best of each row of candidates, shape (q, c), by falling cosine, then by row number."""
    order = np.lexsort((candidates, -cosines), axis=1)[:, :k]
    return np.take_along_axis(candidates, order, 1), np.clip(np.take_along_axis(cosines, order, 1), -1, 1)
