"""The training loop: feeds of pairs in, a trained model and the figures of every epoch out."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from embedding.errors import EnvironmentProblem
from embedding.settings import TrainSettings
from embedding.train import optimiser
from embedding.train.checkpoint import Checkpoint, Checkpoints
from embedding.train.feed.serve import Feed
from embedding.train.figures import EpochFigures, held_out_figures, neighbours, overlap
from embedding.train.guards import check_loss, memory_errors
from embedding.train.model import BookLinkModel
from embedding.train.processes import part, wait_for_all
from embedding.train.recorded import Recorded
from embedding.train.start import singular_vectors

Initial = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
log = logging.getLogger("bookspace")


@dataclass(frozen=True)
class TrainingData:
    """What is trained on.

    Attributes:
        books, links: how many there are.
        positives, negatives: feeds of pairs, on the training's device.
        link_pairs: training pairs of each link, shape (links,).
        held_out: positives and negatives to watch, int32, shapes (p, 2) and (q, 2).
    """

    books: int
    links: int
    positives: Feed
    negatives: Feed
    link_pairs: NDArray[np.int64]
    held_out: tuple[NDArray[np.int32], NDArray[np.int32]]


def choose_device(wanted: Literal["auto", "cpu", "cuda"]) -> torch.device:
    """The device to train on.

    Raises:
        EnvironmentProblem: cuda is asked for and there is none.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise EnvironmentProblem("train.device is cuda and torch sees no GPU; give --set train.device=auto, or mend the driver")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def train(
    settings: TrainSettings,
    data: TrainingData,
    seed: int,
    checkpoints: Checkpoints,
    report: Callable[[EpochFigures, int, float], None],
    initial: Initial | None = None,
) -> tuple[BookLinkModel, list[EpochFigures]]:
    """Train a model; go on from a checkpoint of the same training.

    Where torch.distributed was started, every process takes its part of each step, and all end with the same model.

    Args:
        settings: the section `train`.
        data: what is trained on.
        seed: of start vectors and order.
        checkpoints: of this training.
        report: told the figures of every epoch, how many epochs there will be, and the seconds that are left.
        initial: vectors of books and links and the links' bias (as the tables book_vectors and link_vectors have them, in the order of the
            ids) to start from; where one is nan it starts as it would without.

    Returns:
        The model, on the device that it was trained on, and the figures of its epochs.

    Raises:
        TrainingError: the loss runs away, or memory is full.
    """
    with memory_errors(settings):
        run = _Run(settings, data, seed, checkpoints, initial)
        steps, epochs, mine = run.steps, run.epochs, part()
        hidden = None if mine.rank == 0 else True  # None: where stderr is no terminal
        with tqdm(total=epochs * steps, initial=run.done, unit="step", desc="train", mininterval=1, disable=hidden) as bar:
            while run.epoch < epochs:
                started, at = time.perf_counter(), run.step
                positives = data.positives.shares(run.epoch, steps, run.step, mine)
                negatives = data.negatives.shares(run.epoch, steps, run.step, mine)
                for true, false in zip(positives, negatives, strict=True):
                    run.take_step(true, false)
                    bar.update()
                    if run.step < steps and time.monotonic() >= run.save_at:
                        run.save()
                run.check()
                seconds = time.perf_counter() - started
                rows = run.rows(run.epoch)
                one = run.close_epoch(rows * (steps - at) / steps / seconds)
                if mine.rank == 0:
                    report(one, epochs, (epochs - one.epoch) * rows / one.rows_per_second)
                if run.epoch == epochs or time.monotonic() >= run.save_at:
                    run.save()
        wait_for_all()
    return run.model, run.figures


def positive_weights(link_pairs: NDArray[np.int64], power: float) -> Tensor:
    """What a true pair of each link counts in the loss: the link's number of pairs to `power`, 1 in the mean over the pairs.

    Args:
        link_pairs: training pairs of each link, shape (links,).
        power: 0 weighs all the same; below 0, pairs of rare links count more, for they say more about a book.

    Returns:
        Shape (links,).
    """
    counts = torch.from_numpy(link_pairs).double()
    weights = counts.clamp(min=1) ** power
    return (weights * counts.sum() / (weights * counts).sum()).float()


