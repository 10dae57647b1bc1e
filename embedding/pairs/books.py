"""Pages that hold a book infobox -> books."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from embedding.settings import BooksSettings
from embedding.tables import TABLES, ddl
from embedding.wiki.site import Site

PAGE_COLUMNS = ["page_id", "title", "revision_id", "revision_timestamp", "wikitext"]  # of `pages`
TOO_LONG, NO_BOOK = "longer than books.max_wikitext_bytes", "infobox only in a comment or nowiki, or never closed"
TOO_SLOW, UNREADABLE = "took longer than books.max_seconds", "cannot be parsed"
DROPS = (TOO_LONG, NO_BOOK, TOO_SLOW, UNREADABLE)
LINK_DROPS = ("file", "interwiki", "other namespace", "empty", "invalid", "template in the link")


def extract_books(pages: DataFrame, site: Site, settings: BooksSettings) -> DataFrame:
    """Parse the pages that carry wikitext, each within bounds of time and memory.

    Returns:
        The columns of `books`, then `dropped` (why the page is no book, one of DROPS, or null). The reasons in `dropped_links` are those
        of LINK_DROPS.
    """
    columns = pa.schema([*TABLES["books"].columns, ("dropped", pa.string())])

    def parse(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from embedding.wiki.limited import BrokenError, Limited, TooLongError

        def columns_of(wikitext: str) -> dict[str, Any] | None:
            return read_book(wikitext, site, settings.infoboxes, settings.fields.model_dump())

        limited = Limited(columns_of, settings.max_seconds, settings.max_megabytes)
        try:
            for batch in batches:
                rows: list[dict[str, Any]] = []
                for page in batch.to_pylist():
                    wikitext = page.pop("wikitext")
                    row: dict[str, Any] = dict.fromkeys(columns.names) | page
                    rows.append(row)
                    if len(wikitext.encode("utf-8", "replace")) > settings.max_wikitext_bytes:
                        row["dropped"] = TOO_LONG
                        continue
                    try:
                        book = limited(wikitext)
                        row.update({"dropped": NO_BOOK} if book is None else book)
                    except TooLongError:
                        row["dropped"] = TOO_SLOW
                    except BrokenError:
                        row["dropped"] = UNREADABLE
                yield pa.RecordBatch.from_pylist(rows, schema=columns)
        finally:
            limited.close()

    candidates = pages.where(F.col("wikitext").isNotNull()).select(*PAGE_COLUMNS)
    return candidates.mapInArrow(parse, f"{ddl('books')}, dropped string")


def read_book(wikitext: str, site: Site, infoboxes: Sequence[str], fields: Mapping[str, Sequence[str]]) -> dict[str, Any] | None:
    """The columns of a book that its wikitext fills; None when it calls none of the infoboxes."""
    from embedding.wiki.infobox import book_fields
    from embedding.wiki.wikitext import read_article

    article = read_article(wikitext, infoboxes, site)
    if article is None:
        return None
    return asdict(book_fields(article.infobox, fields)) | {
        "infobox": [(name, ", ".join(values)) for name, values in article.infobox.items()],
        "links": [asdict(link) for link in article.links],
        "dropped_links": list(article.dropped.items()),
    }
