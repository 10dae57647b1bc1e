"""Exact search: a blocked matrix product."""

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

# Queries and rows of one product: small enough for its scores to stay in a core's cache, large enough for a fast product.
BLOCK = {"cpu": (512, 2048), "cuda": (2048, 1 << 15)}
GROUP = 16
LARGEST = 1 << 23  # scores that are kept of a block, one of each group: with many rows there are fewer queries in a block
SPARE_GROUPS = 4  # looked into beyond the k + 1 that may hold the k best and the query itself
GATHERED = 1 << 13  # rows of such groups that are copied together at once
WHOLE = 16  # queries that are compared with all rows at once, where the groups do not settle it


def on_gpu() -> bool:
    """Does exact search of this process run on a GPU?"""
    return torch.cuda.is_available()


class ExactSearch:
    """Cosines of each query with all rows, on the GPU when there is one.

    The rows are split into groups of GROUP. Of each product of a block of queries with a block of rows only the largest score of each
    group is kept. Then the groups with the largest of these are looked at one by one: what is in no such group is below all of them.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        count, width = vectors.shape
        self._groups = -(-count // GROUP)
        padded = np.zeros((self._groups * GROUP, width), np.float32)
        padded[:count] = vectors
        self._device = "cuda" if on_gpu() else "cpu"
        self._rows = torch.from_numpy(padded).to(self._device)
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
        block = max(WHOLE, min(BLOCK[self._device][0], LARGEST // self._groups))

        def search(start: int) -> int:
            part = slice(start, min(start + block, len(queries)))
            found[part], similar[part] = self._block(queries[part], None if own is None else own[part], k)
            return part.stop - part.start

        with _threads(self._device) as pool, tqdm(total=len(queries), desc="exact", unit=" queries", mininterval=1, disable=None) as shown:
            for done in pool.map(search, range(0, len(queries), block)):
                shown.update(done)
        return found, similar

    def _block(self, queries: Vectors, own: Rows | None, k: int) -> tuple[Rows, Vectors]:
        """The k best of each query."""
        asked = torch.from_numpy(queries).to(self._device)
        groups = self._largest(asked).topk(min(k + 1 + SPARE_GROUPS, self._groups))
        members = (groups.indices[:, :, None] * GROUP + torch.arange(GROUP, device=self._device)).flatten(1)
        scores = self._scores(asked, groups.indices)
        scores[members >= len(self._vectors)] = -torch.inf
        if own is not None:
            scores[members == torch.from_numpy(own).to(self._device)[:, None]] = -torch.inf
        top = scores.topk(min(k + SPARE, members.shape[1]))
        chosen = members.gather(1, top.indices)
        chosen[top.values == -torch.inf] = -1
        candidates = chosen.cpu().numpy()
        found, similar = ranked(candidates, cosines(self._vectors, candidates, queries), k)
        # What was not looked at scores at most as the last group or row taken: if that comes near the k-th, equal ones may be left out.
        left_out = np.full(len(queries), -np.inf, np.float32)
        if self._groups > groups.indices.shape[1]:
            left_out = groups.values[:, -1].cpu().numpy()
        if members.shape[1] > candidates.shape[1]:
            left_out = np.maximum(left_out, top.values[:, -1].cpu().numpy())
        unsure: NDArray[np.int64] = np.flatnonzero(similar[:, -1] - self._error <= left_out)
        for start in range(0, len(unsure), WHOLE):
            self._settle(unsure[start : start + WHOLE], queries, own, found, similar)
        return found, similar

    def _largest(self, asked: torch.Tensor) -> torch.Tensor:
        """The largest score of each query in each group, shape (queries, groups)."""
        count, step = len(asked), BLOCK[self._device][1] // GROUP
        transposed = asked.T.contiguous()
        largest = torch.empty(self._groups, count, device=self._device)
        room = torch.empty(min(step, self._groups) * GROUP * count, device=self._device)
        for start in range(0, self._groups, step):
            stop = min(start + step, self._groups)
            scores = room[: (stop - start) * GROUP * count].view(-1, count)
            torch.mm(self._rows[start * GROUP : stop * GROUP], transposed, out=scores)
            torch.amax(scores.view(stop - start, GROUP, count), 1, out=largest[start:stop])
        return largest.T.contiguous()

    def _scores(self, asked: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
        """Scores of each query with the rows of some groups of its own, shape (queries, groups * GROUP)."""
        blocks = self._rows.view(self._groups, -1)
        scores = torch.empty(len(asked), groups.shape[1] * GROUP, device=self._device)
        step = max(1, GATHERED // scores.shape[1])
        for start in range(0, len(asked), step):
            part = slice(start, start + step)
            rows = blocks.index_select(0, groups[part].flatten()).view(-1, scores.shape[1], asked.shape[1])
            scores[part] = torch.bmm(rows, asked[part, :, None])[:, :, 0]
        return scores

    def _settle(self, unsure: Rows, queries: Vectors, own: Rows | None, found: Rows, similar: Vectors) -> None:
        """Rank all rows that may be as near to some queries as the k-th that was found."""
        scores = torch.mm(torch.from_numpy(queries[unsure]).to(self._device), self._rows[: len(self._vectors)].T)
        if own is not None:
            scores[torch.arange(len(unsure)), torch.from_numpy(own[unsure])] = -torch.inf
        for place, row in enumerate(unsure):
            near = torch.nonzero(scores[place] >= float(similar[row, -1]) - self._error)[:, 0].cpu().numpy()[None]
            exactly = cosines(self._vectors, near, queries[row : row + 1])
            (found[row],), (similar[row],) = ranked(near, exactly, similar.shape[1])


@contextmanager
def _threads(device: str) -> Iterator[Executor]:
    """As many threads as torch would use, each with a block of its own: they never wait for each other as those of one product do."""
    count = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(count if device == "cpu" else 1, initializer=lambda: torch.set_num_threads(1)) as pool:
            yield pool
    finally:
        torch.set_num_threads(count)
