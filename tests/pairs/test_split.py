"""Splitting pairs, on Spark."""

from pyspark.sql import SparkSession

from embedding.pairs.split import split_pairs


def _split(spark: SparkSession, partitions: int, seed: int = 1) -> dict[tuple[int, str], str]:
    pairs = spark.createDataFrame(
        [(book, f"link {link}") for book in range(60) for link in range(book % 2, 50, 2)], "page_id long, title string"
    )
    rows = split_pairs(pairs.repartition(partitions), 0.1, 0.2, seed).collect()
    assert len(rows) == 60 * 25
    return {(row.page_id, row.title): row.split for row in rows}


def test_shares_are_as_asked_and_the_same_whatever_the_partitions(spark: SparkSession) -> None:
    one = _split(spark, 1)
    assert one == _split(spark, 7)
    assert one != _split(spark, 1, seed=2)
    shares = {name: sum(split == name for split in one.values()) / len(one) for name in ("train", "valid", "test")}
    # 1,500 pairs: three standard deviations of a share of .2 are .031.
    assert abs(shares["valid"] - 0.1) < 0.03
    assert abs(shares["test"] - 0.2) < 0.04


def test_every_book_and_every_link_keeps_a_pair_to_train_on(spark: SparkSession) -> None:
    lonely = spark.createDataFrame([(book, f"only {book}") for book in range(200)], "page_id long, title string")
    assert {row.split for row in split_pairs(lonely, 0.4, 0.4, 1).collect()} == {"train"}


def test_nothing_is_held_out_when_nothing_is_asked_for(spark: SparkSession) -> None:
    pairs = spark.createDataFrame([(book, f"link {link}") for book in range(20) for link in range(20)], "page_id long, title string")
    assert {row.split for row in split_pairs(pairs, 0.0, 0.0, 1).collect()} == {"train"}
