"""Exact search: a blocked matrix product."""

import numpy as np
import torch

from embedding.neighbours.search import Rows, Vectors, ranked

BLOCK_BYTES = 1 << 28


class ExactSearch:
    """Cosines of each query with all rows, on the GPU when there is one."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = torch.from_numpy(vectors).to("cuda" if torch.cuda.is_available() else "cpu")

    def widen(self) -> bool:
        """See `search.Search`."""
        return False

    def neighbours(self, queries: Rows, k: int) -> tuple[Rows, Vectors]:
        """See `search.Search`."""
        count = len(self._vectors)
        k = min(k, count - 1)
        block = max(1, BLOCK_BYTES // (4 * count))
        found, cosines = [np.empty((0, k), np.int64)], [np.empty((0, k), np.float32)]
        for part in np.array_split(queries, -(-len(queries) // block)) if len(queries) and k else ():
            ids = torch.from_numpy(part).to(self._vectors.device)
            scores = self._vectors[ids] @ self._vectors.T
            scores[torch.arange(len(ids)), ids] = -torch.inf
            # topk breaks ties as it likes: take some more, so that those with the smallest row numbers are among them.
            top = scores.topk(min(count - 1, k + 16), dim=1)
            one, other = ranked(top.indices.cpu().numpy(), top.values.cpu().numpy(), k)
            found.append(one)
            cosines.append(other)
        return np.concatenate(found), np.concatenate(cosines)
