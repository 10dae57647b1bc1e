"""The drawing of negative samples, without Spark: pure functions of arrays."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding.pairs import negatives
from embedding.pairs.negatives import draws_for, link_weights, sample_links, samples_per_book, uniform_numbers


def _keys(pairs: set[tuple[int, int]], links: int) -> np.ndarray:
    return np.array(sorted(book * links + link for book, link in pairs), dtype=np.int64)


def _draw(
    taken: set[tuple[int, int]], weights: np.ndarray, books: np.ndarray, places: np.ndarray, draw: int = 0, seed: int = 1
) -> np.ndarray:
    return sample_links(books, places, draw, _keys(taken, len(weights)), np.cumsum(weights), seed)


def _many(book: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Places 0, 1, ... of one book."""
    return np.full(count, book, dtype=np.int64), np.arange(count, dtype=np.int64)


def _chi_square(counts: np.ndarray, shares: np.ndarray) -> float:
    """How far counts are from shares, in standard deviations of chi-square; below 5 by anything but bad luck of 1 in a million."""
    expected = counts.sum() * shares
    freedom = len(counts) - 1
    return float((((counts - expected) ** 2 / expected).sum() - freedom) / np.sqrt(2 * freedom))


@st.composite
def _tables(draw: st.DrawFn) -> tuple[set[tuple[int, int]], np.ndarray]:
    """True pairs of a few books, each book with at least one and many with nearly all, and the links' weights."""
    links = draw(st.integers(1, 12))
    theirs = draw(st.lists(st.sets(st.integers(0, links - 1), min_size=1), min_size=1, max_size=6))
    weights = draw(st.lists(st.floats(0.001, 1000), min_size=links, max_size=links))
    return {(book, link) for book, some in enumerate(theirs) for link in some}, np.array(weights)


