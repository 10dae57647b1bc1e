"""The learning rate is torch's one cycle; Adam over rows is Adam where every row is touched, and leaves alone those that are not."""

import subprocess
import sys

import pytest
import torch

from embedding.train.model import BookLinkModel
from embedding.train.optimiser import FEWER_ROWS, FusedAdam, RowAdam, WholeAdam, choose, rate


@pytest.mark.parametrize("steps", [2, 3, 9, 10, 400])
def test_one_cycle_is_that_of_torch(steps: int) -> None:
    optimiser = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, total_steps=steps)
    for step in range(steps):
        group = optimiser.param_groups[0]
        assert rate("one_cycle", 0.1, step, steps) == pytest.approx(group["lr"], rel=1e-9)
        optimiser.step()
        if step < steps - 1:
            schedule.step()
    assert rate("constant", 0.3, 5, steps) == 0.3


def _model(bias: str = "link") -> BookLinkModel:
    torch.manual_seed(0)
    return BookLinkModel(6, 4, 5, "bce", 0.5, 3.0, True, bias)  # type: ignore[arg-type]


@pytest.mark.parametrize("bias", ["one", "link"])
def test_over_rows_it_is_adam_while_all_rows_are_touched(bias: str) -> None:
    models = _model(bias), _model(bias)
    optimisers = WholeAdam(models[0]), RowAdam(models[1])
    random = torch.Generator().manual_seed(1)
    for step in range(5):
        books = torch.cat([torch.arange(6), torch.randint(6, (20,), generator=random)])
        links = torch.cat([torch.arange(6) % 4, torch.randint(4, (20,), generator=random)])
        labels, weights = (torch.rand(26, generator=random) < 0.5).float(), torch.rand(26, generator=random)
        losses = [one.step(books, links, labels, weights / 26, torch.tensor(rate("one_cycle", 0.05, step, 5))) for one in optimisers]
        torch.testing.assert_close(*losses)
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_over_rows_what_is_not_touched_stays_and_the_first_touch_is_a_first_step() -> None:
    model, unchanged = _model(), _model()
    optimiser = RowAdam(model)
    for books, links in (([0, 1, 1], [0, 1, 0]), ([0, 2, 2], [0, 1, 1])):
        optimiser.step(torch.tensor(books), torch.tensor(links), torch.ones(3), torch.full((3,), 1 / 3), torch.tensor(0.1))
    assert torch.equal(model.books.weight[3:], unchanged.books.weight[3:])
    assert torch.equal(model.links.weight[2:], unchanged.links.weight[2:])
    moved = (model.books.weight - unchanged.books.weight)[[1, 2]].abs().detach()
    torch.testing.assert_close(moved, torch.full((2, 5), 0.1), atol=1e-3, rtol=0)  # Adam's first step is the rate, whenever it comes


def test_what_costs_less_is_chosen() -> None:
    model = _model()
    assert isinstance(choose(model, "auto", 10, 1), WholeAdam)
    small = BookLinkModel(50 * FEWER_ROWS, 60 * FEWER_ROWS, 2, "bce", 0.5, 3.0)
    assert isinstance(choose(small, "auto", 100, 1), RowAdam)
    assert isinstance(choose(small, "auto", 100, 2), WholeAdam), "several processes add up over whole tables"
    assert isinstance(choose(small, "whole", 100, 1), WholeAdam)
    assert isinstance(choose(model, "rows", 10, 1), RowAdam)


def test_fused_adam_is_that_of_torch() -> None:
    random = torch.Generator().manual_seed(1)
    ours = [torch.randn(7, 3, generator=random), torch.randn((), generator=random)]
    theirs = [value.clone().requires_grad_() for value in ours]
    adam, reference = FusedAdam(ours), torch.optim.Adam(theirs)
    for step in range(6):
        now = rate("one_cycle", 0.1, step, 6)
        for one, other in zip(ours, theirs, strict=True):
            one.grad = torch.randn(one.shape, generator=random)
            other.grad = one.grad.clone()
        reference.param_groups[0].update(lr=now)
        adam.step(torch.tensor(now))
        reference.step()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other.detach())


def test_no_training_loads_the_compiler_of_torch() -> None:
    code = (
        "import sys, torch; from embedding.train.model import BookLinkModel; from embedding.train.optimiser import choose;"
        "model = BookLinkModel(6, 4, 5, 'bce', .5, 3.); one = torch.ones(2, dtype=torch.int64);"
        "choose(model, 'whole', 2, 1).step(one, one, torch.ones(2), torch.ones(2), torch.tensor(.1));"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
