"""Splitting pairs into train, valid and test."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

SPLITS = ("train", "valid", "test")
_STEPS = 1 << 30


def split_pairs(pairs: DataFrame, valid: float, test: float, seed: int) -> DataFrame:
    """Add the column `split`.

    Where a pair goes depends on the seed, the book's page_id and the link's title alone, so it is the same whatever the partitions,
    and mostly the same from one snapshot to the next. Of every book and every link at least one pair stays in train: a vector
    without any would stay where it was drawn.

    Args:
        pairs: with the columns page_id and title (of the link).
        valid: share of pairs in valid.
        test: share of pairs in test.
        seed: another seed, another split.
    """
    point = (F.pmod(F.xxhash64(F.lit(seed), "page_id", "title"), F.lit(_STEPS)) / F.lit(float(_STEPS))).alias("point")
    drawn = pairs.select("*", point)
    kept = _largest("page_id") | _largest("title")
    split = F.when(kept | (F.col("point") >= valid + test), "train").when(F.col("point") < valid, "valid").otherwise("test")
    return drawn.withColumn("split", split).drop("point")


def _largest(column: str) -> Column:
    """Is this the pair of its book (or link) that is the last to be held out?"""
    return F.col("point") == F.max("point").over(Window.partitionBy(column))
