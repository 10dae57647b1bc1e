"""Arrays of pairs as what the trainer takes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from embedding.train.trainer import TrainingData

Pairs = NDArray[np.int32]
NOTHING = np.empty((0, 2), np.int32)


def in_memory(
    books: int,
    links: int,
    positives: Pairs,
    draws: Sequence[Pairs],
    seed: int,
    held_out: tuple[Pairs, Pairs] = (NOTHING, NOTHING),
    device: str = "cpu",
) -> "TrainingData":
    """Positives, and draws of negatives that are served in turn."""
    from embedding.train.feed.serve import MemoryFeed
    from embedding.train.trainer import TrainingData, choose_device

    there = choose_device(device)  # type: ignore[arg-type]
    feeds = MemoryFeed([positives], 2 * seed, there), MemoryFeed(draws, 2 * seed + 1, there)
    return TrainingData(books, links, *feeds, np.bincount(positives[:, 1], minlength=links), held_out)
