"""Pairs of books and links, and what people like, as arrays."""

import bz2
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Pairs = NDArray[np.int32]
MIN_BOOKS = 4  # links in fewer books are dropped


@dataclass(frozen=True)
class Likes:
    """Books with their links, and the books that each person likes.

    Attributes:
        books, links: how many there are.
        pairs: book_id and link_id, each pair once, sorted, shape (n, 2).
        users: the liked books of each person who likes at least two.
    """

    books: int
    links: int
    pairs: Pairs
    users: list[NDArray[np.int64]]


def read_likes(folder: Path) -> Likes:
    """The data set of `folder`: book_links.tsv.bz2 (book, link) and likes.tsv.bz2 (user, book)."""
    pairs = {tuple(line) for line in _rows(folder / "book_links.tsv.bz2")}
    books = {title: number for number, title in enumerate(sorted({book for book, _ in pairs}))}
    counts = Counter(link for _, link in pairs)
    links = {title: number for number, title in enumerate(sorted(link for link, count in counts.items() if count >= MIN_BOOKS))}
    numbers = sorted((books[book], links[link]) for book, link in pairs if link in links)
    liked: dict[str, set[int]] = defaultdict(set)
    for user, book in _rows(folder / "likes.tsv.bz2"):
        if book in books:
            liked[user].add(books[book])
    users = [np.array(sorted(one)) for _, one in sorted(liked.items()) if len(one) > 1]
    return Likes(len(books), len(links), np.array(numbers, np.int32), users)


def _rows(file: Path) -> list[list[str]]:
    """The rows of a table behind its line of names."""
    with bz2.open(file, "rt", encoding="utf-8") as lines:
        return [line.rstrip("\n").split("\t") for line in lines][1:]


def hold_out(pairs: Pairs, share: float, seed: int) -> tuple[Pairs, Pairs]:
    """The pairs to train on and those held out, chosen at random."""
    out = np.random.default_rng(seed).random(len(pairs)) < share
    return pairs[~out], pairs[out]
