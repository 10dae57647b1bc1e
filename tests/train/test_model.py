"""The model: cosine, score, loss and vectors follow their formulas."""

import math
from typing import Literal

import numpy as np
import pytest
import torch

from embedding.train.model import BookLinkModel

Loss = Literal["bce", "mse"]
LOSSES = pytest.mark.parametrize("loss", ["bce", "mse"])


def _model(loss: Loss = "bce", init_range: float = 0.05, scale: float = 3.0) -> BookLinkModel:
    torch.manual_seed(0)
    return BookLinkModel(6, 4, 5, loss, init_range, scale)


def _ids(*ids: int) -> torch.Tensor:
    return torch.tensor(ids, dtype=torch.int32)


def test_cosine_is_that_of_the_two_vectors() -> None:
    model = _model()
    books, links = model.books.weight.detach().numpy(), model.links.weight.detach().numpy()
    found = model.cosine(_ids(0, 5, 2), _ids(3, 0, 3)).detach().numpy()
    wanted = [books[b] @ links[k] / np.linalg.norm(books[b]) / np.linalg.norm(links[k]) for b, k in ((0, 3), (5, 0), (2, 3))]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_score_is_scaled_and_shifted_with_bce_and_plain_with_mse() -> None:
    bce, mse = _model("bce"), _model("mse")
    with torch.no_grad():
        bce.bias.fill_(-0.5)
        mse.bias.fill_(-0.5)
    ids = _ids(0, 1, 2), _ids(0, 1, 2)
    torch.testing.assert_close(bce.score(*ids), 3 * bce.cosine(*ids) - 0.5)
    torch.testing.assert_close(mse.score(*ids), mse.cosine(*ids))


def test_loss_follows_its_formula() -> None:
    scores, labels = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1.0, 0.0, 0.0])
    bce = -sum(math.log(1 / (1 + math.exp(-s if y else s))) for s, y in zip(scores.tolist(), labels.tolist(), strict=True)) / 3
    mse = ((2 - 1) ** 2 + (-1 + 1) ** 2 + (0.5 + 1) ** 2) / 3
    assert float(_model("bce").loss_of(scores, labels)) == pytest.approx(bce)
    assert float(_model("mse").loss_of(scores, labels)) == pytest.approx(mse)


@LOSSES
def test_vectors_have_length_one_and_the_direction_of_their_rows(loss: Loss) -> None:
    model = _model(loss)
    for vectors, table in zip(model.vectors(), (model.books, model.links), strict=True):
        assert not vectors.requires_grad
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(len(vectors)))
        torch.testing.assert_close(vectors * table.weight.norm(dim=1, keepdim=True), table.weight.detach())


def test_the_dot_product_of_vectors_is_the_cosine() -> None:
    model = _model()
    books, links = model.vectors()
    ids = _ids(0, 1, 2, 3), _ids(3, 2, 1, 0)
    torch.testing.assert_close((books[ids[0]] * links[ids[1]]).sum(1), model.cosine(*ids).detach())


@pytest.mark.parametrize("init_range", [0.05, 2.0])
def test_vectors_start_uniform_within_the_range(init_range: float) -> None:
    torch.manual_seed(1)
    model = BookLinkModel(400, 300, 20, "bce", init_range, 1.0)
    for table in (model.books, model.links):
        values = table.weight.detach().numpy().ravel()
        assert np.abs(values).max() <= init_range
        np.testing.assert_allclose(np.histogram(values, 10, (-init_range, init_range))[0] / len(values), 0.1, atol=0.02)


@LOSSES
def test_scale_and_bias_are_learned_with_bce_alone(loss: Loss) -> None:
    model = _model(loss)
    assert {name for name, value in model.named_parameters() if value.requires_grad} == {"books.weight", "links.weight"} | (
        {"scale", "bias"} if loss == "bce" else set()
    )
    assert (model.scale.item(), model.bias.item()) == (3.0, 0.0)


@LOSSES
def test_a_step_brings_true_pairs_nearer(loss: Loss) -> None:
    model = _model(loss)
    ids = _ids(0, 1), _ids(0, 1)
    before = model.cosine(*ids).detach()
    model.loss_of(model.score(*ids), torch.ones(2)).backward()
    with torch.no_grad():
        for table in (model.books, model.links):
            assert table.weight.grad is not None
            assert not table.weight.grad[2:].any(), "what is not in the step stays where it is"
            table.weight -= 0.001 * table.weight.grad
    assert (model.cosine(*ids) > before).all()
