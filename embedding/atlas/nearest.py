"""Nearest rows of a fitted sample: what both maps are drawn from."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedding.neighbours.exact import ExactSearch

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Nearest:
    """Neighbours of some rows, by rising distance.

    Attributes:
        rows: row numbers, shape (n, k).
        distances: 1 - cosine, shape (n, k), in [0, 2].
    """

    rows: Rows
    distances: Floats

    def first(self, k: int) -> "Nearest":
        """The k nearest of each."""
        return Nearest(self.rows[:, :k], self.distances[:, :k])


def among(vectors: Floats, k: int) -> Nearest:
    """The k nearest other rows of each row of unit vectors, or all others when there are fewer."""
    found, cosines = ExactSearch(vectors).neighbours(np.arange(len(vectors)), k)
    return Nearest(found, _distance(cosines))


def outside(reference: Floats, queries: Floats, k: int) -> Nearest:
    """The k nearest rows of `reference` of each query, both unit vectors; equally near ones by row number."""
    found, cosines = ExactSearch(reference).nearest(queries, k)
    return Nearest(found, _distance(cosines))


def blocks(rows: int, size: int) -> Iterator[slice]:
    """Row numbers 0 .. rows - 1 in slices of at most `size`."""
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))


def _distance(cosines: Floats) -> Floats:
    return np.clip(1 - cosines, 0, 2).astype(np.float32)
