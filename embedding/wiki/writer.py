"""One byte range of a dump as a Parquet file of the table pages."""

from dataclasses import dataclass

from embedding.task_files import TaskFiles, row_groups, write_file
from embedding.wiki.accounts import RangeReport
from embedding.wiki.dump import ByteRange
from embedding.wiki.reader import RangeReader

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
    name = write_file(files, row_groups(reader.read(span, report)), use_dictionary=FEW_VALUES)
    return RangeFile(report, name)
