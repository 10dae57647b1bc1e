"""Planted clusters to train on: a book and a link are a pair when they are of the same cluster, for half of such pairs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedding.settings import TrainSettings
from embedding.settings_files import load_settings
from embedding.train.checkpoint import Checkpoints
from embedding.train.figures import EpochFigures
from embedding.train.trainer import Initial, TrainingData, train
from tests.training_data import NOTHING, Pairs, in_memory

CLUSTERS, BOOKS, LINKS, DRAWS = 4, 80, 40, 3


def settings(**changes: Any) -> TrainSettings:
    """A short training from random vectors: singular vectors know the planted clusters beforehand."""
    base = {"dimensions": 8, "epochs": 6, "min_steps": 1, "batch_positives": 64, "learning_rate": 0.02, "device": "cpu", "start": "random"}
    return load_settings([], ["wiki=any"]).train.model_copy(update=base | changes)


def clusters() -> tuple[Pairs, list[Pairs], tuple[Pairs, Pairs]]:
    """Training pairs, draws of their negatives, and held-out pairs with theirs."""
    rng = np.random.default_rng(0)
    same = np.array([(b, k) for b in range(BOOKS) for k in range(LINKS) if b % CLUSTERS == k % CLUSTERS], np.int32)
    other = np.array([(b, k) for b in range(BOOKS) for k in range(LINKS) if b % CLUSTERS != k % CLUSTERS], np.int32)
    same = same[rng.permutation(len(same))[: len(same) // 2]]
    positives, watched = same[:-60], same[-60:]
    draws = [other[np.random.default_rng(100 + draw).integers(0, len(other), 2 * len(positives))] for draw in range(DRAWS)]
    return positives, draws, (watched, other[rng.integers(0, len(other), 120)])


def data(
    seed: int = 1, held_out: bool = True, draws: Sequence[Pairs] | None = None, books: int = BOOKS, device: str = "cpu"
) -> TrainingData:
    positives, drawn, watched = clusters()
    return in_memory(books, LINKS, positives, draws or drawn, seed, watched if held_out else (NOTHING, NOTHING), device)


class Stopped(Exception):
    """Breaks a training off."""


class Log:
    """Keeps what is reported; breaks the training off after some epochs."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.calls: list[tuple[EpochFigures, int, float]] = []
        self._stop_after = stop_after

    def __call__(self, figures: EpochFigures, epochs: int, seconds_left: float) -> None:
        if len(self.calls) == self._stop_after:
            raise Stopped
        self.calls.append((figures, epochs, seconds_left))


def learn(
    folder: Path,
    log: Log | None = None,
    seed: int = 1,
    identity: str = "mine",
    given: TrainingData | None = None,
    initial: Initial | None = None,
    **changes: Any,
) -> tuple[list[Pairs], list[EpochFigures], Log]:
    """Vectors and biases, figures, and what was reported; a checkpoint after every epoch, unless `checkpoint_seconds` says otherwise."""
    log = log or Log()
    changed = settings(**({"checkpoint_seconds": 0.0} | changes))
    model, figures = train(changed, given or data(seed), seed, Checkpoints(folder, {"whose": identity}), log, initial)
    return [table.numpy() for table in model.vectors()], figures, log


def same(one: list[Pairs], other: list[Pairs]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def measured(figures: Sequence[EpochFigures]) -> list[dict[str, float | None]]:
    """The figures but for the speed; None for nan, so that they can be compared."""
    return [{name: value if value == value else None for name, value in vars(f).items() if name != "rows_per_second"} for f in figures]
