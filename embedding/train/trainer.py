"""The training loop: arrays of pairs in, a trained model and the figures of every epoch out."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler
from tqdm import tqdm

from embedding.errors import EnvironmentProblem
from embedding.evaluate.ranking import auc
from embedding.settings import TrainSettings
from embedding.train import checkpoint
from embedding.train.model import BookLinkModel

Pairs = NDArray[np.int32]


@dataclass(frozen=True)
class EpochFigures:
    """What an epoch came to. Those of the held-out pairs are nan when none are held out.

    Attributes:
        epoch: from 1.
        train_loss: mean loss of the epoch's steps.
        valid_loss, valid_accuracy, valid_auc: of the held-out pairs against their negatives.
        rows_per_second: positives and negatives.
    """

    epoch: int
    train_loss: float
    valid_loss: float
    valid_accuracy: float
    valid_auc: float
    rows_per_second: float


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
    books: int,
    links: int,
    positives: Pairs,
    negatives: Callable[[int], Pairs],
    held_out: tuple[Pairs, Pairs],
    seed: int,
    mark: str,
    checkpoint_file: Path,
    report: Callable[[EpochFigures, int, float], None],
) -> tuple[BookLinkModel, list[EpochFigures]]:
    """Train a model; go on from a checkpoint with the same mark.

    Args:
        settings: the section `train`.
        books: number of books.
        links: number of links.
        positives: book_id and link_id of the training pairs, shape (n, 2).
        negatives: gives the negatives of an epoch (from 0), shape (k * n, 2).
        held_out: positives and negatives to watch, shapes (p, 2) and (q, 2).
        seed: of start vectors and order.
        mark: fingerprint of all that the training depends on.
        checkpoint_file: written after every epoch.
        report: told the figures of every epoch, how many epochs there will be, and the seconds that are left.

    Returns:
        The model, on the device that it was trained on, and the figures of its epochs.
    """
    steps = math.ceil(len(positives) / settings.batch_positives)
    epochs = max(settings.epochs, math.ceil(settings.min_steps / steps))
    device = choose_device(settings.device)
    torch.manual_seed(seed)
    shape = (books, links, settings.dimensions, settings.loss, settings.init_range, settings.scale, settings.learn_scale, settings.bias)
    model = BookLinkModel(*shape).to(device)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=settings.learning_rate, fused=True)
    schedule = _schedule(settings, optimiser, epochs * steps)
    figures: list[EpochFigures] = []
    saved = checkpoint.load(checkpoint_file, mark) if settings.resume else None
    if saved and saved["epoch"] <= epochs:
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        figures = [EpochFigures(**one) for one in saved["figures"]]
    true = torch.from_numpy(positives).to(device)
    weights = positive_weights(true[:, 1], links, settings.link_weight_power)
    watched = tuple(torch.from_numpy(pairs).to(device) for pairs in held_out)

    with tqdm(total=epochs * steps, initial=len(figures) * steps, unit="step", desc="train", mininterval=1, disable=None) as bar:
        for epoch in range(len(figures), epochs):
            false = torch.from_numpy(negatives(epoch)).to(device)
            order = torch.Generator().manual_seed(seed + 1_000_003 * (epoch + 1))
            started = time.perf_counter()
            loss = _train_epoch(model, optimiser, schedule, weights, _shuffled(true, order), _shuffled(false, order), steps, bar)
            seconds = time.perf_counter() - started
            one = EpochFigures(epoch + 1, loss, *_watch(model, *watched), (len(true) + len(false)) / seconds)
            figures.append(one)
            report(one, epochs, (epochs - epoch - 1) * (len(true) + len(false)) / one.rows_per_second)
            state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict()}
            checkpoint.save(checkpoint_file, {"mark": mark, "epoch": epoch + 1, **state, "figures": [vars(f) for f in figures]})
    return model, figures


def positive_weights(of_pairs: Tensor, links: int, power: float) -> Tensor:
    """What a true pair of each link counts in the loss: the link's number of pairs to `power`, 1 in the mean over the pairs.

    Args:
        of_pairs: link_id of every pair.
        links: number of links.
        power: 0 weighs all the same; below 0, pairs of rare links count more, for they say more about a book.

    Returns:
        Shape (links,).
    """
    weights = torch.bincount(of_pairs, minlength=links).clamp_(min=1).float() ** power
    return weights / weights[of_pairs].mean()


def _schedule(settings: TrainSettings, optimiser: torch.optim.Optimizer, steps: int) -> LRScheduler:
    """The learning rate of every step."""
    if settings.schedule == "constant" or steps < 2:
        return torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0)
    return torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, total_steps=steps)


def _shuffled(pairs: Tensor, order: torch.Generator) -> Tensor:
    """The pairs in a new order, which is the same on every device."""
    return pairs.index_select(0, torch.randperm(len(pairs), generator=order).to(pairs.device))


def _train_epoch(
    model: BookLinkModel,
    optimiser: torch.optim.Optimizer,
    schedule: LRScheduler,
    weights: Tensor,
    true: Tensor,
    false: Tensor,
    steps: int,
    bar: "tqdm[NoReturn]",
) -> float:
    """One pass over shuffled positives and negatives, in `steps` steps of equal shares; the mean loss."""
    device = true.device
    total = torch.zeros((), device=device)
    for positives, negatives in zip(true.tensor_split(steps), false.tensor_split(steps), strict=True):
        batch = torch.cat([positives, negatives]).long()
        labels, counted = torch.zeros(len(batch), device=device), torch.ones(len(batch), device=device)
        labels[: len(positives)] = 1
        counted[: len(positives)] = weights[batch[: len(positives), 1]]
        total += model.set_gradients(batch[:, 0].contiguous(), batch[:, 1].contiguous(), labels, counted)
        optimiser.step()
        schedule.step()
        bar.update()
    return float(total / steps)


@torch.no_grad()
def _watch(model: BookLinkModel, true: Tensor, false: Tensor) -> tuple[float, float, float]:
    """Loss, accuracy and AUC of held-out pairs."""
    if not len(true) or not len(false):
        return math.nan, math.nan, math.nan
    positive, negative = (
        torch.cat([model.score(part[:, 0], part[:, 1]) for part in side.tensor_split(1 + len(side) // (1 << 18))]) for side in (true, false)
    )
    scores, labels = torch.cat([positive, negative]), torch.cat([torch.ones_like(positive), torch.zeros_like(negative)])
    accuracy = ((scores > 0) == (labels > 0)).float().mean()
    return float(model.loss_of(scores, labels)), float(accuracy), auc(positive.cpu().numpy(), negative.cpu().numpy())
