"""Negative samples: pairs of a book and a link that does not exist.

Every number drawn is a hash of (seed, book, draw, place, attempt), so the samples are the same whatever the partitions and their order.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from embedding.tables import TABLES, ddl

ATTEMPTS = 16  # drawings before the links that a book lacks are listed one by one
MAX_DRAWS = 100
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def draws_for(positives: int, per_positive: int, least: int, min_rows: int) -> int:
    """How many times negatives are drawn for the training pairs: `least`, and of a small wiki more often, until there are `min_rows`.

    It gets many epochs, and with the same few negatives again and again it would learn these by heart. At most MAX_DRAWS, or `least`.
    """
    return max(least, min(MAX_DRAWS, min_rows // max(1, positives * per_positive)))


def link_weights(books: Ints, how: str, power: float) -> Floats:
    """How likely each link is drawn: 1 for all (`uniform`) or the number of its books to `power` (`frequency`).

    Source of the power: Mikolov et al., Distributed Representations of Words and Phrases and their Compositionality, 2013.
    """
    return np.ones(len(books)) if how == "uniform" else books.astype(np.float64) ** power


def uniform_numbers(seed: int, *keys: Ints | int) -> Floats:
    """Numbers in [0, 1), each a hash (splitmix64's finaliser) of the seed and its keys."""
    with np.errstate(over="ignore"):
        state = np.asarray(seed + 0x9E3779B97F4A7C15).astype(np.uint64)
        for key in keys:
            state = (np.asarray(key).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)) ^ (state * np.uint64(0xD1B54A32D192ED03))
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return np.asarray((state >> np.uint64(11)) * 2.0**-53)


def sample_links(books: Ints, places: Ints, draw: int, taken: Ints, cumulative: Floats, seed: int) -> Ints:
    """Draw a link for each place of a book, none of them one that the book has.

    Args:
        books: book_id of each sample, shape (n,).
        places: number of each sample within its book, shape (n,).
        draw: number of the draw.
        taken: book_id * links + link_id of every true pair of these books, sorted.
        cumulative: running sum of the links' weights, shape (links,).
        seed: seed of the run.

    Returns:
        link_id of each sample, shape (n,); -1 where a book has every link.
    """
    count = len(cumulative)
    result = np.full(len(books), -1, dtype=np.int64)
    open_ = np.arange(len(books))
    alike = np.array_equal(cumulative, np.arange(1, count + 1))
    for attempt in range(ATTEMPTS):
        points = uniform_numbers(seed, books[open_], draw, places[open_], attempt) * cumulative[-1]
        # Among links of weight 1 each a point falls to the one that its whole part numbers.
        fallen = points.astype(np.int64) if alike else np.searchsorted(cumulative, points, side="right")
        links = np.minimum(fallen, count - 1)
        keys = books[open_] * count + links
        at = np.minimum(np.searchsorted(taken, keys), len(taken) - 1)
        free = taken[at] != keys
        result[open_[free]] = links[free]
        open_ = open_[~free]
        if not len(open_):
            return result
    for sample in open_:  # a book with nearly every link: choose among those it lacks
        book = books[sample]
        first, last = np.searchsorted(taken, [book * count, (book + 1) * count])
        lacking = np.setdiff1d(np.arange(count), taken[first:last] - book * count, assume_unique=True)
        if len(lacking):
            running = np.cumsum(np.diff(cumulative, prepend=0.0)[lacking])
            point = uniform_numbers(seed, books[sample], draw, places[sample], ATTEMPTS) * running[-1]
            result[sample] = lacking[min(int(np.searchsorted(running, point, side="right")), len(lacking) - 1)]
    return result


def samples_per_book(positives: Ints, books: Ints, per_positive: int, evenly_over: int, total: int) -> Ints:
    """How many negatives each book gets.

    Args:
        positives: pairs of each book in the split.
        books: book_id of each.
        per_positive: negatives a positive.
        evenly_over: number of all books, to give each the same share of `total`; 0: as many as its positives ask for.
        total: pairs of the split, all books together.
    """
    if not evenly_over:
        return positives * per_positive
    share, rest = divmod(total * per_positive, evenly_over)
    return share + (books < rest)


def numbered_samples(books: Ints, wanted: Ints) -> tuple[Ints, Ints]:
    """book_id of every sample, and its number within its book, of the number that each book wants; shapes (wanted.sum(),)."""
    return np.repeat(books, wanted), np.arange(wanted.sum()) - np.repeat(np.cumsum(wanted) - wanted, wanted)


def sample_negatives(
    pairs: DataFrame, draws: Mapping[str, int], cumulative: Floats, per_positive: int, seed: int, evenly: bool
) -> DataFrame:
    """Negatives against the pairs of every split; none is a true pair of any split.

    Args:
        pairs: the table pairs.
        draws: split: number of independent draws.
        cumulative: running sum of the links' weights, shape (links,).
        per_positive: negatives a positive.
        seed: seed of the run.
        evenly: give every book the same number of negatives, and not as many as its positives ask for.

    Returns:
        The columns of `negatives`; link_id is -1 where a book has every link.
    """
    schema = TABLES["negatives"].columns
    positives = [F.count(F.when(F.col("split") == split, True)).alias(split) for split in draws]
    grouped = pairs.groupBy("book_id").agg(F.collect_list("link_id").alias("links"), *positives)
    count = len(cumulative)
    totals = dict.fromkeys(draws, 0) | {row["split"]: row["count"] for row in pairs.groupBy("split").count().collect()}
    books = grouped.count() if evenly else 0

    def draw_links(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            ids = batch.column("book_id").to_numpy().astype(np.int64)
            links = batch.column("links")
            owners = np.repeat(ids, np.diff(links.offsets.to_numpy()))
            taken = np.sort(owners * count + links.flatten().to_numpy().astype(np.int64))
            for number, split in enumerate(draws):
                wanted = samples_per_book(batch.column(split).to_numpy().astype(np.int64), ids, per_positive, books, totals[split])
                owner, places = numbered_samples(ids, wanted)
                for draw in range(draws[split]):
                    drawn = sample_links(owner, places, draw, taken, cumulative, seed + (number << 32))
                    columns = [
                        pa.array(owner, pa.int32()),
                        pa.array(drawn, pa.int32()),
                        pa.array(np.full(len(owner), draw), pa.int32()),
                        pa.repeat(pa.scalar(split), len(owner)),
                    ]
                    yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return grouped.mapInArrow(draw_links, ddl("negatives"))
