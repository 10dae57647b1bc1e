"""UMAP by umap-learn. The only file that imports it.

umap-learn's class stretches any start to a square and can place new books only with an index of its own; its functions do neither.

Source: McInnes, Healy and Melville, UMAP: Uniform Manifold Approximation and Projection, 2018.
"""

from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from umap.layouts import optimize_layout_euclidean
from umap.umap_ import compute_membership_strengths, find_ab_params, fuzzy_simplicial_set, make_epochs_per_sample, smooth_knn_dist

from embedding.atlas.nearest import Nearest
from embedding.atlas.start import Places
from embedding.progress import bar_options

SPREAD = 2.5  # of a start from nothing, in the map's units: about umap-learn's square of 10 x 10
EPOCHS, SMALL, SMALL_EPOCHS = 200, 10_000, 500  # umap-learn's own
KNOWN_RATE = 0.05  # learning rate from a known map: with 0.25, that of umap-learn's transform, books move twice as far and no more is kept
PLACING_RATE = 0.25  # of placed books, as umap-learn's transform has it
_NEGATIVES = 5.0


class UmapMap:
    """A UMAP map."""

    name = "umap"
    spread = SPREAD

    def __init__(self, neighbours: int, min_dist: float, epochs: int | None, seed: int) -> None:
        """See the settings `map.umap_neighbours`, `map.umap_min_dist` and `map.umap_epochs`."""
        self.neighbours, self._epochs, self._seed = neighbours, epochs, seed
        self._a, self._b = find_ab_params(1.0, min_dist)
        self._fitted: Any = None

    def fit(self, near: Nearest, start: Places, known: bool) -> Places:
        """See `layout.Map`."""
        count = len(near.rows)
        itself = np.arange(count)[:, None]  # umap-learn counts a book as its own first neighbour
        rows = np.hstack([itself, near.rows])[:, : self.neighbours].astype(np.int32)
        distances = np.hstack([np.zeros((count, 1), np.float32), near.distances])[:, : self.neighbours]
        graph, _, _ = fuzzy_simplicial_set(
            np.empty((count, 1), np.float32),
            rows.shape[1],
            np.random.RandomState(self._seed),
            "cosine",
            knn_indices=rows,
            knn_dists=distances,
        )
        epochs = self._epochs or (SMALL_EPOCHS if count <= SMALL else EPOCHS)
        places = start.astype(np.float32, order="C")
        if known:
            epochs = max(1, epochs // 2)
        self._fitted = self._optimise(places, places, graph.tocoo(), epochs, KNOWN_RATE if known else 1.0, "draw_map: UMAP")
        return np.array(self._fitted, dtype=np.float64)

    def place(self, near: Nearest) -> Places:
        """See `layout.Map`."""
        near = near.first(self.neighbours)
        count, k = near.rows.shape
        distances = np.ascontiguousarray(near.distances)
        sigmas, rhos = smooth_knn_dist(distances, float(k), local_connectivity=0.0)
        rows, columns, values, _ = compute_membership_strengths(
            np.ascontiguousarray(near.rows, np.int32), distances, sigmas, rhos, bipartite=True
        )
        graph = coo_matrix((values, (rows, columns)), shape=(count, len(self._fitted)))
        weights = values.reshape(count, k, 1) / values.reshape(count, k, 1).sum(1, keepdims=True)
        start = (self._fitted[near.rows] * weights).sum(1).astype(np.float32, order="C")
        epochs = max(1, (self._epochs or EPOCHS) // 3)
        return np.array(self._optimise(start, self._fitted.copy(), graph, epochs, PLACING_RATE, None), dtype=np.float64)

    def _optimise(self, places: Any, others: Any, graph: coo_matrix, epochs: int, rate: float, shown: str | None) -> Any:
        """Move `places` for so many epochs; `others` are moved along when they are the same array."""
        graph.sum_duplicates()
        graph.data[graph.data < graph.data.max() / epochs] = 0  # these would not be drawn once
        graph.eliminate_zeros()
        state = np.random.RandomState(self._seed).randint(-(2**31) + 1, 2**31 - 1, 3).astype(np.int64)
        each = make_epochs_per_sample(graph.data, epochs)
        return optimize_layout_euclidean(
            places, others, graph.row, graph.col, epochs, graph.shape[1], each, self._a, self._b, state, gamma=1.0, initial_alpha=rate,
            negative_sample_rate=_NEGATIVES, parallel=False, move_other=places is others,
            tqdm_kwds=bar_options(shown) | {"unit": " epochs"} if shown else {"disable": True},
        )  # fmt: skip
