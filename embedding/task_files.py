"""Files that Spark's tasks write, of which the driver takes those of the attempts that count."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from embedding.errors import WarehouseError

GROUP_BYTES = 1 << 25  # of columns in memory that become a row group; what a task holds beside its own work


class TaskFiles(Protocol):
    """Where tasks leave files. Travels to executors."""

    def new(self, name: str) -> AbstractContextManager[Path]:
        """On an executor: where a file is to be written, whose name no other attempt takes; it is left when the block ends.

        Raises:
            WarehouseError: it cannot be written.
        """
        ...

    def take(self, files: Mapping[str, Path]) -> None:
        """On the driver: move files, by the names that tasks gave them, to where they belong."""
        ...


@dataclass(frozen=True)
class FolderFiles:
    """In a folder that the driver and all executors see."""

    folder: Path

    @contextmanager
    def new(self, name: str) -> Iterator[Path]:
        """See TaskFiles."""
        try:
            yield self.folder / name
        except OSError as error:
            raise WarehouseError(
                f"{self.folder}: a task cannot write there: {' '.join(str(error).split())}; free space, mend its permissions, "
                "or give another --warehouse, a folder that the driver and all executors see, or an object store"
            ) from error

    def take(self, files: Mapping[str, Path]) -> None:
        """See TaskFiles."""
        for name, target in files.items():
            (self.folder / name).rename(target)


def write_file(files: TaskFiles, groups: Iterable[pa.Table], **options: Any) -> str | None:
    """Write tables as the row groups of one Parquet file.

    Args:
        files: where it is left.
        groups: of one schema.
        options: of pyarrow.parquet.ParquetWriter.

    Returns:
        Its name, which no other attempt takes; None, and no file, where there is no table.

    Raises:
        WarehouseError: it cannot be written.
    """
    name, writer = f"{uuid.uuid4().hex}.parquet", None
    with files.new(name) as file:
        for group in groups:
            writer = writer or pq.ParquetWriter(file, group.schema, compression="zstd", **options)
            writer.write_table(group)
        if writer:
            writer.close()
    return name if writer else None


def row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The batches as tables of GROUP_BYTES and a batch at most."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(part.nbytes for part in held) >= GROUP_BYTES:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)
