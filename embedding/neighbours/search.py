"""Nearest neighbours of unit vectors: one interface, two methods.

A search gives, for every query, the k rows of largest cosine, equal ones in the order of their row numbers. A method finds candidates;
their cosines are then computed anew in one way, so that methods, block sizes and partitions all give the same numbers.
"""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]
EXACT_UP_TO = 100_000  # rows that are always searched exactly
EXACT_AT_MOST = 2_000_000  # rows that are ever: all pairs of more take days
COMPARED = 50  # rows that exact search compares in the time in which Annoy inspects one (measured on 1,000,000 x 50)
SPARE = 16  # candidates taken beyond k: computed anew, near ones may change places
RESCORED_AT_ONCE = 1 << 22  # numbers of candidates that are held as float64


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

    def nearest(self, queries: Vectors, k: int) -> tuple[Rows, Vectors]:
        """Rows nearest to vectors of another table.

        Args:
            queries: unit vectors, shape (q, d).
            k: rows each.

        Returns:
            Row numbers and cosines, both of shape (q, min(k, rows)), by falling cosine.
        """
        ...


def choose_method(wanted: Literal["auto", "annoy", "exact"], rows: int, search_k: int) -> Literal["annoy", "exact"]:
    """The method that fills a table; auto: the one that takes less time, by what is known beforehand, so that each run chooses alike.

    Args:
        wanted: as the settings have it.
        rows: among which is searched.
        search_k: vectors that Annoy has to inspect a query.
    """
    if wanted == "auto":
        return "exact" if rows <= max(EXACT_UP_TO, min(EXACT_AT_MOST, COMPARED * search_k)) else "annoy"
    return wanted


def cosines(vectors: Vectors, candidates: Rows, queries: Vectors) -> Vectors:
    """Cosines of queries with their candidates, the same whatever is computed beside them.

    Args:
        vectors: unit vectors, shape (rows, d).
        candidates: row numbers, shape (q, c); a negative one has the cosine -inf.
        queries: unit vectors, shape (q, d).

    Returns:
        Sums of d products in double precision, rounded once, within -1 and 1; shape (q, c).
    """
    scores = np.empty(candidates.shape, np.float32)
    step = max(1, RESCORED_AT_ONCE // max(1, candidates.shape[1] * vectors.shape[1]))
    for start in range(0, len(candidates), step):
        part = slice(start, start + step)
        products = vectors[candidates[part]].astype(np.float64) * queries[part, None]
        scores[part] = products.sum(-1).clip(-1, 1)
    scores[candidates < 0] = -np.inf
    return scores


def ranked(candidates: Rows, scores: Vectors, k: int) -> tuple[Rows, Vectors]:
    """The k best of each row of candidates, shape (q, c), by falling score, then by row number."""
    order = np.lexsort((candidates, -scores), axis=1)[:, :k]
    return np.take_along_axis(candidates, order, 1), np.take_along_axis(scores, order, 1)
