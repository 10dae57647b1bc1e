"""Laying one space onto another: all cosines stay, and a space that was only turned is found again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding.evaluate.alignment import carried, common_rows, mean_cosine, rotation


def _unit(seed: int, rows: int, width: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@given(st.integers(0, 2**31), st.integers(0, 40), st.integers(2, 12), st.integers(0, 40))
def test_a_rotation_keeps_every_cosine(seed: int, rows: int, width: int, common: int) -> None:
    vectors, onto = _unit(seed, rows, width), _unit(seed + 1, rows, width)
    common = min(common, rows)
    turned = rotation(vectors[:common], onto[:common])
    assert turned.shape == (width, width)
    np.testing.assert_allclose(turned @ turned.T, np.eye(width), atol=1e-9)
    moved = vectors @ turned
    np.testing.assert_allclose(moved @ moved.T, vectors @ vectors.T, atol=1e-5)
    if common:
        assert mean_cosine(moved[:common], onto[:common]) >= mean_cosine(vectors[:common], onto[:common]) - 1e-6


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_space_that_was_turned_is_turned_back(mirrored: bool) -> None:
    vectors = _unit(1, 60, 8)
    turn, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(8, 8)))
    if mirrored:
        turn[:, 0] *= -1
    back = (vectors @ turn) @ rotation(vectors @ turn, vectors)
    np.testing.assert_allclose(back, vectors, atol=1e-5)


def test_common_rows_belong_together() -> None:
    keys, before = np.array([7, 3, 9, 5]), np.array([5, 1, 7, 8, 9])
    here, there = common_rows(keys, before)
    assert list(keys[here]) == list(before[there]) == [5, 7, 9]
    titles, old = np.array(["b", "Ünï", "a"], object), np.array(["Ünï", "c"], object)
    here, there = common_rows(titles, old)
    assert (list(here), list(there)) == ([1], [0])
    assert [len(rows) for rows in common_rows(np.array([1]), np.array([2]))] == [0, 0]


def test_values_are_carried_by_key() -> None:
    vectors = np.array([[1, 2], [3, 4]], np.float32)
    found = carried(np.array([5, 6, 7]), np.array([7, 5]), vectors)
    np.testing.assert_array_equal(found, np.array([[3, 4], [np.nan, np.nan], [1, 2]], np.float32))
    np.testing.assert_array_equal(carried(np.array([1]), np.array([1, 2]), np.array([8.0, 9.0])), [8.0])


def test_nothing_in_common_has_no_mean() -> None:
    assert np.isnan(mean_cosine(np.empty((0, 3)), np.empty((0, 3))))
