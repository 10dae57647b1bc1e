"""Negatives drawn anew in every epoch, on the training's device, against the sorted set of the true pairs.

Every number drawn is a hash of (seed, epoch, number of the sample, attempt), so a sample is the same whatever the device, the number of
processes, and the step at which a training goes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from embedding.train.feed.serve import Part, share

ATTEMPTS = 64  # drawings before the links that a book lacks are listed
SAMPLES_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Drawing:
    """How negatives are drawn: the section `negatives` of the settings.

    Attributes:
        per_positive: negatives a positive.
        links: each as likely, or by number of books to `power`.
        books: each as likely, or by number of training pairs (`positive`).
    """

    per_positive: int
    links: Literal["uniform", "frequency"] = "uniform"
    power: float = 0.5
    books: Literal["uniform", "positive"] = "uniform"


class FreshFeed:
    """Negatives of every epoch. A book that has every link gets none.

    Args:
        true: every true pair, of all splits, int32, shape (n, 2), on the device.
        positives: pairs that are trained on.
        books, links: how many there are.
        how: the drawing.
        seed: of the drawing.
    """

    def __init__(self, true: Tensor, positives: int, books: int, links: int, how: Drawing, seed: int) -> None:
        owned = torch.bincount(true[:, 0], minlength=books)
        frequency = torch.bincount(true[:, 1], minlength=links)
        open_ = owned < links
        # Running sums of weights; a point below the last one falls to the first number whose sum is above it.
        self._books = (open_ * (owned if how.books == "positive" else 1)).double().cumsum(0)
        self._links = (frequency.double() ** how.power if how.links == "frequency" else torch.ones_like(frequency).double()).cumsum(0)
        self._alike = [bool((sums == torch.arange(1, len(sums) + 1, device=sums.device)).all()) for sums in (self._books, self._links)]
        self._taken = (true[:, 0].long() * links + true[:, 1]).sort().values
        self._rows = positives * how.per_positive if bool(open_.any()) and bool(self._books[-1] > 0) else 0
        self._count, self._seed = links, seed

    def rows(self, epoch: int) -> int:
        """Number of negatives of an epoch."""
        return self._rows

    def shares(self, epoch: int, steps: int, first: int, part: Part) -> Iterator[Tensor]:
        """See `Feed`."""
        spans: list[tuple[int, int]] = []
        for step in range(first, steps):
            spans.append(part.of(*share(self._rows, steps, step)))
            if step == steps - 1 or sum(high - low for low, high in spans) >= SAMPLES_AT_ONCE:
                numbers = torch.cat([torch.arange(low, high, device=self._taken.device) for low, high in spans])
                yield from torch.split(self.draw(epoch, numbers), [high - low for low, high in spans])
                spans = []

    def draw(self, epoch: int, numbers: Tensor) -> Tensor:
        """The negatives of these numbers, int32, shape (n, 2)."""
        result = torch.empty(len(numbers), 2, dtype=torch.int32, device=numbers.device)
        open_ = torch.arange(len(numbers), device=numbers.device)
        for attempt in range(ATTEMPTS):
            books, links = (
                _pick(sums, _uniform(self._seed, epoch, attempt, of, numbers[open_]), self._alike[of])
                for of, sums in ((0, self._books), (1, self._links))
            )
            free = ~self._has(books, links)
            result[open_[free]] = torch.stack([books[free], links[free]], 1).int()
            open_ = open_[~free]
            if not len(open_):
                return result
        for place in open_.tolist():  # books with nearly every link: choose among those that this one lacks
            points = [_uniform(self._seed, epoch, ATTEMPTS, of, numbers[place : place + 1]) for of in (0, 1)]
            book = _pick(self._books, points[0])
            lacking = torch.arange(self._count, device=numbers.device)
            lacking = lacking[~self._has(book.expand(self._count), lacking)]
            weights = torch.diff(self._links, prepend=self._links.new_zeros(1))[lacking]
            result[place] = torch.cat([book, lacking[_pick(weights.cumsum(0), points[1])]]).int()
        return result

    def _has(self, books: Tensor, links: Tensor) -> Tensor:
        """Which of these pairs are true ones."""
        keys = books * self._count + links
        at = torch.searchsorted(self._taken, keys).clamp_(max=len(self._taken) - 1)
        return self._taken[at] == keys


def _pick(sums: Tensor, points: Tensor, alike: bool = False) -> Tensor:
    """The number to which each point in [0, 1) falls, by running sums of the numbers' weights; `alike`: each of them 1."""
    if alike:
        return (points * sums[-1]).long().clamp_(max=len(sums) - 1)
    found = torch.searchsorted(sums, points * sums[-1], right=True)
    last = torch.searchsorted(sums, sums[-1])  # the last number with a weight, where rounding brings a point to the very end
    return torch.minimum(found, last)


def _uniform(seed: int, epoch: int, attempt: int, of: int, numbers: Tensor) -> Tensor:
    """A number in [0, 1) for each sample: splitmix64's finaliser (Steele et al., Fast splittable pseudorandom number generators, 2014)."""
    state = numbers
    for key in (seed, epoch * 4 * ATTEMPTS + attempt * 2 + of):
        state = (state + _signed(0x9E3779B97F4A7C15)) ^ _signed((key + 1) * 0xD1B54A32D192ED03)
        state = (state ^ _shifted(state, 30)) * _signed(0xBF58476D1CE4E5B9)
        state = (state ^ _shifted(state, 27)) * _signed(0x94D049BB133111EB)
        state = state ^ _shifted(state, 31)
    return _shifted(state, 11).double() * 2.0**-53


def _shifted(numbers: Tensor, bits: int) -> Tensor:
    """Shifted right, zeros coming in at the left."""
    return (numbers >> bits) & ((1 << (64 - bits)) - 1)


def _signed(number: int) -> int:
    """64 bits as the integer with a sign that torch takes."""
    number %= 1 << 64
    return number - (1 << 64) if number >> 63 else number
