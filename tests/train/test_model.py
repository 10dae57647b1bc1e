"""The model: cosine, score, loss and vectors follow their formulas."""

import math
from typing import Literal

import numpy as np
import pytest
import torch
from torch.nn import functional

from embedding.train.model import BookLinkModel

Loss = Literal["bce", "mse"]
Bias = Literal["one", "link"]
LOSSES = pytest.mark.parametrize("loss", ["bce", "mse"])
BIASES = pytest.mark.parametrize("bias", ["one", "link"])


def _model(
    loss: Loss = "bce", init_range: float = 0.05, scale: float = 3.0, learn_scale: bool = True, bias: Bias = "link"
) -> BookLinkModel:
    torch.manual_seed(0)
    return BookLinkModel(6, 4, 5, loss, init_range, scale, learn_scale, bias)


def _ids(*ids: int) -> torch.Tensor:
    return torch.tensor(ids, dtype=torch.int32)


def _cosine(model: BookLinkModel, books: torch.Tensor, links: torch.Tensor) -> torch.Tensor:
    return functional.cosine_similarity(model.books(books), model.links(links)).detach()


def test_the_score_of_mse_is_the_cosine_of_the_two_vectors() -> None:
    model = _model("mse")
    books, links = model.books.weight.detach().numpy(), model.links.weight.detach().numpy()
    found = model.score(_ids(0, 5, 2), _ids(3, 0, 3)).detach().numpy()
    wanted = [books[b] @ links[k] / np.linalg.norm(books[b]) / np.linalg.norm(links[k]) for b, k in ((0, 3), (5, 0), (2, 3))]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


@BIASES
def test_the_score_of_bce_is_scaled_and_shifted(bias: Bias) -> None:
    model = _model("bce", bias=bias)
    with torch.no_grad():
        model.bias.copy_(torch.tensor([-0.5, 0.25, 1.0, 2.0][: len(model.bias)]))
    ids = _ids(0, 1, 2), _ids(0, 1, 2)
    shift = torch.tensor([-0.5, 0.25, 1.0] if bias == "link" else [-0.5] * 3)
    torch.testing.assert_close(model.score(*ids).detach(), 3 * _cosine(model, *ids) + shift)


@LOSSES
@BIASES
def test_the_gradients_are_those_of_autograd(loss: Loss, bias: Bias) -> None:
    model = _model(loss, bias=bias)
    with torch.no_grad():
        model.bias += torch.linspace(-1, 1, len(model.bias))
    random = torch.Generator().manual_seed(3)
    books, links = torch.randint(6, (40,), generator=random), torch.randint(3, (40,), generator=random)
    labels, weights = torch.randint(2, (40,), generator=random).float(), torch.rand(40, generator=random)
    wanted = model.loss_of(model.score(books, links), labels, weights)
    learned = [value for value in model.parameters() if value.requires_grad]
    gradients = torch.autograd.grad(wanted, learned)
    found = model.set_gradients(books, links, labels, weights)
    torch.testing.assert_close(found, wanted.detach())
    for value, gradient in zip(learned, gradients, strict=True):
        assert value.grad is not None
        torch.testing.assert_close(value.grad, gradient, atol=1e-6, rtol=1e-4)


@BIASES
def test_centred_vectors_rank_the_links_of_a_book_as_before(bias: Bias) -> None:
    model = _model("bce", init_range=2.0, bias=bias)
    with torch.no_grad():
        model.books.weight += 0.7  # a direction that all books share
        model.bias += torch.linspace(-1, 1, len(model.bias))
    books, links, added = model.vectors()
    centred, same_links, more = model.vectors(centre=True)
    torch.testing.assert_close(links, same_links)
    torch.testing.assert_close(centred.norm(dim=1), torch.ones(6))
    apart = books - books.mean(0)
    torch.testing.assert_close(apart / apart.norm(dim=1, keepdim=True), centred)
    shorter = apart.norm(dim=1, keepdim=True)  # all that is lost: how far from the mean a book lies
    torch.testing.assert_close(books @ links.T + added, shorter * (centred @ links.T) + more)


def test_loss_follows_its_formula() -> None:
    scores, labels = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1.0, 0.0, 0.0])
    bce = -sum(math.log(1 / (1 + math.exp(-s if y else s))) for s, y in zip(scores.tolist(), labels.tolist(), strict=True)) / 3
    mse = ((2 - 1) ** 2 + (-1 + 1) ** 2 + (0.5 + 1) ** 2) / 3
    assert float(_model("bce").loss_of(scores, labels)) == pytest.approx(bce)
    assert float(_model("mse").loss_of(scores, labels)) == pytest.approx(mse)


@LOSSES
def test_vectors_have_length_one_and_the_direction_of_their_rows(loss: Loss) -> None:
    model = _model(loss)
    for vectors, table in zip(model.vectors()[:2], (model.books, model.links), strict=True):
        assert not vectors.requires_grad
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(len(vectors)))
        torch.testing.assert_close(vectors * table.weight.norm(dim=1, keepdim=True), table.weight.detach())


@LOSSES
def test_the_dot_product_of_vectors_and_the_bias_make_the_score(loss: Loss) -> None:
    model = _model(loss)
    books, links, bias = model.vectors()
    ids = _ids(0, 1, 2, 3), _ids(3, 2, 1, 0)
    scale = model.scale.item() if loss == "bce" else 1.0
    torch.testing.assert_close(scale * ((books[ids[0]] * links[ids[1]]).sum(1) + bias[ids[1]]), model.score(*ids).detach())


@pytest.mark.parametrize("init_range", [0.05, 2.0])
def test_vectors_start_uniform_within_the_range(init_range: float) -> None:
    torch.manual_seed(1)
    model = BookLinkModel(400, 300, 20, "bce", init_range, 1.0)
    for table in (model.books, model.links):
        values = table.weight.detach().numpy().ravel()
        assert np.abs(values).max() <= init_range
        np.testing.assert_allclose(np.histogram(values, 10, (-init_range, init_range))[0] / len(values), 0.1, atol=0.02)


@LOSSES
@pytest.mark.parametrize("learn_scale", [True, False])
def test_scale_and_bias_are_learned_with_bce_alone(loss: Loss, learn_scale: bool) -> None:
    model = _model(loss, learn_scale=learn_scale)
    learned = {"bias"} | ({"scale"} if learn_scale else set()) if loss == "bce" else set()
    assert {name for name, value in model.named_parameters() if value.requires_grad} == {"books.weight", "links.weight"} | learned
    assert model.scale.item() == 3.0
    assert not model.bias.any()


@LOSSES
def test_a_step_brings_true_pairs_nearer(loss: Loss) -> None:
    model = _model(loss)
    ids = torch.tensor([0, 1]), torch.tensor([0, 1])
    before = _cosine(model, *ids)
    model.set_gradients(*ids, torch.ones(2), torch.ones(2))
    with torch.no_grad():
        for table in (model.books, model.links):
            assert table.weight.grad is not None
            assert not table.weight.grad[2:].any(), "what is not in the step stays where it is"
            table.weight -= 0.001 * table.weight.grad
    assert (_cosine(model, *ids) > before).all()
