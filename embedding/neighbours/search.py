"""Nearest neighbours of unit vectors: one interface, two methods.

A search gives, for every query, the k other rows of largest cosine; equal ones in the order of their row numbers, which follow page_id.
"""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]
EXACT_UP_TO = 100_000


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


def choose_method(wanted: Literal["auto", "annoy", "exact"], rows: int) -> Literal["annoy", "exact"]:
    """The method that fills a table: exact search costs rows x rows, and is the faster one as long as there are not too many."""
    if wanted == "auto":
        return "exact" if rows <= EXACT_UP_TO else "annoy"
    return wanted


def ranked(candidates: Rows, cosines: Vectors, k: int) -> tuple[Rows, Vectors]:
    """The k best of each row of candidates, shape (q, c), by falling cosine, then by row number."""
    order = np.lexsort((candidates, -cosines), axis=1)[:, :k]
    return np.take_along_axis(candidates, order, 1), np.clip(np.take_along_axis(cosines, order, 1), -1, 1)
