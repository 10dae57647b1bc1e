"""On a GPU: steps that are recorded once and replayed, so that the host launches one thing a step and not some sixty.

Source: CUDA C++ Programming Guide, CUDA Graphs. What is recorded reads and writes the same memory every time, so steps are brought to
one size with pairs that have no share in the loss.
"""

import logging
from typing import Any

import torch
from torch import Tensor

from embedding.train.optimiser import Optimiser

EAGER = 3  # steps that are taken before one is recorded: they make the buffers that it finds then
log = logging.getLogger("bookspace")


class OneSize:
    """An optimiser whose steps all have the same number of pairs, in the same memory.

    Args:
        optimiser: what takes the steps.
        rows: of the largest step.
        device: of the training.
    """

    def __init__(self, optimiser: Optimiser, rows: int, device: torch.device) -> None:
        self._optimiser, self._rows, self._device = optimiser, rows, device
        self._books, self._links = (torch.zeros(rows, dtype=torch.int64, device=device) for _ in range(2))
        self._labels, self._shares = (torch.zeros(rows, device=device) for _ in range(2))
        self._rate = torch.zeros((), device=device)

    def step(self, books: Tensor, links: Tensor, labels: Tensor, shares: Tensor, rate: Tensor) -> Tensor:
        """See `Optimiser`; at least one pair, and no more than `rows`. The loss is valid until the next step."""
        for buffer, values in zip((self._books, self._links, self._labels), (books, links, labels), strict=True):
            buffer[: len(values)].copy_(values)
            buffer[len(values) :] = values[0]  # a pair that the step touches anyway
        self._shares[: len(shares)].copy_(shares)
        self._shares[len(shares) :] = 0
        self._rate.copy_(rate)
        return self._take()

    def state(self) -> dict[str, Any]:
        """See `Optimiser`."""
        return self._optimiser.state()

    def restore(self, state: dict[str, Any]) -> None:
        """See `Optimiser`."""
        self._optimiser.restore(state)

    def _take(self) -> Tensor:
        return self._optimiser.step(self._books, self._links, self._labels, self._shares, self._rate)


class Recorded(OneSize):
    """The same on a GPU, replayed. Where a step cannot be recorded, it is launched piece by piece as before."""

    def __init__(self, optimiser: Optimiser, rows: int, device: torch.device) -> None:
        super().__init__(optimiser, rows, device)
        self._taken = 0
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._graph: torch.cuda.CUDAGraph | None = None
        self._loss = torch.zeros((), device=device)

    @property
    def replays(self) -> bool:
        """A step was recorded."""
        return self._graph is not None

    def _take(self) -> Tensor:
        if self._taken < EAGER:  # on a stream of its own, as recording asks for
            self._taken += 1
            self._stream.wait_stream(torch.cuda.current_stream(self._device))
            with torch.cuda.stream(self._stream):
                loss = super()._take()
            torch.cuda.current_stream(self._device).wait_stream(self._stream)
            return loss
        if self._taken == EAGER:
            self._taken += 1
            self._record()
        if self._graph is None:
            return super()._take()
        self._graph.replay()
        return self._loss

    def _record(self) -> None:
        """Record a step; nothing is changed by that."""
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=self._stream):
                self._loss = super()._take()
        except RuntimeError as error:
            log.warning("train_embedding: steps are launched piece by piece, for they could not be recorded: %s", error)
            return
        self._graph = graph
