"""Memory for the large temporaries of a step, kept from step to step: to get fresh pages from the system costs more than the arithmetic."""

import torch
from torch import Tensor


class Scratch:
    """Buffers by name."""

    def __init__(self) -> None:
        self._held: dict[str, Tensor] = {}

    def take(self, name: str, rows: int, like: Tensor) -> Tensor:
        """A buffer of so many rows, as wide as `like`; what it holds is what was last written under this name."""
        held = self._held.get(name)
        if held is None or len(held) < rows or held.device != like.device:
            held = self._held[name] = torch.empty((rows, *like.shape[1:]), dtype=like.dtype, device=like.device)
        return held[:rows]

    def select(self, name: str, table: Tensor, ids: Tensor) -> Tensor:
        """The rows of a table by id."""
        return torch.index_select(table, 0, ids, out=self.take(name, len(ids), table))

    def dot(self, one: Tensor, other: Tensor) -> Tensor:
        """The dot product of every two rows."""
        return torch.mul(one, other, out=self.take(f"product of {one.shape[1]}", len(one), one)).sum(1)
