"""Books in groups that a legend can name: the most frequent genres, countries, languages; periods of about equally many books."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST = 12  # groups with a colour of their own


@dataclass(frozen=True)
class Groups:
    """Books by what they share.

    Attributes:
        names: of the groups that have a colour.
        counts: books in each.
        of: each book's group, shape (n,); OTHER or NONE for the rest.
        others: books in groups without a colour.
        nothing: books of which it is not known.
    """

    names: list[str]
    counts: list[int]
    of: NDArray[np.int64]
    others: int
    nothing: int


OTHER, NONE = -1, -2


def most_frequent(values: Sequence[str | None], most: int = MOST) -> Groups:
    """The most frequent values, by falling count, then by name."""
    counted = Counter(value for value in values if value)
    names = sorted(counted, key=lambda name: (-counted[name], name))[:most]
    place = {name: i for i, name in enumerate(names)}
    of = np.array([place.get(value, OTHER) if value else NONE for value in values], dtype=np.int64).reshape(-1)
    return Groups(names, [counted[name] for name in names], of, int((of == OTHER).sum()), int((of == NONE).sum()))


def periods(years: Sequence[int | None], most: int = MOST) -> Groups:
    """Periods that begin and end with decades, and hold about equally many books: single decades where most were written."""
    known = np.array([year is not None for year in years], dtype=bool).reshape(-1)
    decades = np.array([(year or 0) // 10 * 10 for year in years], dtype=np.int64).reshape(-1)
    of = np.full(len(known), NONE)
    if not known.any():
        return Groups([], [], of, 0, len(known))
    found, counts = np.unique(decades[known], return_counts=True)
    starts, wanted, filled = [found[0]], known.sum() / most, 0
    for decade, count in zip(found, counts, strict=True):
        # A period ends where it is full, or where the next decade fills one by itself.
        if filled and (filled >= wanted or (count >= wanted and filled >= wanted / 4)) and len(starts) < most:
            starts.append(decade)
            filled = 0
        filled += count
    of[known] = np.searchsorted(starts, decades[known], side="right") - 1
    ends = [*starts[1:], found[-1] + 10]
    names = [
        _period(int(start), int(end), first=i == 0 and len(starts) > 1) for i, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    return Groups(names, [int((of == i).sum()) for i in range(len(starts))], of, 0, int((~known).sum()))


def _period(start: int, end: int, first: bool) -> str:
    if first:
        return f"before {_year(end)}"
    return f"{_year(start)}s" if end - start <= 10 and start >= 0 else f"{_year(start)}–{_year(end - 1)}"


def _year(year: int) -> str:
    return str(year) if year > 0 else f"{-year} BC" if year < 0 else "1"
