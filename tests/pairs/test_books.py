"""Pages into books, on Spark."""

from datetime import UTC, datetime

from pyspark.sql import SparkSession

from embedding.pairs.books import NO_BOOK, TOO_LONG, TOO_SLOW, extract_books
from embedding.settings_files import load_settings
from embedding.tables import ddl
from embedding.wiki.site import Site
from tests.conftest import HEADER


def test_books_are_read_and_drops_have_a_reason(spark: SparkSession) -> None:
    site = Site.from_header(HEADER.encode(), "test")
    stamp = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    texts = [
        "{{Infobox book|author=[[Leo Tolstoy]]|genre=[[War novel]], epic|release_date=1869}} "
        "[[War]], [[war]] [[File:x.jpg]] [[Category:Novels]]",
        "<nowiki>{{Infobox book|author=x}}</nowiki>",
        "{{Infobox book|author=x}}" + "y" * 2_100_000,
        None,
        "{{Infobox book|author=x}}" + "[[a]]" * 400_000,
    ]
    pages = spark.createDataFrame(
        [(number, 0, f"Title {number}", None, None, number, stamp, text) for number, text in enumerate(texts)], ddl("pages")
    )
    settings = load_settings(["enwiki.yaml"], ["books.max_seconds=1"]).books
    rows = sorted(extract_books(pages, site, settings).collect(), key=lambda row: row.page_id)
    assert [(row.page_id, row.dropped) for row in rows] == [(0, None), (1, NO_BOOK), (2, TOO_LONG), (4, TOO_SLOW)]
    book = rows[0]
    assert (book.title, book.author, book.genres, book.year, book.isbn) == ("Title 0", "Leo Tolstoy", ["War novel", "epic"], 1869, None)
    assert book.infobox == {"author": "Leo Tolstoy", "genre": "War novel, epic", "release_date": "1869"}
    assert sorted(tuple(link) for link in book.links) == [
        ("Category:Novels", 1, "category"),
        ("Leo Tolstoy", 1, "infobox"),
        ("War", 2, "body"),
        ("War novel", 1, "infobox"),
    ]
    assert book.dropped_links == {"file": 1}
