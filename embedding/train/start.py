"""Where vectors start: at the leading singular vectors of the table of books and links, which a training then improves.

Source: N. Halko, P. G. Martinsson, J. A. Tropp, Finding Structure with Randomness: Probabilistic Algorithms for Constructing
Approximate Matrix Decompositions, 2011 (algorithm 5.1, with power iterations).
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from embedding.train.feed.serve import Feed, Part
from embedding.train.sums import weighted_sums

ROWS_AT_ONCE = 1 << 18  # of the pairs
OVERSAMPLED = 10  # directions beside those that are wanted
ITERATIONS = 4
NOISE = 0.1  # of a row's length: no two books start alike, and no direction empty


def singular_vectors(positives: Feed, weights: Tensor, books: int, dimensions: int, seed: int) -> tuple[Tensor, Tensor]:
    """Vectors of books and links, each of length 1; zeros where a book or link has no pair.

    The table has the weight of the link where a book has a link, with each book's row brought to length 1. Left and right singular
    vectors are both multiplied by the square root of their singular value, so that books and links lie in one space. Each of the
    2 * ITERATIONS + 3 passes takes time and memory as a pass of the training does.

    Args:
        positives: the pairs; read whole by every process.
        weights: of the links, shape (links,).
        books: how many there are.
        dimensions: width; those beyond the table's rank are filled with noise alone.
        seed: of the random directions.

    Returns:
        Shapes (books, dimensions), (links, dimensions).
    """
    links, device = len(weights), weights.device
    table = _Table(positives, weights, books)
    draw = torch.Generator().manual_seed(seed)
    width = min(dimensions + OVERSAMPLED, books, links)
    basis = _orthogonal(table.times(torch.randn(links, width, generator=draw).to(device)))
    for _ in range(ITERATIONS):
        basis = _orthogonal(table.times(_orthogonal(table.transposed_times(basis))))
    left, values, right = torch.linalg.svd(table.transposed_times(basis).T, full_matrices=False)
    roots = values[:dimensions].sqrt()
    of_books, of_links = basis @ left[:, :dimensions] * roots, right.T[:, :dimensions] * roots
    return _filled(of_books, dimensions, draw), _filled(of_links, dimensions, draw)


class _Table:
    """The weighted table of books and links, as what it does to other matrices."""

    def __init__(self, positives: Feed, weights: Tensor, books: int) -> None:
        self._positives, self._weights, self._books = positives, weights, books
        self._lengths = torch.ones(books, device=weights.device)
        squares = torch.zeros(books, device=weights.device)
        for values, _, owners in self._pairs():
            squares.index_add_(0, owners, values**2)
        self._lengths = squares.sqrt().clamp_(min=torch.finfo(torch.float32).tiny)

    def times(self, matrix: Tensor) -> Tensor:
        """Table @ matrix, shape (books, k), of one of shape (links, k)."""
        result = matrix.new_zeros(self._books, matrix.shape[1])
        for values, links, books in self._pairs():
            _add(result, books, matrix, links, values)
        return result

    def transposed_times(self, matrix: Tensor) -> Tensor:
        """Table.T @ matrix, shape (links, k), of one of shape (books, k)."""
        result = matrix.new_zeros(len(self._weights), matrix.shape[1])
        for values, links, books in self._pairs():
            _add(result, links, matrix, books, values)
        return result

    def _pairs(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Value in the table, link_id and book_id of the pairs, part by part."""
        for pairs in self._positives.shares(0, math.ceil(self._positives.rows(0) / ROWS_AT_ONCE), 0, Part()):
            books, links = pairs[:, 0].long(), pairs[:, 1].long()
            yield self._weights[links] / self._lengths[books], links, books


def _add(result: Tensor, ids: Tensor, others: Tensor, beside: Tensor, weights: Tensor) -> None:
    """Add weighted rows of `others` to the rows of the result that `ids` name."""
    if result.device.type == "cpu" and len(result) <= len(ids):
        result += weighted_sums(ids, len(result), others, beside, weights)
    else:  # to few of its rows
        result.index_add_(0, ids, others[beside] * weights[:, None])


def _orthogonal(matrix: Tensor) -> Tensor:
    basis: Tensor = torch.linalg.qr(matrix)[0]
    return basis


def _filled(rows: Tensor, dimensions: int, draw: torch.Generator) -> Tensor:
    """Rows of length 1 and of the width that is wanted, with some noise; those without a length stay zero."""
    lengths = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    there = lengths > 1e-6 * lengths.max()
    wide: Tensor = functional.pad(functional.normalize(rows, dim=1), (0, dimensions - rows.shape[1]))
    noise = torch.randn(wide.shape, generator=draw).to(rows.device) * (NOISE / math.sqrt(dimensions))
    result: Tensor = functional.normalize(wide + noise, dim=1) * there
    return result
