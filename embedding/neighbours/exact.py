"""Exact search: a blocked matrix product."""

import numpy as np
import torch

from embedding.neighbours.search import Rows, Vectors, ranked

BLOCK_BYTES = 1 << 28


class ExactSearch:
    """Cosines of each query with all rows, on the GPU when there is one."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = torch.from_numpy(vectors).to("cuda" if torch.cuda.is_available() else "cpu")

    def neighbours(self, queries: Rows, k: int) -> tuple[Rows, Vectors]:
        """See `search.Search`."""
        count = len(self._vectors)
        k = min(k, count - 1)
        block = max(1, BLOCK_BYTES // (4 * count))
        if not len(queries) or not k:
            return np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
        found, cosines = [], []
        for part in np.array_split(queries, -(-len(queries) // block)):
            ids = torch.from_numpy(part).to(self._vectors.device)
            scores = self._vectors[ids] @ self._vectors.T
            scores[torch.arange(len(ids)), ids] = -torch.inf
            # topk breaks ties as it likes: take some more, so that those with the smallest row numbers are among them.
            top = scores.topk(min(count - 1, k + 16), dim=1)
            one, other = ranked(top.indices.cpu().numpy(), top.values.cpu().numpy(), k)
            for row in torch.nonzero(top.values[:, k - 1] == top.values[:, -1])[:, 0].tolist() if k + 16 < count - 1 else ():
                equal = torch.nonzero(scores[row] >= top.values[row, k - 1])[:, 0]  # more equal ones than were taken
                one[row], other[row] = (best[0] for best in ranked(equal.cpu().numpy()[None], scores[row, equal].cpu().numpy()[None], k))
            found.append(one)
            cosines.append(other)
        return np.concatenate(found), np.concatenate(cosines)
