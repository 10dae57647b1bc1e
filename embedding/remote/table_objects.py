"""Tables that Spark's tasks read from the objects of a store, and write into files that go there."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from embedding.errors import WarehouseError
from embedding.remote.objects import ObjectFile, Objects
from embedding.remote.state import Stored
from embedding.tables import TABLES
from embedding.task_files import TaskFiles, row_groups, write_file

WRITTEN = "apart string, file string"  # what a task tells of a file: the values of its keys, as they stand in its name, and its name
ROWS_PER_BATCH = 2000  # a page of text is big


@dataclass(frozen=True)
class ObjectReader:
    """Reads objects by their place in a list: a function for `mapInArrow` on the rows of `spark.range`."""

    objects: Objects
    table: str
    columns: tuple[str, ...]
    stored: tuple[Stored, ...]

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows of the objects."""
        for batch in batches:
            for number in batch["id"].to_pylist():
                yield from self._read(self.stored[number])

    def _read(self, one: Stored) -> Iterator[pa.RecordBatch]:
        try:
            file = pq.ParquetFile(ObjectFile(self.objects, one.key, one.bytes), pre_buffer=True)
            there = set(file.schema_arrow.names)
            for batch in file.iter_batches(ROWS_PER_BATCH, columns=[name for name in self.columns if name in there]):
                # A table of an older version may lack a column that was added since; Spark knows columns by their place.
                columns = {
                    name: batch[name] if name in there else pa.nulls(len(batch), TABLES[self.table].columns.field(name).type)
                    for name in self.columns
                }
                yield pa.RecordBatch.from_pydict(columns)
        except FileNotFoundError:
            raise WarehouseError(
                f"{self.objects.address}: a file of table {self.table} was replaced or pruned while it was read ({one.key}); "
                "run the same again"
            ) from None


@dataclass(frozen=True)
class TableWriter:
    """Writes the rows of a partition into files of a table: a function for `mapInArrow` that yields WRITTEN.

    Attributes:
        files: where they go.
        table: whose columns the rows have.
        keys: columns that are not mixed within a file; rows come sorted by them.
        most: rows a file; None: all rows of a partition are one file.
    """

    files: TaskFiles
    table: str
    keys: tuple[str, ...] = ()
    most: int | None = None

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """What was written, in the order of the rows."""
        contract = TABLES[self.table].columns
        typed = (
            pa.RecordBatch.from_arrays([batch[field.name].cast(field.type) for field in contract], schema=contract) for batch in batches
        )
        if self.most is None:
            if name := write_file(self.files, row_groups(typed)):
                yield _told("", name)
            return
        for table in stretches(typed, self.keys, self.most):
            if name := write_file(self.files, [table]):
                yield _told("".join(f"{table[key][0].as_py()}-" for key in self.keys), name)


def _told(apart: str, name: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"apart": [apart], "file": [name]})


def stretches(batches: Iterable[pa.RecordBatch], keys: Sequence[str], most: int) -> Iterator[pa.Table]:
    """Batches that are sorted by the keys, as tables that hold one value in each of them and `most` rows at most."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for part in (part for batch in batches for part in _alike(batch, keys)):
        while part.num_rows:
            if held and (rows == most or any(part[key][0] != held[0][key][0] for key in keys)):
                yield pa.Table.from_batches(held)
                held, rows = [], 0
            held.append(part.slice(0, most - rows))
            rows += held[-1].num_rows
            part = part.slice(held[-1].num_rows)
    if held:
        yield pa.Table.from_batches(held)


def _alike(batch: pa.RecordBatch, keys: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """A batch cut where the value of a key changes."""
    changes = [pc.not_equal(batch[key].slice(1), batch[key].slice(0, len(batch) - 1)).to_numpy(zero_copy_only=False) for key in keys]
    cuts = [0, *(np.flatnonzero(np.any(changes, axis=0)) + 1).tolist(), len(batch)] if changes and len(batch) else [0, len(batch)]
    yield from (batch.slice(start, end - start) for start, end in pairwise(cuts))