class _Run:
    """A training at work: where it stands, and how it goes on."""

    def __init__(self, settings: TrainSettings, data: TrainingData, seed: int, checkpoints: Checkpoints, initial: Initial | None) -> None:
        self.settings, self.data, self.seed, self.checkpoints = settings, data, seed, checkpoints
        self.steps = math.ceil(data.positives.rows(0) / settings.batch_positives)
        self.epochs = max(settings.epochs, math.ceil(settings.min_steps / self.steps))
        device = choose_device(settings.device)
        saved = checkpoints.load() if settings.resume else None
        torch.manual_seed(seed)
        self.model = _start(settings, data, initial).to(device)
        rows = math.ceil(self.rows(0) / self.steps)
        self.optimiser = optimiser.choose(self.model, settings.adam, rows, part().processes)
        if device.type == "cuda" and settings.cuda_graph and part().processes == 1:
            self.optimiser = Recorded(self.optimiser, self._most_rows(), device)
        self.weights = positive_weights(data.link_pairs, settings.link_weight_power).to(device)
        if settings.start == "svd" and initial is None and not saved:
            _start_at_singular_vectors(self.model, data, self.weights, settings, seed)
        self.watched = [torch.from_numpy(pairs).to(device) for pairs in data.held_out]
        self.epoch, self.step = 0, 0
        self.total = torch.zeros((), device=device)  # of the losses of this epoch's steps
        self.rate = torch.zeros((), device=device)
        self.figures: list[EpochFigures] = []
        self.nearest: Tensor | None = None  # neighbours at the end of the last epoch
        if saved:
            self._restore(saved)
        wait_for_all()  # before one of the processes changes what all have read
        if not settings.resume and part().rank == 0:
            checkpoints.clear()
        self.save_at = time.monotonic() + settings.checkpoint_seconds

    @property
    def done(self) -> int:
        """Steps that were taken."""
        return self.epoch * self.steps + self.step

    def rows(self, epoch: int) -> int:
        """Positives and negatives of an epoch."""
        return self.data.positives.rows(epoch) + self.data.negatives.rows(epoch)

    def take_step(self, true: Tensor, false: Tensor) -> None:
        """One step of gradient descent on this process's positives and negatives; asks the device for nothing."""
        batch, rows = torch.cat([true, false]), self._step_rows()
        books, links = batch[:, 0].long(), batch[:, 1].long()
        labels, shares = torch.zeros(len(batch), device=batch.device), torch.full((len(batch),), 1 / rows, device=batch.device)
        labels[: len(true)] = 1
        shares[: len(true)] *= self.weights[links[: len(true)]]
        rate = optimiser.rate(self.settings.schedule, self.settings.learning_rate, self.done, self.epochs * self.steps)
        self.total += self.optimiser.step(books, links, labels, shares, self.rate.fill_(rate))
        self.step += 1

    def close_epoch(self, rows_per_second: float) -> EpochFigures:
        """Its figures; the next step is the first of the next epoch."""
        before, self.nearest = self.nearest, neighbours(self.model, self.seed)
        measured = held_out_figures(self.model, self.watched[0], self.watched[1])
        one = EpochFigures(self.epoch + 1, self._mean_loss(), *measured, overlap(self.nearest, before), rows_per_second)
        self.figures.append(one)
        self.epoch, self.step = self.epoch + 1, 0
        self.total.zero_()
        return one

    def check(self) -> None:
        """Stop where the loss has run away.

        Raises:
            TrainingError: it has.
        """
        first = self.figures[0].train_loss if self.figures else None
        check_loss(self.settings, self._mean_loss(), first, self.epoch + 1, self.epochs, self.checkpoints.newest())

    def save(self) -> None:
        """Write a checkpoint, unless there is nothing worth keeping in it."""
        if self.step:
            self.check()
        if part().rank == 0:
            tensors = {"model": self.model.state_dict(), "optimiser": self.optimiser.state(), "total": self.total, "nearest": self.nearest}
            facts = {"epoch": self.epoch, "epochs": self.epochs, "step_of_epoch": self.step, "steps": self.steps}
            # What is drawn follows from the seed, the epoch and the step, so these are the state of all that is random, too.
            figures = [{name: None if math.isnan(value) else value for name, value in vars(one).items()} for one in self.figures]
            self.checkpoints.save(self.done, tensors, facts | {"seed": self.seed, "figures": figures})
        self.save_at = time.monotonic() + self.settings.checkpoint_seconds

    def _restore(self, saved: Checkpoint) -> None:
        self.model.load_state_dict(saved.tensors["model"])
        self.optimiser.restore(saved.tensors["optimiser"])
        self.total.copy_(saved.tensors["total"])
        self.nearest = saved.tensors["nearest"]
        self.epoch, self.step = saved.facts["epoch"], saved.facts["step_of_epoch"]
        self.figures = figures_of(saved)
        log.info(
            "train_embedding: goes on from a checkpoint, after step %s of epoch %s", self.step or self.steps, self.epoch + bool(self.step)
        )

    def _step_rows(self) -> int:
        """Rows of the step that is due, all processes together."""
        ends = [rows * (self.step + more) // self.steps for more in (0, 1) for rows in self._epoch_rows()]
        return ends[2] + ends[3] - ends[0] - ends[1]

    def _most_rows(self) -> int:
        """Rows of the largest step of all epochs."""
        feeds = self.data.positives, self.data.negatives
        return sum(math.ceil(max(feed.rows(epoch) for epoch in range(self.epochs)) / self.steps) for feed in feeds)

    def _epoch_rows(self) -> tuple[int, int]:
        return self.data.positives.rows(self.epoch), self.data.negatives.rows(self.epoch)

    def _mean_loss(self) -> float:
        return float(self.total) / max(1, self.step)


def figures_of(saved: Checkpoint) -> list[EpochFigures]:
    """The figures of the epochs before a checkpoint."""
    figures: list[dict[str, Any]] = saved.facts["figures"]
    return [EpochFigures(**(one | {name: math.nan for name, value in one.items() if value is None})) for one in figures]


def new_model(settings: TrainSettings, books: int, links: int) -> BookLinkModel:
    """A model with random vectors."""
    shape = (settings.dimensions, settings.loss, settings.init_range, settings.scale, settings.learn_scale, settings.bias)
    return BookLinkModel(books, links, *shape)


def _start(settings: TrainSettings, data: TrainingData, initial: Initial | None) -> BookLinkModel:
    """The model before its first step."""
    model = new_model(settings, data.books, data.links)
    if initial is not None:
        with torch.no_grad():
            length = _start_length(settings) * settings.warm_length
            for table, given in zip((model.books.weight, model.links.weight), initial[:2], strict=True):
                values = functional.normalize(torch.from_numpy(given).float(), dim=1) * length
                table.copy_(torch.where(values.isnan(), table, values))
            if settings.loss == "bce" and settings.bias == "link":
                bias = torch.from_numpy(initial[2]).float() * settings.scale
                model.bias.copy_(torch.where(bias.isnan(), model.bias, bias))
    return model


@torch.no_grad()
def _start_at_singular_vectors(model: BookLinkModel, data: TrainingData, weights: Tensor, settings: TrainSettings, seed: int) -> None:
    """Turn every vector whose book or link has a pair to where the singular vectors of the pairs have it."""
    found = singular_vectors(data.positives, weights, data.books, settings.dimensions, seed)
    for table, vectors in zip((model.books.weight, model.links.weight), found, strict=True):
        there = (vectors != 0).any(1, keepdim=True)
        table.copy_(torch.where(there, vectors * _start_length(settings), table))
        if part().processes > 1:  # rounding may differ from card to card
            torch.distributed.broadcast(table, 0)


def _start_length(settings: TrainSettings) -> float:
    """How long rows are at the start: no part of the result, but of how far a step turns them. It is that which random rows have."""
    return float(settings.init_range * (settings.dimensions / 3) ** 0.5)
