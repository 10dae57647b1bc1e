"""What is watched of a training: loss, held-out quality, how much neighbours still move."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from embedding.evaluate.ranking import auc
from embedding.train.model import BookLinkModel

ASKED, AMONG, NEAREST = 256, 16384, 10  # books whose neighbours are watched, among so many books, and how many of each


@dataclass(frozen=True)
class EpochFigures:
    """What an epoch came to. Those of the held-out pairs are nan when none are held out.

    Attributes:
        epoch: from 1.
        train_loss: mean loss of the epoch's steps.
        valid_loss, valid_accuracy, valid_auc: of the held-out pairs against their negatives.
        neighbour_overlap: share of a sample of books' ten neighbours that were theirs an epoch before; nan in the first.
        rows_per_second: positives and negatives.
    """

    epoch: int
    train_loss: float
    valid_loss: float
    valid_accuracy: float
    valid_auc: float
    neighbour_overlap: float
    rows_per_second: float


@torch.no_grad()
def held_out_figures(model: BookLinkModel, true: Tensor, false: Tensor) -> tuple[float, float, float]:
    """Loss, accuracy and AUC of held-out pairs, int32, shapes (p, 2) and (q, 2)."""
    if not len(true) or not len(false):
        return math.nan, math.nan, math.nan
    positive, negative = (
        torch.cat([model.score(part[:, 0], part[:, 1]) for part in side.tensor_split(1 + len(side) // (1 << 18))]) for side in (true, false)
    )
    scores, labels = torch.cat([positive, negative]), torch.cat([torch.ones_like(positive), torch.zeros_like(negative)])
    accuracy = ((scores > 0) == (labels > 0)).float().mean()
    return float(model.loss_of(scores, labels)), float(accuracy), auc(positive.cpu().numpy(), negative.cpu().numpy())


@torch.no_grad()
def neighbours(model: BookLinkModel, seed: int) -> Tensor:
    """The nearest of a sample of books to each of a part of that sample, int32, shape (ASKED, NEAREST); less where there are fewer."""
    count = len(model.books.weight)
    chosen = torch.randperm(count, generator=torch.Generator().manual_seed(seed))[:AMONG] if count > AMONG else torch.arange(count)
    rows = functional.normalize(model.books.weight[chosen.to(model.books.weight.device)], dim=1)
    rows = functional.normalize(rows - rows.mean(0), dim=1)
    near = (rows[:ASKED] @ rows.T).fill_diagonal_(-math.inf)
    return near.topk(max(0, min(NEAREST, count - 1)), dim=1).indices.int().cpu()


def overlap(now: Tensor, before: Tensor | None) -> float:
    """Share of the neighbours that were there before, too; nan when there are none to compare with."""
    if before is None or now.shape != before.shape or not now.numel():
        return math.nan
    return float((now[:, :, None] == before[:, None, :]).any(2).float().mean())