@given(_tables(), st.integers(0, 2**31 - 1))
def test_no_sample_is_a_true_pair(table: tuple[set[tuple[int, int]], np.ndarray], seed: int) -> None:
    true, weights = table
    books = np.repeat(sorted({book for book, _ in true}), 20)
    places = np.tile(np.arange(20), len(books) // 20)
    drawn = _draw(true, weights, books, places, seed=seed)
    for book, link in zip(books.tolist(), drawn.tolist(), strict=True):
        full = sum(owner == book for owner, _ in true) == len(weights)
        assert link == -1 if full else 0 <= link < len(weights)
        assert (book, link) not in true


@given(_tables(), st.data())
def test_samples_are_the_same_whatever_the_batching(table: tuple[set[tuple[int, int]], np.ndarray], data: st.DataObject) -> None:
    true, weights = table
    ids = sorted({book for book, _ in true})
    books, places = np.repeat(ids, 8), np.tile(np.arange(8), len(ids))
    whole = _draw(true, weights, books, places, draw=2)
    order = np.array(data.draw(st.permutations(range(len(books)))))
    assert (_draw(true, weights, books[order], places[order], draw=2) == whole[order]).all()
    for book in ids:
        own = books == book
        alone = {(owner, link) for owner, link in true if owner == book}
        assert (_draw(alone, weights, books[own], places[own], draw=2) == whole[own]).all()


def test_draws_seeds_books_and_places_give_other_samples() -> None:
    true, weights = {(0, 0), (1, 0)}, np.ones(1000)
    first = _draw(true, weights, *_many(0, 50))
    for other in (
        _draw(true, weights, *_many(0, 50), draw=1),
        _draw(true, weights, *_many(0, 50), seed=2),
        _draw(true, weights, *_many(0, 50), seed=1 + (1 << 32)),
        _draw(true, weights, *_many(1, 50)),
        np.roll(first, 1),
    ):
        assert (first == other).mean() < 0.1


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_weights_shape_the_distribution(power: float) -> None:
    counts_of_links = np.array([1, 4, 9, 100, 400, 25, 50, 2])
    weights = link_weights(counts_of_links, "frequency", power)
    lacking = np.array([0, 1, 2, 4, 5, 6])  # the book has links 3 and 7
    drawn = np.bincount(_draw({(5, 3), (5, 7)}, weights, *_many(5, 40_000)), minlength=8)
    assert drawn[[3, 7]].sum() == 0
    shares = counts_of_links[lacking] ** power
    assert _chi_square(drawn[lacking], shares / shares.sum()) < 5


def test_uniform_weights_are_uniform_whatever_the_frequencies() -> None:
    weights = link_weights(np.array([1, 1000, 3]), "uniform", 0.5)
    assert weights.tolist() == [1, 1, 1]
    counts = np.bincount(_draw({(0, 0)}, np.ones(101), *_many(0, 50_000)), minlength=101)
    assert counts[0] == 0
    assert _chi_square(counts[1:], np.full(100, 0.01)) < 5


def test_frequency_weights_are_a_power_of_the_number_of_books() -> None:
    assert link_weights(np.array([1, 4, 9]), "frequency", 0.5).tolist() == [1, 2, 3]
    assert link_weights(np.array([1, 4, 9]), "frequency", 0).tolist() == [1, 1, 1]


def test_dense_books_draw_from_the_links_that_they_lack_and_by_weight() -> None:
    """The book has all but three of 2,000 links: 16 tries nearly always miss, so the links that it lacks are listed."""
    links, lacking = 2000, [7, 1000, 1999]
    weights = np.ones(links)
    weights[lacking] = [1, 2, 5]
    true = {(3, link) for link in range(links) if link not in lacking}
    counts = Counter(_draw(true, weights, *_many(3, 4000)).tolist())
    assert set(counts) == set(lacking)
    assert _chi_square(np.array([counts[link] for link in lacking]), np.array([1, 2, 5]) / 8) < 5


def test_the_listing_alone_gives_the_same_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any tries every sample is drawn from the list; its shares must be those of the tries."""
    monkeypatch.setattr(negatives, "ATTEMPTS", 0)
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    counts = np.bincount(_draw({(0, 1), (1, 0)}, weights, *_many(0, 8000)), minlength=4)
    assert counts[1] == 0
    assert _chi_square(counts[[0, 2, 3]], np.array([1, 3, 4]) / 8) < 5


def test_a_book_with_every_link_is_marked_and_does_not_disturb_its_neighbours() -> None:
    true = {(1, link) for link in range(5)} | {(0, 4), (2, 0)}
    books, places = np.repeat([0, 1, 2], 30), np.tile(np.arange(30), 3)
    drawn = _draw(true, np.ones(5), books, places)
    assert (drawn[books == 1] == -1).all()
    assert set(drawn[books == 0].tolist()) == {0, 1, 2, 3}
    assert set(drawn[books == 2].tolist()) == {1, 2, 3, 4}


def test_ids_of_the_largest_wikis_do_not_overflow() -> None:
    links, book = 7_000_000, 2_000_000
    taken = np.array([book * links + link for link in range(1, links, 70_000)], dtype=np.int64)
    drawn = sample_links(*_many(book, 1000), 0, taken, np.cumsum(np.ones(links)), 1)
    assert (drawn >= 0).all()
    assert not np.isin(book * links + drawn, taken).any()
    assert drawn.max() > 0.99 * links > 0.01 * links > drawn.min()


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(1, 7), st.integers(0, 1000))
def test_samples_per_book_sum_exactly(positives: list[int], per_positive: int, total: int) -> None:
    counts, books = np.array(positives), np.arange(len(positives))
    own = samples_per_book(counts, books, per_positive, 0, total)
    assert own.tolist() == [per_positive * count for count in positives]
    evenly = samples_per_book(counts, books, per_positive, len(books), total)
    assert evenly.sum() == per_positive * total
    assert evenly.max() - evenly.min() <= 1
    parts = [samples_per_book(counts[i : i + 4], books[i : i + 4], per_positive, len(books), total) for i in range(0, len(books), 4)]
    assert np.concatenate(parts).tolist() == evenly.tolist(), "the same whatever the batching"


def test_numbers_are_uniform_and_independent_of_their_neighbours() -> None:
    grid = np.meshgrid(np.arange(300), np.arange(300), indexing="ij")
    numbers = uniform_numbers(1, grid[0], 0, grid[1], 0)
    assert numbers.shape == (300, 300)
    assert 0 <= numbers.min() < 0.001 < 0.999 < numbers.max() < 1
    assert _chi_square(np.bincount((numbers.ravel() * 100).astype(int), minlength=100), np.full(100, 0.01)) < 5
    assert len(np.unique(numbers)) == numbers.size
    for shifted in (numbers[1:], numbers[:, 1:], uniform_numbers(1, grid[0], 1, grid[1], 0), uniform_numbers(2, grid[0], 0, grid[1], 0)):
        same = numbers[: shifted.shape[0], : shifted.shape[1]]
        assert abs(np.corrcoef(same.ravel(), shifted.ravel())[0, 1]) < 5 / np.sqrt(shifted.size)


def test_a_number_depends_on_its_own_keys_alone() -> None:
    keys = np.arange(100)
    whole = uniform_numbers(7, keys, 3, keys[::-1], 5)
    assert [float(uniform_numbers(7, int(key), 3, 99 - int(key), 5)) for key in keys] == whole.tolist()
    assert not np.array_equal(whole, uniform_numbers(7, keys, 3, keys, 5)), "the order of keys matters"


@pytest.mark.parametrize(
    ("positives", "draws"), [(8_844, 56), (144_573, 4), (1_000_000, 4), (10, 100), (0, 100), (10**9, 4)], ids=lambda value: f"{value:,}"
)
def test_a_small_wiki_gets_more_draws(positives: int, draws: int) -> None:
    assert draws_for(positives, per_positive=2, least=4, min_rows=1_000_000) == draws
    assert draws_for(positives, per_positive=2, least=150, min_rows=1_000_000) == 150, "as many as are asked for in any case"
    assert draws_for(positives, per_positive=2, least=4, min_rows=0) == 4
