"""Redirects, vocabulary and kinds of links, on Spark."""

from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from embedding.pairs import links as links_of
from embedding.tables import ddl


def _pages(spark: SparkSession, rows: Sequence[dict[str, Any]]) -> DataFrame:
    empty: dict[str, Any] = dict.fromkeys(name.split()[0] for name in ddl("pages").split(", "))
    return spark.createDataFrame([empty | {"namespace": 0} | row for row in rows], ddl("pages"))


def _redirect(title: str, target: str, namespace: int | None = 0) -> dict[str, Any]:
    return {"title": title, "redirect_target": target, "redirect_namespace": namespace}


def _resolve(
    spark: SparkSession, redirects: Sequence[dict[str, Any]], targets: Sequence[str], most: int = 3
) -> dict[str, tuple[str, str | None]]:
    frame = spark.createDataFrame([(target,) for target in targets], "target string")
    found = links_of.resolve_redirects(frame, links_of.redirects_of(_pages(spark, redirects)), most).collect()
    assert len(found) == len(targets)
    return {row.target: (row.title, row.dropped) for row in found}


def test_redirects_are_followed_as_far_as_allowed(spark: SparkSession) -> None:
    chain = [_redirect("A", "B"), _redirect("B", "C"), _redirect("C", "D"), _redirect("D", "E")]
    found = _resolve(spark, chain, ["A", "B", "D", "E", "No page"])
    assert found["A"][1] == "redirect chain or circle"
    assert {title: found[title] for title in ("B", "D", "E", "No page")} == {
        "B": ("E", None),
        "D": ("E", None),
        "E": ("E", None),
        "No page": ("No page", None),
    }


def test_circles_and_ways_out_are_dropped_with_their_reason(spark: SparkSession) -> None:
    redirects = [
        _redirect("Self", "Self"),
        _redirect("One", "Two"),
        _redirect("Two", "One"),
        _redirect("Shortcut", "Wikipedia:Manual", 4),
        _redirect("Abroad", "fr:Livre", None),
        _redirect("Topic", "Category:Topic", 14),
        _redirect("Far", "Shortcut"),
    ]
    found = _resolve(spark, redirects, ["Self", "One", "Shortcut", "Abroad", "Topic", "Far"])
    assert [found[title][1] for title in ("Self", "One", "Shortcut", "Abroad", "Topic", "Far")] == [
        "redirect chain or circle",
        "redirect chain or circle",
        "redirect out of articles and categories",
        "redirect out of articles and categories",
        None,
        "redirect out of articles and categories",
    ]
    assert found["Topic"][0] == "Category:Topic"


def test_a_redirect_that_a_dump_has_twice_doubles_no_link(spark: SparkSession) -> None:
    assert _resolve(spark, [_redirect("A", "C"), _redirect("A", "B")], ["A"]) == {"A": ("B", None)}


def test_links_that_lead_to_one_page_become_one(spark: SparkSession) -> None:
    link = "struct<target:string,mentions:int,place:string>"
    books = spark.createDataFrame(
        [(1, [("Alias", 2, "body"), ("Page", 1, "body"), ("Page", 1, "infobox")]), (2, [("Alias", 1, "body")])],
        f"page_id long, links array<{link}>",
    )
    redirects = links_of.redirects_of(_pages(spark, [_redirect("Alias", "Page")]))
    found = links_of.resolved_links(links_of.explode_links(books), redirects, 2)
    assert sorted((row.page_id, row.title, row.mentions, row.dropped) for row in found.collect()) == [
        (1, "Page", 4, None),
        (2, "Page", 1, None),
    ]


def test_the_vocabulary_is_dense_ordered_and_knows_its_pages(spark: SparkSession) -> None:
    pages = _pages(
        spark,
        [{"page_id": 5, "title": "Tolstoy"}, {"page_id": 6, "title": "War and Peace"}, {"page_id": 9, **_redirect("Category:Novels", "X")}],
    )
    books = spark.createDataFrame([("War and Peace",)], "title string")
    counts = spark.createDataFrame(
        [("War and Peace", 4), ("Category:Novels", 7), ("Tolstoy", 4), ("Red link", 4)], "title string, books int"
    )
    rows = links_of.vocabulary(counts, pages, books, "Category:").orderBy("link_id").collect()
    assert [tuple(row) for row in rows] == [
        (0, "Category:Novels", None, "category", 7),
        (1, "Red link", None, "article", 4),
        (2, "Tolstoy", 5, "article", 4),
        (3, "War and Peace", 6, "book", 4),
    ]


def test_stop_list_and_rare_links_stay_out(spark: SparkSession) -> None:
    counts = spark.createDataFrame([("Hardcover", 90), ("Rare", 3), ("Common", 4)], "title string, books int")
    reason = links_of.outside_vocabulary(F.col("title"), F.col("books"), 4, ["hardCOVER"])
    assert {row.title: row.reason for row in counts.select("title", reason.alias("reason")).collect()} == {
        "Hardcover": "stop list",
        "Rare": "in fewer books than pairs.min_books",
        "Common": None,
    }
