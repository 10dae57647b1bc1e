"""Nearest rows of a fitted sample: what both maps are drawn from."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedding.neighbours.exact import ExactSearch

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
BLOCK_BYTES = 1 << 28


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
    import torch

    from embedding.neighbours.search import ranked

    k = min(k, len(reference))
    rows, cosines = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
    fixed = torch.from_numpy(reference).to("cuda" if torch.cuda.is_available() else "cpu")
    for part in blocks(len(queries), max(1, BLOCK_BYTES // (4 * max(1, len(reference))))):
        top = (torch.from_numpy(queries[part]).to(fixed.device) @ fixed.T).topk(k, dim=1)
        rows[part], cosines[part] = ranked(top.indices.cpu().numpy(), top.values.cpu().numpy(), k)
    return Nearest(rows, _distance(cosines))


def blocks(rows: int, size: int) -> Iterator[slice]:
    """Row numbers 0 .. rows - 1 in slices of at most `size`."""
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))


def _distance(cosines: Floats) -> Floats:
    return np.clip(1 - cosines, 0, 2).astype(np.float32)
