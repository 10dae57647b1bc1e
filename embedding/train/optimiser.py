"""Adam, over whole tables or over the rows that a step touches, and the learning rate of every step.

Source: Kingma and Ba, Adam: A method for stochastic optimization, 2015; Smith and Topin, Super-convergence, 2018 (one cycle).
"""

import math
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from embedding.train.model import BookLinkModel, RowSums
from embedding.train.scratch import Scratch

FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8  # decay of Adam's moments, and what is added to the root of the second
FEWER_ROWS = 10  # over rows, where the tables have so many times the rows of a step: there both cost the same on a CPU


class Optimiser(Protocol):
    """Takes a step of gradient descent."""

    def step(self, books: Tensor, links: Tensor, labels: Tensor, shares: Tensor, rate: Tensor) -> Tensor:
        """Change the model, and return the loss before (of this process's part, the others' added).

        Args:
            books: ids, int64, shape (n,).
            links: ids, int64, shape (n,).
            labels: 0 and 1, shape (n,).
            shares: of each pair in the loss, shape (n,); what has none changes nothing.
            rate: learning rate, a single number on the model's device.
        """

    def state(self) -> dict[str, Any]:
        """All that it keeps from step to step."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""


def choose(model: BookLinkModel, how: Literal["auto", "whole", "rows"], rows: int, processes: int) -> Optimiser:
    """The optimiser that costs less: over rows where a step's rows are few beside the tables'.

    Args:
        model: what is trained.
        how: the setting train.adam.
        rows: of a step.
        processes: of the training; several add their gradients up, which they do over whole tables.
    """
    tables = len(model.books.weight) + len(model.links.weight)
    alone = how == "rows" or (how == "auto" and processes == 1 and rows_cost_less(tables, rows))
    return RowAdam(model) if alone else WholeAdam(model)


def rows_cost_less(tables: int, rows: int) -> bool:
    """Does a step over its own rows cost less than one over all rows of both tables?"""
    return tables > FEWER_ROWS * rows


class WholeAdam:
    """Adam over whole tables."""

    def __init__(self, model: BookLinkModel) -> None:
        self._model = model
        self._learned = [value for value in model.parameters() if value.requires_grad]
        self._adam = FusedAdam(self._learned)

    def step(self, books: Tensor, links: Tensor, labels: Tensor, shares: Tensor, rate: Tensor) -> Tensor:
        """See `Optimiser`."""
        loss = self._model.set_gradients(books, links, labels, shares)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            for value in (loss, *(learned.grad for learned in self._learned)):
                torch.distributed.all_reduce(value)
        self._adam.step(rate)
        return loss

    def state(self) -> dict[str, Any]:
        """See `Optimiser`."""
        return {"kept": self._adam.kept}

    def restore(self, state: dict[str, Any]) -> None:
        """See `Optimiser`."""
        _copy(self._adam.kept, state["kept"])


class RowAdam:
    """Adam for which a row's time passes when a step touches it; a step costs its own rows, however large the tables.

    What is learned beside the tables (the scale, a bias of all) is stepped whole.
    """

    def __init__(self, model: BookLinkModel) -> None:
        self._model, self._sums, self._scratch = model, RowSums(model), Scratch()
        own = [model.books.weight, model.links.weight] + ([model.bias] if len(model.bias) > 1 and model.bias.requires_grad else [])
        self._tables = [table.data if table.ndim == 2 else table.data[:, None] for table in own]
        # First and second moment of every table, and how often each row was touched.
        self._kept = [(torch.zeros_like(table), torch.zeros_like(table), torch.zeros_like(table[:, :1])) for table in self._tables]
        rest = [value for value in model.parameters() if value.requires_grad and all(value is not table for table in own)]
        self._rest = FusedAdam(rest)

    @torch.no_grad()
    def step(self, books: Tensor, links: Tensor, labels: Tensor, shares: Tensor, rate: Tensor) -> Tensor:
        """See `Optimiser`."""
        loss, *gradients = self._model.set_row_gradients(books, links, labels, shares, self._sums)
        take = self._scratch
        for place, (table, kept, ids, gradient) in enumerate(zip(self._tables, self._kept, (books, links, links), gradients, strict=False)):
            # Where an id stands twice the same numbers are written twice.
            mean, square, times = (take.select(f"{place} {name}", value, ids) for name, value in enumerate(kept))
            times += 1
            mean.lerp_(gradient, 1 - FIRST)
            square.mul_(SECOND).addcmul_(gradient, gradient, value=1 - SECOND)
            down = torch.div(square, 1 - SECOND**times, out=take.take(f"{place} down", len(ids), table)).sqrt_().add_(EPSILON)
            ahead = torch.div(mean, 1 - FIRST**times, out=gradient)
            moved = take.select(f"{place} row", table, ids).addcdiv_(ahead.mul_(-rate), down)
            for whole, changed in zip((table, *kept), (moved, mean, square, times), strict=True):
                whole.index_copy_(0, ids, changed)
        self._rest.step(rate)
        return loss

    def state(self) -> dict[str, Any]:
        """See `Optimiser`."""
        return {"kept": self._kept, "rest": self._rest.kept}

    def restore(self, state: dict[str, Any]) -> None:
        """See `Optimiser`."""
        _copy(self._kept, state["kept"])
        _copy(self._rest.kept, state["rest"])


class FusedAdam:
    """Adam of whole tensors by their `grad`: the kernel of torch.optim.Adam(fused=True), called without that class.

    For that one loads torch's compiler when it is made, which takes longer (1.2 s) than the training of a small wiki.

    Attributes:
        kept: of each tensor the first and second moment, and the number of steps.
    """

    def __init__(self, values: Sequence[Tensor]) -> None:
        self._values = list(values)
        self.kept = [(torch.zeros_like(value), torch.zeros_like(value), torch.zeros((), device=value.device)) for value in self._values]

    @torch.no_grad()
    def step(self, rate: Tensor) -> None:
        """Change the tensors, with this learning rate."""
        if not self._values:
            return
        means, squares, steps = map(list, zip(*self.kept, strict=True))
        gradients = [value.grad for value in self._values if value.grad is not None]
        for taken in steps:
            taken += 1
        torch._fused_adam_(
            *(self._values, gradients, means, squares, [], steps),
            lr=float(rate) if rate.device.type == "cpu" else rate,  # there the kernel of a number is the quicker one
            beta1=FIRST,
            beta2=SECOND,
            weight_decay=0.0,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )


def _copy(kept: Sequence[tuple[Tensor, ...]], saved: Sequence[tuple[Tensor, ...]]) -> None:
    for ours, theirs in zip(kept, saved, strict=True):
        for value, other in zip(ours, theirs, strict=True):
            value.copy_(other)


def rate(schedule: Literal["one_cycle", "constant"], peak: float, step: int, steps: int) -> float:
    """The learning rate of a step (from 0) of so many: that of torch's OneCycleLR."""
    if schedule == "constant" or steps < 2:
        return peak
    start, rise, end = peak / 25, 0.3 * steps - 1, steps - 1
    if step <= rise:
        return _annealed(start, peak, step / rise)
    return _annealed(peak, start / 1e4, (step - rise) / (end - rise))


def _annealed(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
