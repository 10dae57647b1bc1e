"""What a training takes over from the snapshot before: start values, and fewer epochs for it."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding.evaluate.alignment import Floats, carried

MOST = 0.5  # share of the books, and of the links, that must have start values; with fewer a training starts anew


def start_values(
    keys: tuple[NDArray[Any], NDArray[Any]], before: tuple[NDArray[Any], NDArray[Any]], values: tuple[Floats, Floats, Floats]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Vectors of books and links and the links' biases, in the order of today's rows; nan where a book or a link is new.

    Args:
        keys: page_id of today's books, title of today's links.
        before: the same of the rows of `values`.
        values: vectors of books, vectors of links, biases of links.
    """
    books, links, bias = (
        carried(keys[side], before[side], table).astype(np.float32) for side, table in zip((0, 1, 1), values, strict=True)
    )
    return books, links, bias


def split_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What decides which pairs are held out, of the settings that the manifest of `pairs` keeps.

    Where it differs, pairs that are held out now were trained on then: start values know them by heart, and held-out figures would
    praise that.
    """
    return {"seed": settings["seed"], **{name: settings["pairs"][name] for name in ("valid", "test")}}


def known(vectors: Floats) -> float:
    """Share of the rows that are not nan."""
    return float(np.isfinite(vectors[:, 0]).mean()) if len(vectors) else 0.0


def continued(epochs: int, min_steps: int, share: float) -> dict[str, int]:
    """`epochs` and `min_steps` of a training that has start values: a share of them, at least 1."""
    return {"epochs": math.ceil(epochs * share), "min_steps": math.ceil(min_steps * share)}
