"""Two snapshots' vectors: the rows that belong together, and the rotation that lays one space onto the other."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Rows = NDArray[np.intp]


def common_rows(keys: NDArray[Any], before: NDArray[Any]) -> tuple[Rows, Rows]:
    """Row numbers of the keys that stand in both, in the order of the keys; each key stands in each at most once."""
    _, here, there = np.intersect1d(keys, before, assume_unique=True, return_indices=True)
    return here, there


def rotation(vectors: Floats, onto: Floats) -> Floats:
    """The orthogonal matrix R that makes `vectors @ R` nearest to `onto`, in the sum of squares.

    A rotation (perhaps with a reflection) of all vectors of a space changes no cosine among them.
    Source: P. Schönemann, A generalized solution of the orthogonal Procrustes problem, 1966.

    Args:
        vectors: shape (n, d).
        onto: their counterparts, shape (n, d).

    Returns:
        float64, shape (d, d).
    """
    left, _, right = np.linalg.svd(vectors.astype(np.float64).T @ onto.astype(np.float64))
    turned: Floats = left @ right
    return turned


def mean_cosine(one: Floats, other: Floats) -> float:
    """Mean cosine of the rows of two matrices of vectors of length 1; nan when there are none."""
    return float((one * other).sum(1).mean()) if len(one) else float("nan")


def carried(keys: NDArray[Any], before: NDArray[Any], values: Floats) -> Floats:
    """The values of rows that are told by a key, in the order of other keys; nan where a key is new.

    Args:
        keys: whose values are wanted, shape (n,).
        before: the keys of the values, shape (m,).
        values: shape (m,) or (m, d).

    Returns:
        Shape (n,) or (n, d), of the values' type.
    """
    found = np.full((len(keys), *values.shape[1:]), np.nan, values.dtype)
    here, there = common_rows(keys, before)
    found[here] = values[there]
    return found
