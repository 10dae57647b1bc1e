"""Where books stand before a map is drawn: on the map that people know, or on the first two principal components.

Source: Kobak and Linderman, Initialization is critical for preserving global data structure in both t-SNE and UMAP, 2021.
"""

import numpy as np
from numpy.typing import NDArray

from embedding.atlas.nearest import Floats, outside

Places = NDArray[np.float64]
NEIGHBOURS = 10  # whose mean place a new book starts from
LEAST_KNOWN = 0.5  # share of books that must have been on the old map for the new one to start from it


def principal_places(vectors: Floats, spread: float, seed: int) -> Places:
    """Each row's first two principal components, the first with a standard deviation of `spread`; equal rows are set a hair apart.

    Args:
        vectors: shape (n, d).
        spread: standard deviation of the first.
        seed: of the hair's breadth.

    Returns:
        Shape (n, 2). The sign of each component is such that its largest entry is positive, so that the map is never mirrored by chance.
    """
    count = len(vectors)
    places = np.zeros((count, 2))
    if count:
        centred = vectors.astype(np.float64) - vectors.mean(0, dtype=np.float64)
        _, axes = np.linalg.eigh(centred.T @ centred)
        axes = axes[:, ::-1][:, :2]
        axes = axes * np.where(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])] < 0, -1, 1)
        places[:, : axes.shape[1]] = centred @ axes
        deviation = places[:, 0].std()
        places = places * (spread / deviation) if deviation > 1e-9 else np.zeros((count, 2))
    return places + _hair(count, spread, seed)


def known_places(vectors: Floats, old: Places, seed: int) -> Places | None:
    """Each row's old place; of a new row, the mean of its nearest old rows' places.

    Args:
        vectors: unit vectors, shape (n, d).
        old: shape (n, 2), nan for new rows.
        seed: of the hair's breadth that equal places are set apart.

    Returns:
        Shape (n, 2); None when too few rows are old ones, or all of them stand at one place.
    """
    known = np.isfinite(old).all(1)
    if not len(old) or known.mean() < LEAST_KNOWN:
        return None
    spread = float(old[known].std())
    if spread <= 1e-9:
        return None
    places = old.copy()
    if not known.all():
        near = outside(vectors[known], vectors[~known], NEIGHBOURS)
        places[~known] = old[known][near.rows].mean(1)
    return places + _hair(len(old), spread, seed)


def _hair(count: int, spread: float, seed: int) -> Places:
    return np.random.default_rng(seed).normal(scale=1e-3 * spread, size=(count, 2))
