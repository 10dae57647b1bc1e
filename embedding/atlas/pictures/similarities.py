"""How similar books are: any two, and neighbours."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from embedding.atlas.pictures.canvas import Entry, draw_legend
from embedding.atlas.pictures.theme import Theme

PAIRS = 200_000


def random_pairs(vectors: NDArray[np.float32], seed: int, pairs: int = PAIRS) -> NDArray[np.float64]:
    """Cosines of pairs of two different rows, drawn with a seed."""
    if len(vectors) < 2:
        return np.empty(0)
    rng = np.random.default_rng(seed)
    one = rng.integers(len(vectors), size=pairs)
    other = (one + rng.integers(1, len(vectors), size=pairs)) % len(vectors)
    cosines: NDArray[np.float64] = (vectors[one] * vectors[other]).sum(1, dtype=np.float64)
    return cosines


def draw_similarities(figure: Figure, theme: Theme, any_two: NDArray[np.float64], near: NDArray[np.float64], k: int) -> None:
    """Histograms, each by its share, of the cosines of any two books, of books with their first and with their k-th neighbour.

    Args:
        figure: to draw on.
        theme: its colours.
        any_two: cosines, shape (p,).
        near: cosines with the first and the k-th neighbour, shape (n, 2).
        k: rank of the last neighbour.
    """
    axes = figure.add_axes((0.07, 0.09, 0.60, 0.79))
    series = [
        ("any two books", any_two, theme.faint),
        (f"neighbour {k}", near[:, 1], theme.accent),
        ("neighbour 1", near[:, 0], theme.second),
    ]
    if k == 1:
        del series[1]
    low = min([float(values.min()) for _, values, _ in series if len(values)], default=-1)
    edges = np.linspace(np.floor(low * 20) / 20, 1, 61)
    for _, values, colour in series:
        if len(values):
            weights = np.full(len(values), 100 / len(values))
            axes.hist(np.clip(values, -1, 1), edges, weights=weights, histtype="stepfilled", color=colour, alpha=0.35)
            axes.hist(np.clip(values, -1, 1), edges, weights=weights, histtype="step", color=colour, linewidth=1.4)
    axes.set_xlabel("cosine similarity", fontsize=10.5)
    axes.set_ylabel("share, %", fontsize=10.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0)
    draw_legend(
        figure,
        [
            Entry(f"{name}: median {round(float(np.median(values)), 2) + 0.0:.2f}", len(values), colour)
            for name, values, colour in series
            if len(values)
        ],
        theme,
    )
