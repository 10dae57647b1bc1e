"""Links of books -> redirects resolved -> a vocabulary of links."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

DROPS = ("redirect out of articles and categories", "redirect chain or circle", "stop list", "in fewer books than pairs.min_books")


def explode_links(books: DataFrame) -> DataFrame:
    """One row a link of a book: page_id, target, mentions (its places summed up)."""
    links = books.select("page_id", F.explode("links").alias("link"))
    return links.groupBy("page_id", F.col("link.target").alias("target")).agg(F.sum("link.mentions").cast("int").alias("mentions"))


def redirects_of(pages: DataFrame) -> DataFrame:
    """Redirects by title: source, to, namespace (null: out of the wiki). A title that a broken dump has twice counts once."""
    aim = F.struct(F.col("redirect_target").alias("to"), F.col("redirect_namespace").alias("namespace"))
    found = pages.where(F.col("redirect_target").isNotNull()).groupBy(F.col("title").alias("source")).agg(F.min(aim).alias("aim"))
    return found.select("source", "aim.to", "aim.namespace")


def resolve_redirects(targets: DataFrame, redirects: DataFrame, max_redirects: int) -> DataFrame:
    """Follow redirects from each target.

    Args:
        targets: column target, distinct.
        redirects: as `redirects_of` gives them.
        max_redirects: redirects followed one after the other; MediaWiki follows one, and bots mend double ones.

    Returns:
        target, title (where it leads), dropped (one of DROPS, or null).
    """
    at = targets.select("target", F.col("target").alias("title"), F.lit(None).cast("string").alias("dropped"))
    for hop in range(max_redirects + 1):
        step = F.when(F.col("dropped").isNull(), F.col("title"))
        joined = at.join(redirects, step == F.col("source"), "left")
        hit = F.col("source").isNotNull()
        if hop == max_redirects:
            return joined.select("target", "title", F.when(hit, DROPS[1]).otherwise(F.col("dropped")).alias("dropped"))
        outside = hit & ~F.coalesce(F.col("namespace").isin(0, 14), F.lit(False))
        at = joined.select(
            "target",
            F.coalesce("to", "title").alias("title"),
            F.when(outside, DROPS[0]).otherwise(F.col("dropped")).alias("dropped"),
        )
    raise AssertionError("max_redirects is at least 1")


def resolved_links(links: DataFrame, redirects: DataFrame, max_redirects: int) -> DataFrame:
    """Links of books after redirects: page_id, title, mentions, dropped (one of DROPS, or null); a row a book and title."""
    resolved = resolve_redirects(links.select("target").distinct(), redirects, max_redirects)
    joined = links.join(resolved, "target", "inner")
    return joined.groupBy("page_id", "title", "dropped").agg(F.sum("mentions").cast("int").alias("mentions"))


def count_books(links: DataFrame) -> DataFrame:
    """title, books: how many books link to each title."""
    return links.where(F.col("dropped").isNull()).groupBy("title").agg(F.count(F.lit(1)).cast("int").alias("books"))


def outside_vocabulary(title: Column, books: Column, min_books: int, stop_links: Sequence[str]) -> Column:
    """Why a title is not in the vocabulary (one of DROPS), or null."""
    stopped = F.lower(title).isin([link.lower() for link in stop_links]) if stop_links else F.lit(False)
    return F.when(stopped, DROPS[2]).when(books < min_books, DROPS[3])


def vocabulary(counts: DataFrame, pages: DataFrame, books: DataFrame, category_prefix: str) -> DataFrame:
    """The table `links`.

    Args:
        counts: title, books; the vocabulary alone.
        pages: the table pages.
        books: the table books.
        category_prefix: the wiki's name of the category namespace, with its colon.

    Returns:
        link_id (by falling number of books, then title), title, page_id, kind, books.
    """
    articles = (
        pages.where((F.col("namespace") == 0) & F.col("redirect_target").isNull()).groupBy("title").agg(F.min("page_id").alias("page_id"))
    )
    known = books.select("title", F.lit(True).alias("is_book")).distinct()
    kind = F.when(F.col("is_book"), "book").when(F.col("title").startswith(category_prefix), "category").otherwise("article")
    # One task numbers all links: 7 million titles sort in seconds, and ids stay dense and the same whatever the partitions.
    order = Window.orderBy(F.col("books").desc(), F.col("title"))
    return (
        counts.join(articles, "title", "left")
        .join(known, "title", "left")
        .select((F.row_number().over(order) - 1).alias("link_id"), "title", "page_id", kind.alias("kind"), "books")
    )
