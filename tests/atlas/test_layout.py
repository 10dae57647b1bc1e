"""Maps of planted clusters: what belongs together stands together, again and again, and stays where it was."""

import hashlib
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from embedding.atlas.layout import Map, draw, sampled
from embedding.atlas.nearest import Floats, Nearest, among, outside
from embedding.atlas.quality import moved, neighbours_kept
from embedding.atlas.start import Places, known_places, principal_places
from embedding.atlas.tsne import TsneMap
from embedding.atlas.umap import UmapMap

CLUSTERS = 5


def clusters(count: int, seed: int = 1) -> tuple[Floats, np.ndarray]:
    """Unit vectors in clusters, and the cluster of each."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(CLUSTERS, 12))
    of = np.arange(count) % CLUSTERS
    vectors = centres[of] + 0.5 * rng.normal(size=(count, 12))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), of


def tsne() -> Map:
    return TsneMap(15, 100, 1)


def umap() -> Map:
    return UmapMap(10, 0.1, 100, 1)


def ids(count: int) -> np.ndarray:
    return np.arange(count) * 7 + 3


@pytest.fixture(scope="module")
def drawn() -> dict[str, Places]:
    vectors, _ = clusters(400)
    return draw([tsne(), umap()], vectors, ids(400), {}, 10_000, 1)


@pytest.mark.parametrize("name", ["tsne", "umap"])
def test_clusters_stand_together_and_apart(drawn: dict[str, Places], name: str) -> None:
    vectors, of = clusters(400)
    shares, asked = neighbours_kept(vectors, drawn, 10, 1000, 1)
    assert asked == 400
    assert shares[name] > 0.3  # by chance 10 in 399
    near = among_places(drawn[name])
    assert (of[near] == of[:, None]).mean() > 0.98


def among_places(places: Places, k: int = 5) -> np.ndarray:
    """Rows of the k nearest others on a map."""
    distances = ((places[:, None] - places[None]) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1)[:, :k]


def test_two_processes_draw_the_same_to_the_bit(drawn: dict[str, Places]) -> None:
    code = (
        "import hashlib; from tests.atlas.test_layout import *; vectors, _ = clusters(400)\n"
        "print([hashlib.sha256(p.tobytes()).hexdigest() for p in draw([tsne(), umap()], vectors, ids(400), {}, 10_000, 1).values()])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == str([hashlib.sha256(places.tobytes()).hexdigest() for places in drawn.values()])


@pytest.mark.parametrize("one", [tsne, umap])
def test_books_that_are_placed_stand_in_their_cluster(one: Callable[[], Map]) -> None:
    vectors, of = clusters(400)
    places = draw([one()], vectors, ids(400), {}, 300, 1)[one().name]
    rest = np.setdiff1d(np.arange(400), sampled(ids(400), 300, 1))
    assert len(rest) == 100
    assert (of[among_places(places)[rest]] == of[rest, None]).mean() > 0.95


@pytest.mark.parametrize("one", [tsne, umap])
def test_books_stay_where_they_were_and_new_ones_come_to_their_neighbours(one: Callable[[], Map], drawn: dict[str, Places]) -> None:
    vectors, of = clusters(400)
    vectors = vectors + 0.02 * np.random.default_rng(5).normal(size=vectors.shape).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    old = drawn[one().name].copy()
    old[:40] = np.nan
    anew, after = (draw([one()], vectors, ids(400), before, 10_000, 1)[one().name] for before in ({}, {one().name: old}))
    assert moved(old, after) < 0.15
    assert moved(old, after) < moved(old, anew) / 2
    assert (of[among_places(after)[:40]] == of[:40, None]).mean() > 0.95


class Drifting:
    """A way to draw that puts every book at its start, but the map as a whole elsewhere, and places a book on its nearest one."""

    name, spread, neighbours = "drifting", 1.0, 5

    def fit(self, near: Nearest, start: Places, known: bool) -> Places:
        """See Map."""
        self._fitted = start + np.array([100.0, -40.0])
        return self._fitted.copy()

    def place(self, near: Nearest) -> Places:
        """See Map."""
        return self._fitted[near.rows[:, 0]]


def test_books_that_are_placed_go_with_the_map_where_it_is_shifted_onto_the_old_one() -> None:
    vectors, _ = clusters(400)
    old = np.random.default_rng(1).normal(size=(400, 2))
    places = draw([Drifting()], vectors, ids(400), {"drifting": old}, 300, 1)["drifting"]
    rest = np.setdiff1d(np.arange(400), sampled(ids(400), 300, 1))
    assert np.abs(places).max() < 10
    nearest = among_vectors(vectors, sampled(ids(400), 300, 1), rest)
    assert np.allclose(places[rest], places[nearest])


def among_vectors(vectors: Floats, fitted: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """The fitted book nearest to each of the others."""
    return fitted[(vectors[rest] @ vectors[fitted].T).argmax(1)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6, 17])
def test_few_books_have_places_too(count: int) -> None:
    vectors, _ = clusters(count)
    places = draw([tsne(), umap()], vectors, ids(count), {}, 10_000, 1)
    for name in ("tsne", "umap"):
        assert places[name].shape == (count, 2)
        assert np.isfinite(places[name]).all()
        assert len(np.unique(places[name], axis=0)) == count
    shares, _ = neighbours_kept(vectors, places, 10, 100, 1)
    assert np.isnan(shares["tsne"]) == (count < 2)


def test_equal_vectors_have_finite_places() -> None:
    vectors = np.ones((60, 1), np.float32) @ np.eye(1, 8, dtype=np.float32)
    for places in draw([tsne(), umap()], vectors, ids(60), {}, 10_000, 1).values():
        assert np.isfinite(places).all()


def test_vectors_of_one_number_have_places() -> None:
    vectors = np.where(np.arange(30) % 2, 1, -1).astype(np.float32)[:, None]
    for places in draw([tsne(), umap()], vectors, ids(30), {}, 10_000, 1).values():
        assert np.isfinite(places).all()


def test_a_book_stays_in_the_sample_when_others_come() -> None:
    before, after = ids(1000), ids(1100)
    first, then = set(before[sampled(before, 500, 1)]), set(after[sampled(after, 500, 1)])
    assert len(first) == len(then) == 500
    gone = first - then
    assert len(gone) == len(then & set(after[1000:]))  # each gave way to a new one
    assert len(gone) < 100
    assert set(sampled(before, 500, 2)) != set(sampled(before, 500, 1))


def test_neighbours_among_and_outside_agree_with_a_plain_sort() -> None:
    vectors, _ = clusters(80)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    assert (among(vectors, 7).rows == np.argsort(-cosines, axis=1)[:, :7]).all()
    other, _ = clusters(30, seed=2)
    assert (outside(vectors, other, 7).rows == np.argsort(-(other @ vectors.T), axis=1)[:, :7]).all()
    assert outside(vectors[:3], other, 7).rows.shape == (30, 3)


def test_principal_places_are_not_mirrored_by_chance() -> None:
    vectors, _ = clusters(100)
    places = principal_places(vectors, 2.0, 1)
    assert places[:, 0].std() == pytest.approx(2, rel=0.01)
    turned = vectors @ np.linalg.qr(np.random.default_rng(1).normal(size=(12, 12)))[0].astype(np.float32)
    assert (np.abs(np.corrcoef(places[:, 0], principal_places(turned, 2.0, 1)[:, 0])[0, 1])) == pytest.approx(1, abs=1e-3)


def test_a_map_with_too_few_known_books_starts_anew() -> None:
    vectors, _ = clusters(10)
    old = np.full((10, 2), np.nan)
    assert known_places(vectors, old, 1) is None
    old[:4] = np.arange(8).reshape(4, 2)
    assert known_places(vectors, old, 1) is None
    old[:] = 1.0
    assert known_places(vectors, old, 1) is None  # all at one place
    old[:8] = np.arange(16).reshape(8, 2)
    old[8:] = np.nan
    start = known_places(vectors, old, 1)
    assert start is not None
    assert np.abs(start[:8] - old[:8]).max() < 0.1
    assert np.isfinite(start).all()


def test_moved_is_a_share_of_the_maps_radius() -> None:
    old = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1], [np.nan, np.nan]])
    assert moved(old, old) == 0
    assert moved(old, old + np.array([0.5, 0])) == pytest.approx(0.5)
    assert np.isnan(moved(old[4:], old[4:]))
