"""A training as it is handed to the processes that do it: settings and files; everything else they find out themselves."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from embedding.errors import WarehouseError
from embedding.settings import TrainSettings
from embedding.train.checkpoint import Checkpoints
from embedding.train.feed.files import choose_files, choose_files_by
from embedding.train.feed.fresh import Drawing, FreshFeed
from embedding.train.feed.parquet import read_files, read_pairs
from embedding.train.feed.serve import Feed, MemoryFeed, StreamFeed
from embedding.train.figures import EpochFigures
from embedding.train.guards import memory_errors
from embedding.train.model import BookLinkModel
from embedding.train.optimiser import rows_cost_less
from embedding.train.trainer import Initial, TrainingData, choose_device, train

BYTES_PER_PAIR = 8
SPLITS = ("train", "valid", "test")
# Settings that change no result of the training itself; what a warm start comes to is in epochs, min_steps and the start values, and
# where several processes choose another Adam than one does, `train.adam` says so.
WITHOUT_EFFECT = {"feed", "cuda_graph", "processes", "resume", "checkpoint_seconds", "tensorboard", "warm_start", "warm_epochs", "align"}


@dataclass(frozen=True)
class Task:
    """A training.

    Attributes:
        settings: the section `train`.
        drawing: of the negatives.
        draws: of the training pairs' negatives that are in the table.
        seed: of the run.
        books, links: how many there are.
        pairs, negatives: the files of the two tables.
        tables: table: id of its manifest.
        checkpoints: folder of the snapshot's trainings.
        initial: see `train`.
    """

    settings: TrainSettings
    drawing: Drawing
    draws: int
    seed: int
    books: int
    links: int
    pairs: Sequence[Path]
    negatives: Sequence[Path]
    tables: Mapping[str, str]
    checkpoints: Path
    initial: Initial | None = None

    def identity(self) -> dict[str, Any]:
        """All that the result depends on, by name."""
        settings = {f"train.{name}": value for name, value in self.settings.model_dump().items() if name not in WITHOUT_EFFECT}
        # The order of pairs is drawn on the device. On a cluster the driver may have no GPU.
        settings["train.device"] = "cuda" if self.settings.device == "cuda" else choose_device(self.settings.device).type
        if self.settings.adam == "auto" and self.settings.processes > 1 and rows_cost_less(self.books + self.links, self.step_rows()):
            settings["train.adam"] = "whole (of several processes)"
        start = {} if self.initial is None else {"start values": _fingerprint(self.initial)}
        return {**settings, "seed": self.seed, **{f"table {name}": found for name, found in self.tables.items()}, **start}

    def step_rows(self) -> int:
        """Positives and negatives of a step, as the trainer counts them, by the footers of the files."""
        positives = sum(file.rows for file in choose_files(self.pairs, {"split": "train"}))
        if self.settings.fresh_negatives:
            negatives = positives * self.drawing.per_positive
        else:
            negatives = sum(file.rows for file in choose_files(self.negatives, {"split": "train", "draw": 0}))
        return math.ceil((positives + negatives) / max(1, math.ceil(positives / self.settings.batch_positives)))

    def open_checkpoints(self) -> Checkpoints:
        """The checkpoints of this training."""
        return Checkpoints(self.checkpoints, self.identity())

    def run(self, report: Callable[[EpochFigures, int, float], None]) -> tuple[BookLinkModel, list[EpochFigures]]:
        """Train, in this process or as one of several; see `train`."""
        with memory_errors(self.settings):
            data = open_data(self)
        return train(self.settings, data, self.seed, self.open_checkpoints(), report, self.initial)


def open_data(task: Task) -> TrainingData:
    """The feeds of a training, on its device: in memory where pairs and all draws fit, else streamed, negatives first.

    Raises:
        WarehouseError: a file is not what its footer says, or no pair is there to train on.
    """
    settings, device, room = task.settings, choose_device(task.settings.device), task.settings.resident_mb << 20
    read = partial(read_files, reader=settings.feed)
    positives = choose_files(task.pairs, {"split": "train"})
    count = sum(file.rows for file in positives)
    if not count:
        raise WarehouseError("table pairs holds no pair to train on; build_pairs kept none (see the drops in its log)")
    feed: Feed
    if count * BYTES_PER_PAIR <= room:
        rows = read(positives)
        feed, link_pairs = MemoryFeed([rows], 2 * task.seed, device), np.bincount(rows[:, 1], minlength=task.links)
    else:
        feed = StreamFeed([positives], read, _window(room), 2 * task.seed, device)
        link_pairs = np.zeros(task.links, np.int64)
        for file in positives:
            link_pairs += np.bincount(read([file])[:, 1], minlength=task.links)
    negatives = _open_negatives(task, count, room - count * BYTES_PER_PAIR, device)
    watched = read_pairs(task.pairs, settings.feed, split="valid"), read_pairs(task.negatives, settings.feed, split="valid", draw=0)
    return TrainingData(task.books, task.links, feed, negatives, link_pairs, watched)


def _open_negatives(task: Task, positives: int, room: int, device: torch.device) -> Feed:
    """The feed of the negatives: drawn as they are needed, or the draws of the table, in memory if all of them fit into `room` bytes."""
    read = partial(read_files, reader=task.settings.feed)
    seed = 2 * task.seed + 1
    if task.settings.fresh_negatives:
        true = np.concatenate([read(choose_files(task.pairs, {"split": split})) for split in SPLITS])
        return FreshFeed(torch.from_numpy(true).to(device), positives, task.books, task.links, task.drawing, seed)
    by_draw = choose_files_by(task.negatives, {"split": "train"}, "draw")
    draws = [by_draw.get((draw,), []) for draw in range(task.draws)]
    files = sorted((file for draw in draws for file in draw), key=lambda file: file.path)
    if sum(file.rows for file in files) * BYTES_PER_PAIR <= room:
        # All in one reading, for opening a reader takes longer than reading a small draw.
        ends = np.cumsum([file.rows for file in files])[:-1]
        rows = dict(zip(files, np.split(read(files), ends), strict=False))
        return MemoryFeed([np.concatenate([read([]), *(rows[file] for file in draw)]) for draw in draws], seed, device)
    return StreamFeed(draws, read, _window(max(room, task.settings.resident_mb << 18)), seed, device)


def _window(room: int) -> int:
    """Rows of a window, of which four are held at once: one served, one shuffled, one read, and the order."""
    return max(1, room // BYTES_PER_PAIR // 4)


def _fingerprint(arrays: Initial) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
