"""A dump as a Spark DataFrame: a byte range a task, in Arrow batches. The only file of embedding.wiki that imports pyspark."""

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from embedding.wiki.accounts import RangeReport
from embedding.wiki.dump import ByteRange, check_end, kind_of, plan_ranges
from embedding.wiki.files import size_of
from embedding.wiki.reader import COLUMNS, RangeReader

REPORT = pa.field("report", pa.string())
DDL = (
    "page_id long, namespace int, title string, redirect_target string, redirect_namespace int, "
    "revision_id long, revision_timestamp timestamp, wikitext string, report string"
)


def plan(files: Iterable[str], partition_bytes: int) -> list[ByteRange]:
    """The byte ranges of all files, a task each.

    Raises:
        DumpError: a file is no dump, or is cut off.
    """
    spans = []
    for path in files:
        kind = kind_of(path)
        check_end(path, kind)
        spans += plan_ranges(path, kind, size_of(path), partition_bytes)
    return spans


def read_pages(spark: SparkSession, spans: Sequence[ByteRange], reader: RangeReader) -> DataFrame:
    """The pages that begin in the ranges: the columns of `DDL`.

    Each range gives, behind its pages, one row that is null but for `report`: its RangeReport as JSON.
    """

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch["id"].to_pylist():
                yield from _with_report(spans[number], reader)

    return spark.range(0, len(spans), 1, len(spans)).mapInArrow(read, DDL)


def _with_report(span: ByteRange, reader: RangeReader) -> Iterator[pa.RecordBatch]:
    report = RangeReport(span.path, span.start, span.end)
    schema = COLUMNS.append(REPORT)
    for batch in reader.read(span, report):
        yield pa.RecordBatch.from_arrays([*batch.columns, pa.nulls(len(batch), REPORT.type)], schema=schema)
    yield pa.RecordBatch.from_arrays([*(pa.nulls(1, field.type) for field in COLUMNS), pa.array([report.to_json()])], schema=schema)
