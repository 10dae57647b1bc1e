"""What a map keeps: neighbours of the space, and places of the map before."""

import numpy as np
from scipy.spatial import cKDTree

from embedding.atlas.nearest import Floats
from embedding.atlas.start import Places
from embedding.evaluate.ranking import recall
from embedding.neighbours.exact import ExactSearch


def neighbours_kept(vectors: Floats, maps: dict[str, Places], k: int, queries: int, seed: int) -> tuple[dict[str, float], int]:
    """Share of each book's k nearest books that are among its k nearest on a map.

    Args:
        vectors: unit vectors, shape (n, d).
        maps: name: places, shape (n, 2).
        k: neighbours; fewer where there are not so many books.
        queries: books that are asked, a seeded sample when there are more.
        seed: of the sample.

    Returns:
        The share of each map (nan with fewer than two books), and how many books were asked.
    """
    count = len(vectors)
    k = min(k, count - 1)
    if k < 1:
        return dict.fromkeys(maps, float("nan")), count
    asked = np.sort(np.random.default_rng(seed).permutation(count)[:queries])
    right, _ = ExactSearch(vectors).neighbours(asked, k)
    shares = {}
    for name, places in maps.items():
        _, found = cKDTree(places).query(places[asked], k + 1)
        other = [row[row != book][:k] for row, book in zip(found, asked, strict=True)]
        shares[name] = recall(np.array(other), right)
    return shares, len(asked)


def moved(old: Places, new: Places) -> float:
    """Median way of the books that both maps have, as a share of the old map's radius (root mean square distance from its centre).

    Args:
        old: the map before, shape (n, 2); nan where it has not the book.
        new: the map, likewise.

    Returns:
        nan when the maps share none.
    """
    both = np.isfinite(old).all(1) & np.isfinite(new).all(1)
    if not both.any():
        return float("nan")
    radius = float(np.sqrt(((old[both] - old[both].mean(0)) ** 2).sum(1).mean()))
    return float(np.median(np.sqrt(((new[both] - old[both]) ** 2).sum(1)))) / radius if radius else float("nan")
