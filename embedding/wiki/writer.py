"""One byte range of a dump as a Parquet file of the table pages."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from embedding.errors import WarehouseError
from embedding.wiki.accounts import RangeReport
from embedding.wiki.dump import ByteRange
from embedding.wiki.reader import COLUMNS, RangeReader

GROUP_BYTES = 1 << 25  # of columns in memory that become a row group; what a task holds beside its decoder
FEW_VALUES = ["namespace", "redirect_namespace"]  # a dictionary of the values of any other column is about as long as the column


@dataclass(frozen=True)
class RangeFile:
    """What a task gives back: its report, and the file with the rows that it kept; None when it kept none."""

    report: RangeReport
    file: Path | None


def write_range(reader: RangeReader, span: ByteRange, folder: Path) -> RangeFile:
    """Write the pages that begin in a range into a file of the folder, whose name no other attempt at the same range takes.

    Raises:
        DumpError: the range cannot be read, or more is damaged than allowed.
        WarehouseError: the folder cannot be written.
    """
    report = RangeReport(span.path, span.start, span.end)
    file = folder / f"{uuid.uuid4().hex}.parquet"
    writer = None
    for group in _groups(reader.read(span, report)):
        with _told_as_ours(folder):
            writer = writer or pq.ParquetWriter(file, COLUMNS, compression="zstd", use_dictionary=FEW_VALUES)
            writer.write_table(group)
    if writer:
        with _told_as_ours(folder):
            writer.close()
    return RangeFile(report, file if writer else None)


def _groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The batches as tables of GROUP_BYTES and a batch at most."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(part.nbytes for part in held) >= GROUP_BYTES:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


@contextmanager
def _told_as_ours(folder: Path) -> Iterator[None]:
    """What the disk says, in one line."""
    try:
        yield
    except OSError as error:
        raise WarehouseError(
            f"{folder}: a task cannot write there: {' '.join(str(error).split())}; free space, mend its permissions, "
            "or give another --warehouse, a folder that the driver and all executors see"
        ) from error
