"""What changed among neighbours, on a table that can be checked by eye."""

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from embedding.neighbours.changes import both_sides, changes, overlap
from embedding.tables import ddl


def _neighbours(spark: SparkSession, lists: dict[int, list[int]]) -> DataFrame:
    rows: list[tuple[Any, ...]] = [
        (page, f"t{page}", rank, near, f"t{near}", 1 - rank / 10, []) for page, some in lists.items() for rank, near in enumerate(some, 1)
    ]
    return spark.createDataFrame(rows, ddl("neighbours"))


def test_changes_and_overlap(spark: SparkSession) -> None:
    before = _neighbours(spark, {1: [2, 3, 4], 2: [1, 3, 4], 9: [1, 2, 3]})
    after = _neighbours(spark, {1: [3, 2, 5], 2: [1, 3, 4], 5: [1, 2, 3]})
    titles = spark.createDataFrame([(1, "One"), (2, "Two"), (5, "Five")], "page_id bigint, title string")
    sides = both_sides(before, after).persist()
    rows = [tuple(row) for row in changes(sides, titles, "20240101").collect()]
    shorter = [(row[1], row[2], row[3], row[4], row[5], row[6]) for row in rows]
    assert shorter == [
        ("One", "moved", 3, "t3", 2, 1),
        ("One", "moved", 2, "t2", 1, 2),
        ("One", "left", 4, "t4", 3, None),
        ("One", "entered", 5, "t5", None, 3),
    ], "nothing of book 9, which has gone, and of book 5, which is new"
    assert {row[9] for row in rows} == {"20240101"}
    share, books = overlap(sides, 3)
    assert (share, books) == (pytest.approx((2 / 3 + 1) / 2), 2)
    assert overlap(sides, 1)[0] == pytest.approx((0 + 1) / 2)
    assert overlap(both_sides(before, after.where("false")), 3) == (0, 0), "nothing stayed"
