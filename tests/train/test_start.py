"""Start values: the singular vectors that a whole decomposition gives, whatever the feed, and only where there are pairs."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from embedding.train import start
from embedding.train.feed.serve import MemoryFeed
from embedding.train.start import singular_vectors

BOOKS, LINKS, WIDTH = 40, 30, 6


def _pairs() -> NDArray[np.int32]:
    """Clustered pairs; the last book and the last link have none."""
    random = np.random.default_rng(4)
    has = random.random((BOOKS, LINKS)) < np.where(np.arange(BOOKS)[:, None] % 3 == np.arange(LINKS) % 3, 0.7, 0.1)
    has[-1], has[:, -1] = False, False
    return np.argwhere(has).astype(np.int32)


def _found(dimensions: int = WIDTH, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    weights = torch.linspace(0.5, 2, LINKS)
    feed = MemoryFeed([_pairs()], 1, torch.device("cpu"))
    return *singular_vectors(feed, weights, BOOKS, dimensions, seed), weights


def test_they_are_those_of_a_whole_decomposition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "NOISE", 0.0)
    monkeypatch.setattr(start, "ROWS_AT_ONCE", 64)  # several parts
    books, links, weights = _found()
    table, pairs = np.zeros((BOOKS, LINKS)), _pairs()
    table[pairs[:, 0], pairs[:, 1]] = weights.numpy()[pairs[:, 1]]
    table /= np.linalg.norm(table, axis=1, keepdims=True).clip(1e-9)
    left, values, right = np.linalg.svd(table, full_matrices=False)
    for found, whole in ((books.numpy(), left), (links.numpy(), right.T)):
        wanted = whole[:, :WIDTH] * np.sqrt(values[:WIDTH])
        wanted /= np.linalg.norm(wanted, axis=1, keepdims=True).clip(1e-9)
        # Singular vectors are known but for their signs; cosines do not depend on them.
        there = slice(0, -1)
        np.testing.assert_allclose(found[there] @ found[there].T, wanted[there] @ wanted[there].T, atol=0.02)
    np.testing.assert_allclose(books[:-1].norm(dim=1), np.ones(BOOKS - 1), atol=1e-5)


def test_what_has_no_pair_has_no_start() -> None:
    books, links, _ = _found()
    assert (books[-1] == 0).all()
    assert (links[-1] == 0).all()
    assert (books[:-1] != 0).any(1).all()


@pytest.mark.parametrize("dimensions", [LINKS - 1, 100])
def test_more_numbers_than_there_are_directions_are_filled(dimensions: int) -> None:
    books, links, _ = _found(dimensions)
    assert books.shape == (BOOKS, dimensions)
    assert links.shape == (LINKS, dimensions)
    assert torch.isfinite(books).all()
    np.testing.assert_allclose(books[:-1].norm(dim=1), np.ones(BOOKS - 1), atol=1e-5)
    assert (books[:-1] != 0).all()


def test_the_seed_decides() -> None:
    assert torch.equal(_found()[0], _found()[0])
    assert not torch.equal(_found()[0], _found(seed=2)[0])
