"""Neighbours of two snapshots -> what entered, left and moved, and how many stayed."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from embedding.tables import TABLES

KEYS, FACTS = ["page_id", "neighbour_page_id"], ["title", "neighbour_title", "rank", "similarity"]
COMPARED = [*KEYS, *FACTS]  # columns of `neighbours`
ENTERED, LEFT, MOVED = "entered", "left", "moved"


def both_sides(before: DataFrame, after: DataFrame) -> DataFrame:
    """Every neighbour of every book that has neighbours in both snapshots, with what it was and what it is.

    Args:
        before: COMPARED of the table `neighbours` of the snapshot before.
        after: that of this one.

    Returns:
        page_id, neighbour_page_id, and title, neighbour_title, rank and similarity with the endings _before and _after, null where it
        is no neighbour.
    """
    there = before.join(after.select("page_id").distinct(), "page_id", "left_semi")
    here = after.join(before.select("page_id").distinct(), "page_id", "left_semi")
    one, other = (
        side.select(*KEYS, *(F.col(name).alias(f"{name}_{ending}") for name in FACTS))
        for side, ending in ((there, "before"), (here, "after"))
    )
    return one.join(other, KEYS, "full")


def changes(sides: DataFrame, titles: DataFrame, snapshot_before: str) -> DataFrame:
    """The table `neighbour_changes`.

    Args:
        sides: as `both_sides` gives it.
        titles: page_id, title of the books of this snapshot.
        snapshot_before: date of the snapshot before.
    """
    entered, left = F.col("rank_before").isNull(), F.col("rank_after").isNull()
    change = F.when(entered, ENTERED).when(left, LEFT).when(F.col("rank_before") != F.col("rank_after"), MOVED)
    return (
        sides.withColumn("change", change)
        .where(F.col("change").isNotNull())
        .join(titles.select("page_id", "title"), "page_id", "inner")
        .withColumn("neighbour_title", F.coalesce("neighbour_title_after", "neighbour_title_before"))
        .withColumn("snapshot_before", F.lit(snapshot_before))
        .select(*TABLES["neighbour_changes"].columns.names)
        .orderBy("page_id", F.coalesce("rank_after", "rank_before"), "neighbour_page_id")
    )


def overlap(sides: DataFrame, k: int) -> tuple[float, int]:
    """Share of a book's first k neighbours that are among its first k in both snapshots, in the mean over the books, and their number.

    Where a book has fewer than k neighbours it is the share of the longer list. 0 when no book has neighbours in both: nothing stayed.
    """
    was, is_now = F.col("rank_before") <= k, F.col("rank_after") <= k
    counts = sides.groupBy("page_id").agg(
        F.count(F.when(was & is_now, True)).alias("both"),
        F.greatest(F.count(F.when(was, True)), F.count(F.when(is_now, True))).alias("all"),
    )
    share, books = counts.agg(F.avg(F.col("both") / F.col("all")), F.count(F.lit(1))).first() or (None, 0)
    return float(share or 0), int(books)
