"""A model's space is turned onto older vectors without changing what it says."""

import numpy as np
import pytest
import torch

from embedding.train.align import turn_onto
from embedding.train.model import BookLinkModel


def _model(seed: int, books: int = 30, dimensions: int = 6) -> BookLinkModel:
    torch.manual_seed(seed)
    model = BookLinkModel(books, 20, dimensions, "bce", 0.5, 4.0)
    torch.nn.init.normal_(model.bias)
    return model


@pytest.mark.parametrize("centre", [False, True])
def test_a_model_that_was_turned_lies_as_before(centre: bool) -> None:
    model, ids = _model(1), np.arange(100, 130)
    before = model.vectors(centre)[0].numpy().copy()
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))
    with torch.no_grad():
        for table in (model.books, model.links):
            table.weight.copy_(table.weight @ torch.from_numpy(turn).float())
    old = [array.numpy().copy() for array in model.vectors(centre)]
    assert turn_onto(model, centre, ids, ids[::-1].copy(), before[::-1].copy()) == 30
    books, links, bias = (array.numpy() for array in model.vectors(centre))
    np.testing.assert_allclose(books, before, atol=1e-5)
    np.testing.assert_allclose(books @ links.T, old[0] @ old[1].T, atol=1e-5, err_msg="no cosine changes")
    np.testing.assert_allclose(bias, old[2], atol=1e-5)


def test_some_common_books_turn_all() -> None:
    centre = True
    model, other = _model(1), _model(2)
    vectors = other.vectors(centre)[0].numpy()
    old = [array.numpy().copy() for array in model.vectors(centre)]
    ids, before = np.arange(30), np.arange(20, 50)
    assert turn_onto(model, centre, ids, before, vectors) == 10
    books, links, bias = (array.numpy() for array in model.vectors(centre))
    np.testing.assert_allclose(books @ books.T, old[0] @ old[0].T, atol=1e-5)
    np.testing.assert_allclose(books @ links.T + bias, old[0] @ old[1].T + old[2], atol=1e-5)
    assert (books[20:] * vectors[:10]).sum() > (old[0][20:] * vectors[:10]).sum()


@pytest.mark.parametrize(("ids", "width"), [(np.arange(30), 7), (np.arange(500, 530), 6)], ids=["another width", "no common book"])
def test_nothing_is_turned_without_counterparts(ids: np.ndarray, width: int) -> None:
    model = _model(1)
    weights = model.books.weight.detach().clone()
    assert turn_onto(model, True, np.arange(30), ids, np.ones((30, width), np.float32)) == 0
    assert torch.equal(model.books.weight, weights)
