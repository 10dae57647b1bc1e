"""Neighbours by row number -> the tables that users read, with titles and with what explains each neighbour."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from embedding.tables import TABLES


def shared(neighbours: DataFrame, pairs: DataFrame, names: DataFrame, total: int, most: int) -> DataFrame:
    """What two neighbours have in common, most telling first: rarest first, by name where equally rare.

    The pairs of the row and of its neighbour are joined, so the cost grows with the neighbours' pairs and not with rows x rows.

    Args:
        neighbours: row, neighbour.
        pairs: row, feature.
        names: feature, title, frequency (rows that have it).
        total: number of rows; a feature's weight is log(total / frequency).
        most: at most so many are named.

    Returns:
        row, neighbour, shared_links; rows without any in common are left out.
    """
    common = (
        neighbours.join(pairs, "row", "inner")
        .join(pairs.select(F.col("row").alias("neighbour"), "feature"), ["neighbour", "feature"], "inner")
        .join(names, "feature", "inner")
    )
    weight = F.log(F.lit(float(total)) / F.col("frequency"))
    order = Window.partitionBy("row", "neighbour").orderBy(weight.desc(), "title")
    best = common.withColumn("place", F.row_number().over(order)).where(F.col("place") <= most)
    listed = best.groupBy("row", "neighbour").agg(F.sort_array(F.collect_list(F.struct("place", "title"))).alias("best"))
    return listed.select("row", "neighbour", F.col("best.title").alias("shared_links"))


def neighbour_table(neighbours: DataFrame, explained: DataFrame, named: DataFrame) -> DataFrame:
    """The contract's columns, ordered by row and rank.

    Args:
        neighbours: row, neighbour, rank, similarity.
        explained: as `shared` gives it.
        named: row, page_id, title.
    """
    theirs = named.select(
        F.col("row").alias("neighbour"), F.col("page_id").alias("neighbour_page_id"), F.col("title").alias("neighbour_title")
    )
    return (
        neighbours.join(explained, ["row", "neighbour"], "left")
        .join(named, "row", "inner")
        .join(theirs, "neighbour", "inner")
        .withColumn("shared_links", F.coalesce("shared_links", F.array().cast("array<string>")))
        .orderBy("row", "rank")
        .select(*TABLES["neighbours"].columns.names)
    )


def between_table(table: str, found: DataFrame, pairs: DataFrame, asking: DataFrame, given: DataFrame) -> DataFrame:
    """The columns of `book_links_nearest` or `link_books`, ordered by row and rank.

    Args:
        table: which of them.
        found: row, neighbour, rank, similarity.
        pairs: book_id, link_id, mentions.
        asking: row, page_id, title of what asks.
        given: row, page_id, title of what is near to it.
    """
    book, link, kind = ("row", "neighbour", "link") if table == "book_links_nearest" else ("neighbour", "row", "book")
    theirs = given.select(F.col("row").alias("neighbour"), F.col("page_id").alias(f"{kind}_page_id"), F.col("title").alias(f"{kind}_title"))
    return (
        found.withColumns({"book_id": F.col(book), "link_id": F.col(link)})
        .join(pairs, ["book_id", "link_id"], "left")
        .join(asking, "row", "inner")
        .join(theirs, "neighbour", "inner")
        .withColumn("mentions", F.coalesce("mentions", F.lit(0)))
        .orderBy("row", "rank")
        .select(*TABLES[table].columns.names)
    )
