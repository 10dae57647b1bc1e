"""Negative samples over a table of pairs, on Spark."""

from collections import Counter

import numpy as np
from pyspark.sql import DataFrame, SparkSession

from embedding.pairs.negatives import sample_negatives

BOOKS, LINKS = 40, 30
DRAWS = {"train": 3, "valid": 1, "test": 1}


def _pairs(spark: SparkSession) -> DataFrame:
    rows = [
        (book, link, 1, ("train", "valid", "test")[(book + link) % 5 % 3])
        for book in range(BOOKS)
        for link in range(LINKS)
        if (book * link) % 4 == 0
    ]
    return spark.createDataFrame(rows, "book_id int, link_id int, mentions int, split string")


def _sample(pairs: DataFrame, seed: int = 1, evenly: bool = False) -> list[tuple[int, int, int, str]]:
    return [tuple(row) for row in sample_negatives(pairs, DRAWS, np.cumsum(np.ones(LINKS)), 2, seed, evenly).collect()]


def test_negatives_are_no_pairs_of_any_split_and_as_many_as_asked(spark: SparkSession) -> None:
    pairs = _pairs(spark)
    true = {(row.book_id, row.link_id) for row in pairs.collect()}
    drawn = [row for row in _sample(pairs) if row[1] >= 0]
    assert not true & {(book, link) for book, link, _, _ in drawn}
    positives = Counter((row.book_id, row.split) for row in pairs.collect())
    full = {book for book in range(BOOKS) if all((book, link) in true for link in range(LINKS))}
    assert Counter((book, split) for book, _, draw, split in drawn if draw == 0) == {
        key: 2 * count for key, count in positives.items() if key[0] not in full
    }
    assert {(split, draw) for _, _, draw, split in drawn} == {("train", 0), ("train", 1), ("train", 2), ("valid", 0), ("test", 0)}


def test_a_book_with_every_link_gets_a_marked_row_and_no_invention(spark: SparkSession) -> None:
    marked = {book for book, link, _, _ in _sample(_pairs(spark)) if link < 0}
    assert marked == {book for book in range(BOOKS) if book % 4 == 0}


def test_the_same_whatever_the_partitions_and_different_by_draw_and_seed(spark: SparkSession) -> None:
    pairs = _pairs(spark)
    one = sorted(_sample(pairs.repartition(1)))
    assert one == sorted(_sample(pairs.repartition(9, "link_id")))
    assert one != sorted(_sample(pairs, seed=2))
    by_draw = [[(book, link) for book, link, draw, split in one if draw == number and split == "train"] for number in range(3)]
    assert by_draw[0] != by_draw[1] != by_draw[2]


def test_evenly_gives_every_book_the_same_number(spark: SparkSession) -> None:
    pairs = _pairs(spark)
    total = 2 * pairs.where("split = 'train'").count()
    counts = Counter(book for book, _, draw, split in _sample(pairs, evenly=True) if draw == 0 and split == "train")
    assert sum(counts.values()) == total
    assert max(counts.values()) - min(counts.values()) <= 1
    assert len(counts) == BOOKS
