"""Pages that hold a book infobox -> books."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from embedding.tables import TABLES, ddl
from embedding.wiki.site import Site

DROPS = ("longer than books.max_wikitext_bytes", "infobox only in a comment or nowiki")
LINK_DROPS = ("file", "interwiki", "other namespace", "empty", "invalid", "template in the link")


def extract_books(
    pages: DataFrame, site: Site, infoboxes: Sequence[str], fields: Mapping[str, Sequence[str]], max_wikitext_bytes: int
) -> DataFrame:
    """Parse the pages that carry wikitext.

    Returns:
        The columns of `books`, then `dropped` (why the page is no book, one of DROPS, or null) and `dropped_links`
        (reason, one of LINK_DROPS: number of mentions).
    """
    columns = pa.schema([*TABLES["books"].columns, ("dropped", pa.string()), ("dropped_links", pa.map_(pa.string(), pa.int32()))])

    def parse(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from embedding.wiki.infobox import book_fields
        from embedding.wiki.wikitext import read_article

        for batch in batches:
            rows: list[dict[str, Any]] = []
            for page in batch.to_pylist():
                wikitext = page.pop("wikitext")
                row: dict[str, Any] = dict.fromkeys(columns.names) | page
                rows.append(row)
                if len(wikitext.encode("utf-8", "replace")) > max_wikitext_bytes:
                    row["dropped"] = DROPS[0]
                    continue
                article = read_article(wikitext, infoboxes, site)
                if article is None:
                    row["dropped"] = DROPS[1]
                    continue
                row.update(vars_of(book_fields(article.infobox, fields)))
                row["infobox"] = [(name, ", ".join(values)) for name, values in article.infobox.items()]
                row["links"] = [dict(zip(("target", "mentions", "place"), astuple(link), strict=True)) for link in article.links]
                row["dropped_links"] = list(article.dropped.items())
            yield pa.RecordBatch.from_pylist(rows, schema=columns)

    candidates = pages.where(F.col("wikitext").isNotNull()).select("page_id", "title", "revision_id", "revision_timestamp", "wikitext")
    return candidates.mapInArrow(parse, f"{ddl('books')}, dropped string, dropped_links map<string,int>")


def vars_of(fields: Any) -> dict[str, Any]:
    """The fields of a dataclass instance by name."""
    return {name: getattr(fields, name) for name in fields.__dataclass_fields__}
