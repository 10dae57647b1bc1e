"""Exact search and Annoy against a plain numpy search, and against each other."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding.errors import WarehouseError
from embedding.evaluate.ranking import recall_of_cosines
from embedding.neighbours import exact
from embedding.neighbours.annoy_index import AnnoySearch, build_index
from embedding.neighbours.exact import ExactSearch
from embedding.neighbours.search import Search, choose_method, cosines, ranked

EVERYTHING = 10**6  # search_k with which Annoy inspects all vectors of these tests
METHODS = pytest.mark.parametrize("method", ["exact", "annoy"])
Method = Literal["exact", "annoy"]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _random(rows: int, dimensions: int = 8, seed: int = 0) -> np.ndarray:
    return _unit(np.random.default_rng(seed).normal(size=(rows, dimensions)))


def _with_duplicates(rows: int, different: int) -> np.ndarray:
    return _random(different)[np.random.default_rng(1).integers(0, different, rows)]


def _axes(rows: int) -> np.ndarray:
    """Rows that point along one of four axes in turn: cosines are exactly 0 or 1, so all neighbours are ties."""
    return np.eye(4, dtype=np.float32)[np.arange(rows) % 4]


def _open(method: Method, vectors: np.ndarray, folder: Path, search_k: int = EVERYTHING) -> Search:
    if method == "exact":
        return ExactSearch(vectors)
    return _annoy(vectors, folder, search_k)


def _annoy(vectors: np.ndarray, folder: Path, search_k: int, trees: int = 10) -> AnnoySearch:
    build_index(vectors, folder / "index.ann", trees, 1)
    return AnnoySearch(vectors, folder / "index.ann", search_k)


def _plain(vectors: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    """Row numbers by falling cosine, then by row number; the query left out."""
    found = []
    for query in queries:
        near = vectors @ vectors[query]
        found.append([row for row in np.lexsort((np.arange(len(vectors)), -near)) if row != query][:k])
    return np.array(found)


def test_what_is_in_no_group_that_is_looked_into_is_no_neighbour() -> None:
    vectors = _random(6000, 5)  # many near ones, in 375 groups, of which 15 are looked into
    queries = np.arange(0, 6000, 97)
    assert (ExactSearch(vectors).neighbours(queries, 10)[0] == _plain(vectors, queries, 10)).all()


@METHODS
def test_neighbours_are_those_of_a_plain_search(method: Method, tmp_path: Path) -> None:
    vectors = _random(300)
    queries = np.array([0, 299, 17, 17, 150])
    found, near = _open(method, vectors, tmp_path).neighbours(queries, 10)
    assert (found == _plain(vectors, queries, 10)).all()
    assert (found.dtype, near.dtype) == (np.int64, np.float32)
    np.testing.assert_allclose(near, (vectors[queries][:, None] * vectors[found]).sum(-1), atol=1e-6)
    assert (np.diff(near, axis=1) <= 0).all()


@pytest.mark.parametrize(
    "vectors", [_random(200), _random(200, 50), _with_duplicates(150, 20), _axes(120)], ids=["8", "50", "twins", "axes"]
)
def test_annoy_that_inspects_everything_is_exact(vectors: np.ndarray, tmp_path: Path) -> None:
    rows = np.arange(len(vectors))
    found, near = _open("annoy", vectors, tmp_path).neighbours(rows, 7)
    wanted, exactly = ExactSearch(vectors).neighbours(rows, 7)
    assert (found == wanted).all()
    np.testing.assert_allclose(near, exactly, atol=1e-6)


@METHODS
@pytest.mark.parametrize("vectors", [_random(60), _axes(60), _with_duplicates(60, 3)], ids=["random", "axes", "twins"])
def test_a_row_is_never_its_own_neighbour_and_none_comes_twice(method: Method, vectors: np.ndarray, tmp_path: Path) -> None:
    rows = np.arange(len(vectors))
    found, _ = _open(method, vectors, tmp_path).neighbours(rows, 20)
    assert not (found == rows[:, None]).any()
    assert all(len(set(row)) == 20 for row in found.tolist())


@METHODS
@pytest.mark.parametrize("rows", [20, 24, 400])
def test_equal_vectors_come_by_row_number(method: Method, rows: int, tmp_path: Path) -> None:
    vectors = _axes(rows)  # 400 rows: far more twins than the exact search looks at first
    queries = np.array([0, 5, rows - 1])
    found, near = _open(method, vectors, tmp_path).neighbours(queries, 4)
    assert found.tolist() == [[4, 8, 12, 16], [1, 9, 13, 17], [3, 7, 11, 15]]
    assert (near == 1).all()


@METHODS
def test_ties_at_the_end_of_a_long_list_come_by_row_number(method: Method, tmp_path: Path) -> None:
    vectors, rows = _axes(100), np.arange(100)
    for k in (26, 60, 84, 90):
        assert (_open(method, vectors, tmp_path).neighbours(rows, k)[0] == _plain(vectors, rows, k)).all()


def test_among_many_equal_ones_the_nearer_still_come_first(tmp_path: Path) -> None:
    near, far = _unit(np.array([[1.0, 0.1], [1.0, 0.5]]))
    vectors = np.concatenate([np.tile(far, (200, 1)), [[1, 0]], near[None]]).astype(np.float32)
    found, _ = ExactSearch(vectors).neighbours(np.array([200]), 4)
    assert found.tolist() == [[201, 0, 1, 2]]


@METHODS
@pytest.mark.parametrize(("rows", "k"), [(5, 4), (5, 5), (5, 100), (2, 10), (30, 29)])
def test_k_larger_than_the_rows_gives_all_others(method: Method, rows: int, k: int, tmp_path: Path) -> None:
    vectors = _random(rows)
    found, near = _open(method, vectors, tmp_path).neighbours(np.arange(rows), k)
    assert found.shape == near.shape == (rows, rows - 1)
    assert all(sorted(row) == [other for other in range(rows) if other != query] for query, row in enumerate(found.tolist()))


@METHODS
def test_shapes_hold_without_neighbours_and_without_queries(method: Method, tmp_path: Path) -> None:
    found, near = _open(method, _random(1), tmp_path).neighbours(np.array([0]), 3)
    assert found.shape == near.shape == (1, 0)
    found, near = _open(method, _random(9), tmp_path).neighbours(np.array([], np.int64), 3)
    assert found.shape == near.shape == (0, 3)


@pytest.mark.parametrize("vectors", [_axes(90), _random(333)], ids=["axes", "random"])
def test_the_block_size_changes_nothing(vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(len(vectors))
    whole = ExactSearch(vectors).neighbours(rows, 5)
    monkeypatch.setattr(exact, "BLOCK", {"cpu": (7, 64), "cuda": (7, 64)})
    monkeypatch.setattr(exact, "GATHERED", 500)
    monkeypatch.setattr(exact, "LARGEST", 1)
    monkeypatch.setattr(exact, "WHOLE", 3)
    parts = ExactSearch(vectors).neighbours(rows, 5)
    assert (whole[0] == parts[0]).all()
    assert (whole[1] == parts[1]).all()


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    vectors = _random(500)
    for name, seed in (("a", 1), ("b", 1), ("c", 2), ("zero", 0)):
        build_index(vectors, tmp_path / name, 10, seed)
    one, same, other, zero = ((tmp_path / name).read_bytes() for name in ("a", "b", "c", "zero"))
    assert one == same == zero
    assert one != other


def test_an_index_of_another_number_of_vectors_is_refused(tmp_path: Path) -> None:
    vectors = _random(50)
    build_index(vectors, tmp_path / "index.ann", 3, 1)
    assert AnnoySearch(vectors, tmp_path / "index.ann", 10)
    with pytest.raises(WarehouseError, match=r"index\.ann: is an index of 50 vectors and not of 49; run find_neighbours again"):
        AnnoySearch(vectors[:49], tmp_path / "index.ann", 10)


def test_a_wider_search_finds_more_until_everything_is_inspected(tmp_path: Path) -> None:
    vectors, rows = _random(3000, 40), np.arange(0, 3000, 10)
    _, right = ExactSearch(vectors).neighbours(rows, 10)
    build_index(vectors, tmp_path / "index.ann", 10, 1)
    recalls = []
    for search_k in (20, 200, 2_000, EVERYTHING):
        recalls.append(recall_of_cosines(AnnoySearch(vectors, tmp_path / "index.ann", search_k).neighbours(rows, 10)[1], right))
    assert recalls[0] < 0.9, "the first look is not everything, or this test shows nothing"
    assert recalls == sorted(recalls)
    assert recalls[-1] == 1


@pytest.mark.parametrize(
    ("rows", "search_k", "wanted"),
    [
        (2, 1_000, "exact"), (100_000, 10, "exact"), (100_001, 2_000, "annoy"), (100_001, 2_001, "exact"),
        (1_000_000, 20_000, "exact"), (1_000_000, 16_000, "annoy"), (2_000_000, 64_000, "exact"), (2_000_001, 64_000, "annoy"),
    ],
)  # fmt: skip
def test_what_takes_less_time_is_chosen_unless_asked_otherwise(rows: int, search_k: int, wanted: str) -> None:
    assert choose_method("auto", rows, search_k) == wanted
    assert [choose_method(method, rows, search_k) for method in ("annoy", "exact")] == ["annoy", "exact"]


def test_a_narrow_search_still_gives_k_neighbours_of_every_row(tmp_path: Path) -> None:
    vectors = _random(400, 30)
    search = _annoy(vectors, tmp_path, search_k=1, trees=1)
    found, near = search.neighbours(np.arange(400), 50)
    assert found.shape == (400, 50)
    assert all(len(set(row)) == 50 for row in found.tolist())
    np.testing.assert_allclose(near, (vectors[:, None] * vectors[found]).sum(-1), atol=1e-6)


@given(st.lists(st.lists(st.integers(-2, 2), min_size=6, max_size=6), min_size=1, max_size=4), st.integers(0, 8))
def test_ranked_orders_by_cosine_then_row(values: list[list[int]], k: int) -> None:
    scores = np.array(values, np.float32) / 2
    candidates = np.stack([np.random.default_rng(row).permutation(20)[:6] for row in range(len(values))])
    found, best = ranked(candidates, scores, k)
    for row in range(len(values)):
        wanted = sorted(zip(-scores[row], candidates[row], strict=True))[:k]
        assert found[row].tolist() == [candidate for _, candidate in wanted]
        assert best[row].tolist() == [-negated for negated, _ in wanted]


def test_cosines_stay_within_their_bounds() -> None:
    vectors = np.array([[1.0000001, 0], [-1.0000001, 0]], np.float32)
    assert cosines(vectors, np.array([[0, 1, -1]]), vectors[:1]).tolist() == [[1, -1, -np.inf]]


@METHODS
def test_vectors_of_another_table_may_ask(method: Method, tmp_path: Path) -> None:
    vectors, others = _random(300), _random(40, seed=7)
    found, near = _open(method, vectors, tmp_path).nearest(others, 10)
    scores = others @ vectors.T
    assert (found == np.argsort(-scores, axis=1, kind="stable")[:, :10]).all()
    np.testing.assert_allclose(near, np.take_along_axis(scores, found, 1), atol=1e-6)
    itself, near = _open(method, vectors, tmp_path).nearest(vectors[:5], 500)
    assert itself.shape == (5, 300), "no row is left out, and there are no more"
    assert itself[:, 0].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(near[:, 0], 1, atol=1e-6)


@pytest.mark.parametrize("vectors", [_random(500, 2), _random(300, 50), _with_duplicates(400, 30)], ids=["dense", "wide", "twins"])
def test_both_methods_give_the_same_numbers_to_the_last_bit(vectors: np.ndarray, tmp_path: Path) -> None:
    """Also that what is asked together changes nothing."""
    rows = np.arange(len(vectors))
    found, near = ExactSearch(vectors).neighbours(rows, 10)
    other, as_near = _open("annoy", vectors, tmp_path).neighbours(rows, 10)
    assert (near == as_near).all()
    assert (found == other).all()
    for part in np.array_split(rows, 7):
        one, one_near = ExactSearch(vectors).neighbours(part, 10)
        assert (one == found[part]).all()
        assert (one_near == near[part]).all()


@pytest.mark.parametrize("rows", [1, 31, 32, 33, 47, 48, 49, 64, 800])
def test_groups_that_are_not_full_lose_nothing(rows: int) -> None:
    vectors = _random(rows, 3)
    for k in (1, 10, 40):
        found, _ = ExactSearch(vectors).nearest(vectors, k)
        wanted = np.lexsort((np.tile(np.arange(rows), (rows, 1)), -cosines(vectors, np.tile(np.arange(rows), (rows, 1)), vectors)), axis=1)
        assert (found == wanted[:, :k]).all()
