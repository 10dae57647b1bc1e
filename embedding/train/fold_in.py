"""Fold-in: the vector of a book that was not trained on, from its links alone; the links' vectors stay as they are.

The book's part of the training's loss is minimised over the unit vectors by Newton's method: its own links are the positives, and all
others together carry the weight of the negatives that the training drew for a book. docs/vectors.md tells how near that comes.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Doubles = NDArray[np.float64]
MAX_OTHERS = 200_000  # links that a book does not have; of more, a seeded sample stands for all
STEPS = 30  # four or five do
FLAT = 1e-3  # least curvature of a step


@dataclass(frozen=True)
class Trained:
    """What a training left: all that a new book is set against.

    Attributes:
        links: unit vectors, shape (links, d).
        bias: cosine + bias ranks the links of a book, shape (links,).
        positive: what a true pair of each link counts, shape (links,).
        negative: how likely a negative is of each link, shape (links,); any scale.
        per_positive: negatives a true pair, if every book gets as many as its own pairs ask for, else 0.
        per_book: negatives a book otherwise.
        loss: bce or mse.
        scale: of bce.
        length: how long books' vectors are before they are brought to length 1: centred ones are shorter than 1.
    """

    links: Floats
    bias: Floats
    positive: Floats
    negative: Floats
    per_positive: float
    per_book: float
    loss: Literal["bce", "mse"]
    scale: float
    length: float


def fold_in(trained: Trained, own: NDArray[np.int64], seed: int) -> NDArray[np.float32]:
    """The unit vector of a book with the links `own`, distinct and at least one, shape (d,).

    Args:
        trained: the model.
        own: link_id of each link of the book.
        seed: of the sample of other links, where there are too many.
    """
    others = np.setdiff1d(np.arange(len(trained.links)), own)
    asked = len(own) * trained.per_positive or trained.per_book
    shares = trained.negative[others].astype(np.float64)
    shares *= asked / shares.sum() if len(others) else 1.0
    if len(others) > MAX_OTHERS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(others), MAX_OTHERS, replace=False))
        others, shares = others[chosen], shares[chosen] * (len(others) / MAX_OTHERS)
    ids = np.concatenate([own, others])
    problem = _Problem(
        trained.links[ids].astype(np.float64) * trained.length,
        trained.bias[ids].astype(np.float64),
        np.concatenate([trained.positive[own].astype(np.float64), shares]),
        (np.arange(len(ids)) < len(own)).astype(np.float64),
        trained.loss,
        trained.scale,
    )
    start = trained.positive[own].astype(np.float64) @ trained.links[own]
    if not np.linalg.norm(start) > 0:  # links that cancel out
        start = trained.links[own[0]].astype(np.float64)
    return _newton(problem, start / np.linalg.norm(start)).astype(np.float32)


@dataclass(frozen=True)
class _Problem:
    """The weighted loss of one book over links, shapes (n, d) and (n,)."""

    links: Doubles
    bias: Doubles
    weights: Doubles
    labels: Doubles
    loss: Literal["bce", "mse"]
    scale: float

    def value(self, vector: Doubles) -> float:
        """The loss."""
        scores = self._scores(vector)
        if self.loss == "bce":
            return float(self.weights @ (np.logaddexp(0, scores) - self.labels * scores))
        return float(self.weights @ (scores - (2 * self.labels - 1)) ** 2)

    def derivatives(self, vector: Doubles) -> tuple[Doubles, Doubles]:
        """Gradient and matrix of second derivatives, shapes (d,) and (d, d)."""
        scores = self._scores(vector)
        if self.loss == "bce":
            chance = 0.5 * (1 + np.tanh(scores / 2))  # the sigmoid, without overflow
            slope, curve, stretch = chance - self.labels, chance * (1 - chance), self.scale
        else:
            slope, curve, stretch = 2 * (scores - (2 * self.labels - 1)), np.full_like(scores, 2.0), 1.0
        gradient = stretch * (self.links.T @ (self.weights * slope))
        return gradient, stretch**2 * (self.links.T @ (self.links * (self.weights * curve)[:, None]))

    def _scores(self, vector: Doubles) -> Doubles:
        cosine = self.links @ vector + self.bias
        return cosine * self.scale if self.loss == "bce" else cosine


def _newton(problem: _Problem, vector: Doubles) -> Doubles:
    """Newton's method on the unit sphere, with steps halved until the loss falls.

    Source: Absil, Mahony, Sepulchre, Optimization Algorithms on Matrix Manifolds, 2008, chapter 6.
    """
    value = problem.value(vector)
    for _ in range(STEPS):
        gradient, curvature = problem.derivatives(vector)
        radial = vector @ gradient
        slope = gradient - radial * vector
        if np.linalg.norm(slope) < 1e-7 * problem.weights.sum():
            break
        onto = np.eye(len(vector)) - np.outer(vector, vector)
        values, axes = np.linalg.eigh(onto @ curvature @ onto - radial * onto)
        step = -axes @ ((axes.T @ slope) / np.maximum(np.abs(values), FLAT * max(1.0, np.abs(values).max())))
        step -= (step @ vector) * vector
        for halving in range(20):
            ahead = vector + step / 2**halving
            ahead /= np.linalg.norm(ahead)
            reached = problem.value(ahead)
            if reached < value:
                break
        else:
            break
        vector, value = ahead, reached
    return vector
