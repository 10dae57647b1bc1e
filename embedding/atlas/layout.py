"""Drawing maps: a sample is fitted, the rest is placed beside its neighbours; books stay where people know them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from embedding.atlas.nearest import Floats, Nearest, Rows, among, blocks, outside
from embedding.atlas.start import Places, known_places, principal_places
from embedding.progress import bar_options

LEAST_FITTED = 5  # with fewer books there are no neighbourhoods to keep: they stand by their principal components
PLACED_AT_ONCE = 50_000
PLACING_NEIGHBOURS = 25


class Map(Protocol):
    """A way to draw a map."""

    name: str
    spread: float
    neighbours: int

    def fit(self, near: Nearest, start: Places, known: bool) -> Places:
        """Draw the map of some books.

        Args:
            near: neighbours of every book, shape (n, `neighbours`), fewer where there are fewer books.
            start: where each starts, shape (n, 2), by `spread` where it starts from nothing.
            known: the start is a map that people know: books are to stay near it.

        Returns:
            Shape (n, 2).
        """
        ...

    def place(self, near: Nearest) -> Places:
        """Places on the fitted map, which stays as it is, of books whose nearest fitted ones are known; shape (n, 2)."""
        ...


def draw(
    maps: Sequence[Map], vectors: Floats, page_ids: NDArray[np.int64], old: Mapping[str, Places], sample: int, seed: int
) -> dict[str, Places]:
    """Draw maps of the same books.

    Args:
        maps: the ways to draw.
        vectors: unit vectors, shape (n, d).
        page_ids: shape (n,).
        old: a map's name: places on the map before, shape (n, 2), nan for a book that was not on it.
        sample: of more books than this, so many are fitted and the others placed.
        seed: of all that is random.

    Returns:
        A map's name: places, shape (n, 2).
    """
    fitted = sampled(page_ids, sample, seed)
    rest = np.setdiff1d(np.arange(len(vectors)), fitted)
    places = {one.name: np.empty((len(vectors), 2)) for one in maps}
    if len(fitted) < LEAST_FITTED:
        return {name: principal_places(vectors, 1.0, seed) for name in places}
    near = among(vectors[fitted], max((one.neighbours for one in maps), default=1))
    shifts = {}
    for one in maps:
        drawn, shifts[one.name] = _fit(one, near, vectors[fitted], old[one.name][fitted] if one.name in old else None, seed)
        places[one.name][fitted] = drawn + shifts[one.name]
    with tqdm(total=len(rest), unit=" books", **bar_options("draw_map: placing")) as bar:
        for part in blocks(len(rest), PLACED_AT_ONCE):
            beside = outside(vectors[fitted], vectors[rest[part]], PLACING_NEIGHBOURS)
            for one in maps:
                places[one.name][rest[part]] = one.place(beside) + shifts[one.name]
            bar.update(len(beside.rows))
    return places


def sampled(page_ids: NDArray[np.int64], sample: int, seed: int) -> Rows:
    """Rows of a sample by a hash of their page_id, so that a book that is in it stays in it from snapshot to snapshot; ascending."""
    if len(page_ids) <= sample:
        return np.arange(len(page_ids))
    return np.sort(np.argsort(_hashed(page_ids, seed), kind="stable")[:sample])


def _fit(one: Map, near: Nearest, vectors: Floats, old: Places | None, seed: int) -> tuple[Places, NDArray[np.float64]]:
    """The fitted map, and by how much it is to be shifted, so that it as a whole stays where people know it."""
    start = known_places(vectors, old, seed) if old is not None else None
    if old is None or start is None:
        return one.fit(near.first(one.neighbours), principal_places(vectors, one.spread, seed), known=False), np.zeros(2)
    places = one.fit(near.first(one.neighbours), start, known=True)
    known = np.isfinite(old).all(1)
    return places, np.median(old[known] - places[known], axis=0)


def _hashed(numbers: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """splitmix64 (Steele, Lea and Flood, 2014)."""
    state = numbers.astype(np.uint64) + np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
