"""What is said while a training goes on: a line every few seconds, and scalars for TensorBoard where they are wanted."""

import logging
import math
import time
from types import TracebackType
from typing import Any

from embedding.errors import EnvironmentProblem
from embedding.train.figures import EpochFigures

SECONDS_BETWEEN_LINES = 5
log = logging.getLogger("bookspace")


class Report:
    """Logs the first epoch, the last, and between them one every few seconds; writes all of them for TensorBoard.

    Args:
        board: folder for TensorBoard's files; None: they are not written.

    Raises:
        EnvironmentProblem: they are wanted, and the package is not installed, or the folder cannot be written.
    """

    def __init__(self, board: str | None = None) -> None:
        self._last = -math.inf
        self._writer = _open_board(board) if board else None

    def __enter__(self) -> "Report":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._writer:
            self._writer.close()

    def __call__(self, one: EpochFigures, epochs: int, seconds_left: float) -> None:
        """Say what an epoch came to."""
        if self._writer:
            for name, value in vars(one).items():
                if name != "epoch" and not math.isnan(value):
                    self._writer.add_scalar(name, value, one.epoch)
            self._writer.flush()
        if time.monotonic() - self._last < SECONDS_BETWEEN_LINES and one.epoch < epochs:
            return
        self._last = time.monotonic()
        log.info("train_embedding: %s; %.0f s left", describe(one, epochs), seconds_left)


def describe(one: EpochFigures, epochs: int) -> str:
    """An epoch's figures in one line; those that there are."""
    text = f"epoch {one.epoch} of {epochs}, loss {one.train_loss:.4f}"
    if not math.isnan(one.valid_loss):
        text += f"; held out: loss {one.valid_loss:.4f}, accuracy {one.valid_accuracy:.4f}, AUC {one.valid_auc:.4f}"
    if not math.isnan(one.neighbour_overlap):
        text += f"; {one.neighbour_overlap:.0%} of neighbours as before"
    return f"{text}; {one.rows_per_second:,.0f} rows/s"


def _open_board(folder: str) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise EnvironmentProblem(
            "train.tensorboard is set and the package tensorboard is not installed; pip install 'bookspace[watch]', or set it to null"
        ) from None
    try:
        return SummaryWriter(folder)
    except OSError as error:
        raise EnvironmentProblem(f"{folder}: cannot be written ({error.strerror or error}); mend train.tensorboard") from None
