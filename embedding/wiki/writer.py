"""One byte range of a dump as a Parquet file of the table pages."""

import uuid
from dataclasses import dataclass

import pyarrow.parquet as pq

from embedding.task_files import TaskFiles, row_groups
from embedding.wiki.accounts import RangeReport
from embedding.wiki.dump import ByteRange
from embedding.wiki.reader import COLUMNS, RangeReader

FEW_VALUES = ["namespace", "redirect_namespace"]  # a dictionary of the values of any other column is about as long as the column


@dataclass(frozen=True)
class RangeFile:
    """What a task gives back: its report, and the name of the file with the rows that it kept; None when it kept none."""

    report: RangeReport
    file: str | None


def write_range(reader: RangeReader, span: ByteRange, files: TaskFiles) -> RangeFile:
    """Write the pages that begin in a range into a file, whose name no other attempt at the same range takes.

    Raises:
        DumpError: the range cannot be read, or more is damaged than allowed.
        WarehouseError: the file cannot be written.
    """
    report = RangeReport(span.path, span.start, span.end)
    name, writer = f"{uuid.uuid4().hex}.parquet", None
    with files.new(name) as file:
        for group in row_groups(reader.read(span, report)):
            writer = writer or pq.ParquetWriter(file, COLUMNS, compression="zstd", use_dictionary=FEW_VALUES)
            writer.write_table(group)
        if writer:
            writer.close()
    return RangeFile(report, name if writer else None)
