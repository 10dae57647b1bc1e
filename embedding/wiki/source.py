"""The Spark data source `wikidump`: a dump file as rows, a byte range a task, in Arrow batches.

    spark.dataSource.register(WikiDumpSource)
    spark.read.format("wikidump").option("infoboxes", '["Infobox book"]').load("enwiki-20260101-pages-articles-multistream.xml.bz2")

Every page of the dump is a row, whatever its namespace, so that whoever reads can count what is dropped. This is the only file of
embedding.wiki that imports pyspark.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.types import StructType

from embedding.errors import DumpError
from embedding.wiki import dump
from embedding.wiki.pages import Page, infobox_pattern, parse_page, split_pages
from embedding.wiki.site import Site

ROWS_PER_BATCH = 1 << 14
BYTES_PER_BATCH = 1 << 25
DDL = (
    "page_id long, namespace int, title string, redirect_target string, redirect_namespace int, "
    "revision_id long, revision_timestamp timestamp, wikitext string, file string, unreadable string"
)
ARROW = pa.schema(
    [
        ("page_id", pa.int64()),
        ("namespace", pa.int32()),
        ("title", pa.string()),
        ("redirect_target", pa.string()),
        ("redirect_namespace", pa.int32()),
        ("revision_id", pa.int64()),
        ("revision_timestamp", pa.timestamp("us", "UTC")),
        ("wikitext", pa.string()),
        ("file", pa.string()),
        ("unreadable", pa.string()),
    ]
)


class WikiDumpSource(DataSource):
    """Options: `path` (file, folder or glob), `infoboxes` and `aliases` (JSON: names, namespace number to names), `partitionBytes`.

    A row of a page that cannot be read has its reason in `unreadable` and nothing else but the file.
    """

    @classmethod
    def name(cls) -> str:
        """The name for `spark.read.format`."""
        return "wikidump"

    def schema(self) -> str:
        """The columns, as DDL."""
        return DDL

    def reader(self, schema: StructType) -> "WikiDumpReader":
        """A reader of the dump that the options name."""
        path = self.options.get("path")
        if not path:
            raise DumpError("the data source wikidump needs a path: spark.read.format('wikidump').load(path)")
        aliases = {int(number): names for number, names in json.loads(self.options.get("aliases", "{}")).items()}
        files = dump.find_files(path)
        site = Site.from_header(dump.read_header(files[0]), files[0], aliases)
        return WikiDumpReader(
            files, site, json.loads(self.options.get("infoboxes", "[]")), int(self.options.get("partitionBytes", str(32 << 20)))
        )


class _Range(InputPartition):
    def __init__(self, span: dump.ByteRange) -> None:
        super().__init__(span)


class WikiDumpReader(DataSourceReader):
    """Plans the byte ranges on the driver and reads one in each task."""

    def __init__(self, files: list[str], site: Site, infoboxes: list[str], partition_bytes: int) -> None:
        self._files, self._site, self._infoboxes, self._partition_bytes = files, site, infoboxes, partition_bytes

    def partitions(self) -> list[InputPartition]:
        """One partition a byte range."""
        return [
            _Range(span)
            for path in self._files
            for span in dump.plan_ranges(path, dump.kind_of(path), Path(path).stat().st_size, self._partition_bytes)
        ]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The pages that start in one byte range, in Arrow batches."""
        span: dump.ByteRange = partition.value
        infobox = infobox_pattern(self._infoboxes, self._site.template_prefixes())
        rows: list[tuple[Any, ...]] = []
        size = 0
        for raw in split_pages(dump.decode(span), span.path):
            page = parse_page(raw, infobox)
            rows.append(self._row(page, span.path))
            size += len(page.wikitext) if page and page.wikitext else 0
            if len(rows) >= ROWS_PER_BATCH or size >= BYTES_PER_BATCH:
                yield _batch(rows)
                rows, size = [], 0
        if rows:
            yield _batch(rows)

    def _row(self, page: Page | None, path: str) -> tuple[Any, ...]:
        if page is None:
            return (None, None, None, None, None, None, None, None, path, "no title, namespace or id")
        target, namespace = page.redirect, None
        if target is not None:
            title = self._site.parse(target)
            # A redirect out of the wiki keeps its text and has no namespace: it leads to no page of ours.
            target, namespace = (target, None) if isinstance(title, str) else (title.text, title.namespace)
        return (
            page.page_id, page.namespace, page.title, target, namespace,
            page.revision_id, page.revision_timestamp, page.wikitext, path, None,
        )  # fmt: skip


def _batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    return pa.RecordBatch.from_arrays([pa.array(column, field.type) for column, field in zip(columns, ARROW, strict=True)], schema=ARROW)
