"""Ranking figures: AUC, filtered rank, reciprocal rank, recall of a search."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.floating[Any]]
MOST_SCORES = 1 << 27  # that are held at once, by default


def auc(positive: Floats, negative: Floats) -> float:
    """Chance that a positive's score is above a negative's, ties counting half (Mann and Whitney's U).

    Args:
        positive: scores, shape (p,).
        negative: scores, shape (n,).

    Returns:
        In [0, 1]; nan when one side is empty.
    """
    if not len(positive) or not len(negative):
        return float("nan")
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left").astype(np.float64)
    upto = np.searchsorted(ordered, positive, side="right").astype(np.float64)
    return float(((below + upto) / 2).mean() / len(negative))


def with_bias(books: Floats, links: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """Vectors one number wider, whose dot product is that of the given ones plus the link's bias, shape (links,)."""
    return np.column_stack([books, np.ones(len(books), books.dtype)]), np.column_stack([links, bias])


def filtered_ranks(books: Floats, links: Floats, pairs: Ints, known: Ints, block: int | None = None) -> NDArray[np.float64]:
    """Rank of each pair's link among all links that its book is not known to have, by dot product; ties share their mean rank.

    Source: Bordes et al., Translating Embeddings for Modeling Multi-relational Data, 2013 (the filtered setting).

    Args:
        books: vectors, shape (books, d).
        links: vectors, shape (links, d).
        pairs: book_id and link_id of what is ranked, shape (n, 2).
        known: book_id and link_id of every true pair, those of `pairs` among them, shape (m, 2).
        block: pairs scored at a time; memory is block * links * 6 bytes. None: 256, or so many that it is a GB.

    Returns:
        Ranks from 1, shape (n,).
    """
    order = np.argsort(known[:, 0], kind="stable")
    owners, theirs = known[order, 0], known[order, 1]
    ranks = np.empty(len(pairs), dtype=np.float64)
    block = block or max(1, min(256, MOST_SCORES // max(1, len(links))))
    for start in range(0, len(pairs), block):
        part = pairs[start : start + block]
        scores = books[part[:, 0]] @ links.T
        rows = np.arange(len(part))
        own = scores[rows, part[:, 1]].copy()
        first, last = np.searchsorted(owners, part[:, 0], "left"), np.searchsorted(owners, part[:, 0], "right")
        sizes = last - first
        at = np.repeat(first - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes) + np.arange(sizes.sum())
        scores[np.repeat(rows, sizes), theirs[at]] = -np.inf
        ranks[start : start + block] = 1 + (scores > own[:, None]).sum(1) + (scores == own[:, None]).sum(1) / 2
    return ranks


def recall(found: Ints, exact: Ints) -> float:
    """Share of the exact neighbours that were found, both of shape (queries, k)."""
    hits = sum(len(np.intersect1d(one, other)) for one, other in zip(found, exact, strict=True))
    return hits / exact.size if exact.size else float("nan")


def recall_of_cosines(found: Floats, exact: Floats) -> float:
    """Share of the k nearest that were found: a neighbour counts when it is as near as the k-th of exact search.

    Source: ann-benchmarks (Aumueller, Bernhardsson, Faithfull, 2020). So of several equally near ones any will do.

    Args:
        found: cosines of what was found, shape (queries, k).
        exact: cosines of exact search, falling along a row, shape (queries, k).
    """
    if found.shape != exact.shape:
        raise ValueError(f"cosines of shape {found.shape} are set against those of shape {exact.shape}")
    return float((found >= exact[:, -1:]).mean()) if exact.size else float("nan")
