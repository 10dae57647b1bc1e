"""When a training cannot go on: a loss that is no number or runs away, a memory that is full."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from embedding.errors import TrainingError
from embedding.settings import TrainSettings

GUESSING = {"bce": math.log(2), "mse": 1.0}  # loss of a model that knows nothing
DIVERGED = 3  # so many times that, or the first epoch's where it started worse, is no training any more


def check_loss(settings: TrainSettings, loss: float, first: float | None, epoch: int, epochs: int, kept: Path | None) -> None:
    """Stop a training whose loss is not finite or has run away.

    Args:
        settings: the section `train`.
        loss: mean of an epoch's steps so far.
        first: that of the first epoch, if it is over.
        epoch: from 1.
        epochs: how many there will be.
        kept: the newest checkpoint.

    Raises:
        TrainingError: it has.
    """
    limit = DIVERGED * max(GUESSING[settings.loss], first or 0)
    if math.isfinite(loss) and loss <= limit:
        return
    what = f"is {loss}" if not math.isfinite(loss) else f"has run away to {loss:.3g}"
    scale = f", or set train.learn_scale=false (train.scale starts at {settings.scale:g})" if settings.learn_scale else ""
    before = f"the last good checkpoint is kept in {kept}" if kept else "no checkpoint was written before"
    lower = f"lower train.learning_rate ({settings.learning_rate:g}){scale}"
    raise TrainingError(f"train_embedding: the loss {what} in epoch {epoch} of {epochs}; {lower}; {before}")


@contextmanager
def memory_errors(settings: TrainSettings) -> Iterator[None]:
    """Say what to lower when memory is full.

    Raises:
        TrainingError: it is.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError; on a CPU torch has no class for it
        full = isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
        if not full:
            raise
        where = "GPU's memory" if isinstance(error, torch.OutOfMemoryError) else "memory"
        raise TrainingError(
            f"train_embedding: the {where} is full; lower train.batch_positives ({settings.batch_positives:,}), "
            f"train.dimensions ({settings.dimensions}) or train.resident_mb ({settings.resident_mb:,}); the last checkpoint is kept"
        ) from error
