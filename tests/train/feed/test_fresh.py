"""Negatives drawn on the device: never a true pair, repeatable, the same from any step on, and distributed as asked."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from embedding.train.feed.fresh import Drawing, FreshFeed
from embedding.train.feed.serve import Part


def _true(books: int, links: int, share: float, seed: int = 0) -> torch.Tensor:
    have = np.random.default_rng(seed).random((books, links)) < share
    return torch.from_numpy(np.argwhere(have).astype(np.int32))


def _epoch(feed: FreshFeed, epoch: int = 0, steps: int = 5, first: int = 0, part: Part | None = None) -> torch.Tensor:
    return torch.cat(list(feed.shares(epoch, steps, first, part or Part())))


@settings(max_examples=40)
@given(
    books=st.integers(1, 8),
    links=st.integers(1, 8),
    share=st.sampled_from([0.1, 0.5, 0.9, 1.0]),
    seed=st.integers(0, 3),
    of_links=st.sampled_from(["uniform", "frequency"]),
    of_books=st.sampled_from(["uniform", "positive"]),
)
def test_none_is_a_true_pair_however_few_are_false(books: int, links: int, share: float, seed: int, of_links: str, of_books: str) -> None:
    true = _true(books, links, share, seed)
    if not len(true):
        return
    feed = FreshFeed(true, len(true), books, links, Drawing(3, of_links, 0.5, of_books), seed)  # type: ignore[arg-type]
    found = _epoch(feed)
    owned = torch.bincount(true[:, 0], minlength=books)
    possible = bool((owned < links).any()) if of_books == "uniform" else bool(((owned < links) & (owned > 0)).any())
    assert len(found) == feed.rows(0) == (3 * len(true) if possible else 0)
    assert not set(map(tuple, found.tolist())) & set(map(tuple, true.tolist()))
    assert bool(((found >= 0) & (found < torch.tensor([books, links]))).all())


def test_epochs_and_seeds_differ_and_can_be_repeated() -> None:
    true = _true(40, 30, 0.2)
    found = [_epoch(FreshFeed(true, 100, 40, 30, Drawing(2), seed), epoch).tolist() for seed in (1, 2) for epoch in (0, 1, 2)]
    assert len({str(one) for one in found}) == 6
    assert found == [_epoch(FreshFeed(true, 100, 40, 30, Drawing(2), seed), epoch).tolist() for seed in (1, 2) for epoch in (0, 1, 2)]


def test_steps_and_processes_share_the_same_epoch() -> None:
    feed = FreshFeed(_true(40, 30, 0.2), 101, 40, 30, Drawing(2), 1)
    whole = list(feed.shares(3, 7, 0, Part()))
    assert [len(share) for share in whole] == [28, 29, 29, 29, 29, 29, 29]
    assert torch.equal(torch.cat(list(feed.shares(3, 7, 4, Part()))), torch.cat(whole[4:]))
    for step, parts in enumerate(zip(*(feed.shares(3, 7, 0, Part(rank, 3)) for rank in range(3)), strict=True)):
        assert torch.equal(torch.cat(parts), whole[step])


def test_books_and_links_are_drawn_as_often_as_asked() -> None:
    true = _true(20, 25, 0.3)
    owned, frequency = (torch.bincount(true[:, side], minlength=size).double() for side, size in ((0, 20), (1, 25)))
    false = 1 - torch.zeros(20, 25, dtype=torch.double).index_put((true[:, 0].long(), true[:, 1].long()), torch.ones(len(true)).double())
    for of_books, of_links in (("uniform", "uniform"), ("positive", "frequency")):
        found = _epoch(FreshFeed(true, 50_000, 20, 25, Drawing(2, of_links, 0.75, of_books), 1))  # type: ignore[arg-type]
        by_book = owned if of_books == "positive" else torch.ones(20).double()
        by_link = frequency**0.75 if of_links == "frequency" else torch.ones(25).double()
        wanted = by_book[:, None] * by_link * false  # drawn again, book and all, while it is a true pair
        wanted /= wanted.sum()
        counts = torch.bincount(found[:, 0] * 25 + found[:, 1], minlength=500).double().view(20, 25)
        assert float(((counts - 1e5 * wanted) ** 2 / (1e5 * wanted).clamp(min=1)).sum()) < 500 + 5 * 1000**0.5, "chi squared"


def test_a_large_epoch_is_drawn_in_pieces_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = FreshFeed(_true(40, 30, 0.2), 500, 40, 30, Drawing(2), 1)
    whole = _epoch(feed, steps=9)
    monkeypatch.setattr("embedding.train.feed.fresh.SAMPLES_AT_ONCE", 150)
    assert torch.equal(_epoch(feed, steps=9), whole)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_draws_the_same() -> None:
    true = _true(40, 30, 0.2)
    here, there = (FreshFeed(true.to(device), 100, 40, 30, Drawing(2), 1) for device in ("cpu", "cuda"))
    assert torch.equal(_epoch(here), _epoch(there).cpu())
