"""t-SNE by openTSNE. The only file that imports it.

Source: van der Maaten and Hinton, Visualizing Data using t-SNE, 2008; Poličar et al., openTSNE, 2024; learning rate and exaggeration as
Belkina et al., 2019.
"""

from typing import Any

import numpy as np
from openTSNE import PartialTSNEEmbedding, TSNEEmbedding
from openTSNE.affinity import PerplexityBasedNN, joint_probabilities_nn
from openTSNE.nearest_neighbors import PrecomputedNeighbors
from tqdm import tqdm

from embedding.atlas.nearest import Nearest
from embedding.atlas.start import Places
from embedding.progress import bar_options

SPREAD = 1e-4  # of a start from nothing, in the map's units
EARLY_ITERATIONS, EARLY_EXAGGERATION = 250, 12.0
PLACING_ITERATIONS, PLACING_PERPLEXITY, PLACING_NEIGHBOURS = 100, 5.0, 25
_EVERY = 10  # iterations between two reports
_TREE_UP_TO = 10_000  # books; for more, interpolation is faster than the tree, as openTSNE itself has it
_ONE_THREAD_UP_TO = 1_000  # books; threads only wait for each other with so few


class TsneMap:
    """A t-SNE map."""

    name = "tsne"
    spread = SPREAD

    def __init__(self, perplexity: float, iterations: int, seed: int) -> None:
        """See the settings `map.perplexity` and `map.tsne_iterations`."""
        self._perplexity, self._iterations, self._seed = perplexity, iterations, seed
        self.neighbours = round(3 * perplexity)
        self._fitted: Any = None

    def fit(self, near: Nearest, start: Places, known: bool) -> Places:
        """See `layout.Map`."""
        count, k = near.rows.shape
        threads = 1 if count <= _ONE_THREAD_UP_TO else -1
        index = PrecomputedNeighbors(near.rows, near.distances.astype(np.float64))
        affinities = PerplexityBasedNN(knn_index=index, perplexity=min(self._perplexity, k / 3), n_jobs=threads)
        method = "bh" if count <= _TREE_UP_TO else "fft"
        embedding = TSNEEmbedding(start, affinities, negative_gradient_method=method, random_state=self._seed, n_jobs=threads)
        phases = [(max(1, self._iterations // 2), {"momentum": 0.8})]
        if not known:
            phases = [
                (EARLY_ITERATIONS, {"exaggeration": EARLY_EXAGGERATION, "momentum": 0.5}),
                (self._iterations, {"momentum": 0.8}),
            ]
        with tqdm(total=sum(steps for steps, _ in phases), unit=" iterations", **bar_options("draw_map: t-SNE")) as bar:
            watched = {"use_callbacks": True, "callbacks_every_iters": _EVERY, "callbacks": [lambda *_: bar.update(_EVERY) and None]}
            for steps, how in phases:
                embedding.optimize(steps, inplace=True, propagate_exception=True, **watched, **how)
        self._fitted = embedding
        return np.array(embedding, dtype=np.float64)

    def place(self, near: Nearest) -> Places:
        """See `layout.Map`."""
        near = near.first(PLACING_NEIGHBOURS)
        k = near.rows.shape[1]
        weights = joint_probabilities_nn(
            near.rows, near.distances.astype(np.float64), [min(PLACING_PERPLEXITY, k / 3)], symmetrize=False, normalization="point-wise",
            n_reference_samples=len(self._fitted), n_jobs=-1,
        )  # fmt: skip
        start = np.median(np.asarray(self._fitted)[near.rows], axis=1)
        placed = PartialTSNEEmbedding(start, self._fitted, weights, **self._fitted.gradient_descent_params)
        # As openTSNE's transform: a low rate and bounded gradients, for a new book may start right upon an old one.
        placed.optimize(
            PLACING_ITERATIONS,
            learning_rate=0.1,
            exaggeration=1.5,
            momentum=0.8,
            max_grad_norm=0.25,
            inplace=True,
            propagate_exception=True,
        )
        return np.array(placed, dtype=np.float64)
