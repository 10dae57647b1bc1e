"""Fold-in: the best unit vector for a book's part of the loss, whatever the optimiser."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional

from embedding.train import fold_in as module
from embedding.train.fold_in import Trained, fold_in

LINKS, WIDTH = 60, 8


def _trained(loss: str = "bce", **changes: object) -> Trained:
    random = np.random.default_rng(3)
    links = random.normal(size=(LINKS, WIDTH))
    links /= np.linalg.norm(links, axis=1, keepdims=True)
    made = Trained(
        links.astype(np.float32), random.normal(scale=0.3, size=LINKS).astype(np.float32), random.uniform(0.5, 2, LINKS), np.ones(LINKS),
        0, 9.0, "bce" if loss == "bce" else "mse", 4.0, 0.9,
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def _loss(trained: Trained, own: np.ndarray, vector: torch.Tensor) -> torch.Tensor:
    """The loss written once more, with torch, as the training writes it."""
    others = np.setdiff1d(np.arange(LINKS), own)
    share = (len(own) * trained.per_positive or trained.per_book) * trained.negative / trained.negative[others].sum()
    cosine = torch.from_numpy(trained.links).double() @ functional.normalize(vector, dim=0) * trained.length
    cosine = cosine + torch.from_numpy(trained.bias).double()
    labels = torch.zeros(LINKS, dtype=torch.double)
    labels[own] = 1
    weights = torch.where(labels > 0, torch.from_numpy(trained.positive), torch.from_numpy(share))
    if trained.loss == "bce":
        return functional.binary_cross_entropy_with_logits(cosine * trained.scale, labels, weights, reduction="sum")
    return (weights * (cosine - (2 * labels - 1)) ** 2).sum()


@pytest.mark.parametrize("loss", ["bce", "mse"])
@pytest.mark.parametrize("changes", [{}, {"per_positive": 2.0}, {"negative": np.arange(1.0, LINKS + 1)}])
def test_no_other_optimiser_finds_a_better_vector(loss: str, changes: dict[str, object]) -> None:
    trained, own = _trained(loss, **changes), np.array([2, 11, 40, 41])
    found = fold_in(trained, own, 1)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    reached = float(_loss(trained, own, torch.from_numpy(found).double()))
    for seed in range(5):
        start = torch.randn(WIDTH, generator=torch.Generator().manual_seed(seed), dtype=torch.double).requires_grad_()
        optimiser = torch.optim.LBFGS([start], max_iter=200, line_search_fn="strong_wolfe")

        def closure(start: torch.Tensor = start, optimiser: torch.optim.Optimizer = optimiser) -> torch.Tensor:
            optimiser.zero_grad()
            loss_now = _loss(trained, own, start)
            loss_now.backward()  # type: ignore[no-untyped-call]
            return loss_now

        optimiser.step(closure)
        assert reached <= float(_loss(trained, own, start.detach())) + 1e-6


@pytest.mark.parametrize("own", [[5], list(range(LINKS))])
def test_one_link_is_enough_and_all_are_not_too_many(own: list[int]) -> None:
    found = fold_in(_trained(), np.array(own), 1)
    assert np.isfinite(found).all()
    if len(own) == 1:
        assert _trained().links[5] @ found > 0.5


def test_links_that_cancel_out_still_give_a_vector() -> None:
    links = _trained().links.copy()
    links[1] = -links[0]
    trained = _trained(links=links, positive=np.ones(LINKS))
    assert np.linalg.norm(fold_in(trained, np.array([0, 1]), 1)) == pytest.approx(1, abs=1e-5)


def test_a_sample_of_the_other_links_gives_nearly_the_same_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    own = np.array([2, 11, 40, 41])
    whole = fold_in(_trained(), own, 1)
    monkeypatch.setattr(module, "MAX_OTHERS", 45)
    sampled = [fold_in(_trained(), own, seed) for seed in (1, 1, 2)]
    assert (sampled[0] == sampled[1]).all()
    assert (sampled[0] != sampled[2]).any()
    assert min(float(whole @ one) for one in sampled) > 0.9
