"""A picture of a training: loss and held-out quality by epoch."""

from collections.abc import Sequence
from pathlib import Path

from embedding.train.figures import EpochFigures


def draw_curves(figures: Sequence[EpochFigures], file: Path) -> str | None:
    """Draw it as PNG; where the library is missing, say so and draw nothing.

    Returns:
        Why there is no picture, or None when there is one.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError:
        return "matplotlib is not installed (the extra watch)"
    epochs = [one.epoch for one in figures]
    picture = Figure(figsize=(9, 3.5), layout="constrained")
    losses, quality = picture.subplots(1, 2)
    for axes, title, lines in (
        (losses, "loss", {"training pairs": "train_loss", "held-out pairs": "valid_loss"}),
        (quality, "quality", {"held-out AUC": "valid_auc", "held-out accuracy": "valid_accuracy", "neighbours kept": "neighbour_overlap"}),
    ):
        for label, name in lines.items():
            axes.plot(epochs, [getattr(one, name) for one in figures], label=label, marker="." if len(epochs) < 40 else "")
        axes.set_xlabel("epoch")
        axes.set_title(title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    picture.savefig(file, dpi=120)
    return None
