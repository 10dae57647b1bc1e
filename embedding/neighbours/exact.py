"""Exact search: a blocked matrix product."""

import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from tqdm import tqdm

from embedding.neighbours.search import SPARE, Rows, Vectors, cosines, ranked

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_BYTES = 1 << 25
LEAST_QUERIES = 16  # of a block, however many rows there are: a product with fewer is slow
GROUP = 32


class ExactSearch:
    """Cosines of each query with all rows, on the GPU when there is one.

    The rows are split into groups of GROUP. Of a block of scores first the largest of each group is taken, which is quick, and only
    the groups with the largest of these are looked at one by one: what is in no such group is below all of them.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        count, width = vectors.shape
        self._groups = -(-count // GROUP)
        padded = np.zeros((self._groups * GROUP, width), np.float32)
        padded[:count] = vectors
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._transposed = torch.from_numpy(padded).to(self._device).T
        # Scores are summed in single precision; by how much the sum of d products of unit vectors may be off.
        self._error = 2.0**-23 * width

    def neighbours(self, queries: Rows, k: int) -> tuple[Rows, Vectors]:
        """See `search.Search`."""
        return self._search(self._vectors[queries], queries, min(k, len(self._vectors) - 1))

    def nearest(self, queries: Vectors, k: int) -> tuple[Rows, Vectors]:
        """See `search.Search`."""
        return self._search(queries, None, min(k, len(self._vectors)))

    def _search(self, queries: Vectors, own: Rows | None, k: int) -> tuple[Rows, Vectors]:
        found, similar = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
        if not k:
            return found, similar
        rows = self._groups * GROUP
        block = max(LEAST_QUERIES, BLOCK_BYTES // (4 * rows))
        room = threading.local()  # for the scores of one block, made once a thread

        def search(start: int) -> int:
            part = slice(start, min(start + block, len(queries)))
            if not hasattr(room, "scores"):
                room.scores = torch.empty(block, rows, device=self._device)
            scores = room.scores[: part.stop - part.start]
            found[part], similar[part] = self._block(queries[part], None if own is None else own[part], k, scores)
            return part.stop - part.start

        with _threads(self._device) as pool, tqdm(total=len(queries), desc="exact", unit=" queries", mininterval=1, disable=None) as shown:
            for done in pool.map(search, range(0, len(queries), block)):
                shown.update(done)
        return found, similar

    def _block(self, queries: Vectors, own: Rows | None, k: int, scores: torch.Tensor) -> tuple[Rows, Vectors]:
        """The k best of each query; `scores` is room for its scores with all rows."""
        torch.mm(torch.from_numpy(queries).to(self._device), self._transposed, out=scores)
        scores[:, len(self._vectors) :] = -torch.inf
        if own is not None:
            scores[torch.arange(len(own)), torch.from_numpy(own)] = -torch.inf
        # Group g is the columns g, g + groups, g + 2 groups, ...: so the largest of all groups are found by comparing whole rows.
        best = scores.view(len(scores), GROUP, self._groups).amax(1).topk(min(k + SPARE, self._groups), sorted=False).indices
        members = (best[:, None] + self._groups * torch.arange(GROUP, device=self._device)[:, None]).flatten(1)
        top = scores.gather(1, members).topk(min(k + SPARE, members.shape[1]))
        chosen = members.gather(1, top.indices)
        chosen[top.values == -torch.inf] = -1
        candidates = chosen.cpu().numpy()
        found, similar = ranked(candidates, cosines(self._vectors, candidates, queries), k)
        if len(self._vectors) > candidates.shape[1]:
            # What was not taken scores at most as the last one taken: if that comes near the k-th, equal ones may have been left out.
            unsure: NDArray[np.int64] = np.flatnonzero(similar[:, -1] - self._error <= top.values[:, -1].cpu().numpy())
            for row in unsure:
                near = torch.nonzero(scores[row] >= float(similar[row, -1]) - self._error)[:, 0].cpu().numpy()[None]
                (found[row],), (similar[row],) = ranked(near, cosines(self._vectors, near, queries[row : row + 1]), k)
        return found, similar


@contextmanager
def _threads(device: str) -> Iterator[Executor]:
    """As many threads as torch would use, each with a block of its own: they never wait for each other as those of one product do."""
    count = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(count if device == "cpu" else 1, initializer=lambda: torch.set_num_threads(1)) as pool:
            yield pool
    finally:
        torch.set_num_threads(count)
