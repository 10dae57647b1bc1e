"""Ranking figures against loops that follow their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedding.evaluate.ranking import auc, filtered_ranks, recall, recall_of_cosines

# Few different values, so that ties abound.
SCORES = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=12).map(np.array)
SMALL = st.integers(-2, 2).map(float)


@given(SCORES, SCORES)
def test_auc_is_the_share_of_pairs_in_the_right_order_ties_half(positive: np.ndarray, negative: np.ndarray) -> None:
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    assert auc(positive, negative) == pytest.approx(sum(pairs) / len(pairs))
    assert auc(negative, positive) == pytest.approx(1 - auc(positive, negative))


def test_auc_of_known_cases() -> None:
    high, low = np.array([3.0, 2.0], np.float32), np.array([1.0, 0.0, -1.0], np.float32)
    assert auc(high, low) == 1
    assert auc(low, high) == 0
    assert auc(low, low) == 0.5
    assert auc(np.array([1.0]), np.array([0.0, 1.0, 2.0, 2.0])) == 0.375
    assert math.isnan(auc(high, low[:0]))
    assert math.isnan(auc(high[:0], low))


def _rank(books: np.ndarray, links: np.ndarray, book: int, link: int, known: set[tuple[int, int]]) -> float:
    own = float(books[book] @ links[link])
    rank = 1.0
    for other in range(len(links)):
        if (book, other) not in known:
            score = float(books[book] @ links[other])
            rank += 1.0 if score > own else 0.5 if score == own else 0.0
    return rank


@given(st.data())
def test_filtered_ranks_are_those_of_a_plain_loop(data: st.DataObject) -> None:
    books = data.draw(arrays(np.float32, (data.draw(st.integers(1, 5)), 2), elements=SMALL))
    links = data.draw(arrays(np.float32, (data.draw(st.integers(1, 8)), 2), elements=SMALL))
    pair = st.tuples(st.integers(0, len(books) - 1), st.integers(0, len(links) - 1))
    known = data.draw(st.lists(pair, min_size=1, max_size=20, unique=True))
    ranked = data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=10))
    found = filtered_ranks(books, links, np.array(ranked), np.array(known), block=data.draw(st.integers(1, 4)))
    assert found.tolist() == [_rank(books, links, book, link, set(known)) for book, link in ranked]


def test_a_pair_is_ranked_among_the_links_that_its_book_lacks() -> None:
    books, links = np.array([[1.0, 0.0]], np.float32), np.array([[4.0, 0], [3, 0], [2, 0], [1, 0]], np.float32)
    third, all_known = np.array([[0, 2]]), np.array([[0, 2], [0, 0]])
    assert filtered_ranks(books, links, third, third).tolist() == [3]
    assert filtered_ranks(books, links, third, all_known).tolist() == [2], "a better link that is true is no rival"
    assert filtered_ranks(books, np.ones_like(links), third, third).tolist() == [2.5], "ties share their mean rank"


def test_nothing_to_rank_gives_nothing() -> None:
    vectors = np.ones((2, 2), np.float32)
    assert filtered_ranks(vectors, vectors, np.empty((0, 2), np.int32), np.array([[0, 0]])).shape == (0,)


def test_ranking_changes_neither_vectors_nor_pairs() -> None:
    books, links, pairs = np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32), np.array([[0, 0], [1, 2]], np.int32)
    filtered_ranks(books, links, pairs, pairs)
    assert (books == np.eye(3)).all()
    assert (links == np.eye(3)).all()
    assert pairs.tolist() == [[0, 0], [1, 2]]


def test_recall_is_the_share_that_was_found_whatever_the_order() -> None:
    exact = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
    assert recall(exact[:, ::-1], exact) == 1
    assert recall(np.array([[1, 2, 9, 10], [5, 11, 12, 13]]), exact) == 3 / 8
    assert recall(np.array([[5, 6, 7, 8], [1, 2, 3, 4]]), exact) == 0, "each query for itself"
    assert math.isnan(recall(exact[:0], exact[:0]))
    with pytest.raises(ValueError, match="zip"):
        recall(exact[:1], exact)


def test_recall_by_cosine_is_the_share_that_is_as_near_as_the_kth_whatever_the_order() -> None:
    exact = np.array([[0.9, 0.8, 0.7, 0.6], [0.5, 0.5, 0.5, 0.5]])
    assert recall_of_cosines(exact[:, ::-1], exact) == 1
    assert recall_of_cosines(np.array([[0.9, 0.7, 0.59, 0.5], [0.5, 0.5, 0.4, 0.1]]), exact) == 4 / 8
    assert recall_of_cosines(exact[::-1], exact) == 4 / 8, "each query for itself"
    assert math.isnan(recall_of_cosines(exact[:0], exact[:0]))
    with pytest.raises(ValueError, match="shape"):
        recall_of_cosines(exact[:1], exact)
