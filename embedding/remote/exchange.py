"""How rows and files pass between the driver and executors of other machines where the warehouse is an object store.

Executors read a table's objects themselves. What they write goes into the store too, as files that are no part of any table yet; the driver
fetches those of the attempts that Spark counts into its local copy, where the table is checked and committed as every other is. So no
machine needs a disk of another, and Java needs no driver for the store.
"""

import uuid
from collections.abc import Sequence
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from embedding.exchange import Lent
from embedding.manifest import Snapshot
from embedding.remote.mirror import Mirror
from embedding.remote.table_objects import WRITTEN, ObjectReader, TableWriter
from embedding.remote.task_files import LentObjects, StoreFiles
from embedding.staging import StagedTable
from embedding.tables import ddl
from embedding.task_files import TaskFiles
from embedding.warehouse import Warehouse


class ThroughStore:
    """Executors on machines that have nothing in common but the network and the store: an embedding.exchange.Exchange."""

    def __init__(self, spark: SparkSession, warehouse: Warehouse, mirror: Mirror, snapshot: Snapshot) -> None:
        self._spark, self._warehouse, self._mirror, self._snapshot = spark, warehouse, mirror, snapshot
        self._lent: dict[Path, str] = {}
        self._sent: set[tuple[Path, str]] = set()

    def read(self, table: str, snapshot: Snapshot, columns: Sequence[str]) -> DataFrame:
        """See Exchange. A task an object."""
        stored = self._mirror.stored(snapshot, self._warehouse.folder(table, snapshot))
        reader = ObjectReader(self._mirror.objects, table, tuple(columns), tuple(stored))
        return self._spark.range(0, len(stored), 1, len(stored)).mapInArrow(reader, ddl(table, columns))

    def write(self, table: str, rows: DataFrame, staged: StagedTable) -> None:
        """See Exchange."""
        self._write(table, rows, staged, (), None)

    def write_apart(self, table: str, rows: DataFrame, staged: StagedTable, keys: Sequence[str], order: Sequence[str], most: int) -> None:
        """See Exchange."""
        self._write(table, rows.orderBy(*keys, *order), staged, keys, most)

    def _write(self, table: str, rows: DataFrame, staged: StagedTable, keys: Sequence[str], most: int | None) -> None:
        files = self.files(table, staged)
        writer = TableWriter(files, table, tuple(keys), most)
        # The results of all tasks in the order of their partitions, each of the attempt that counts.
        named = rows.mapInArrow(writer, WRITTEN).collect()
        files.take({row["file"]: staged.folder / f"{row['apart']}part-{number:05}.parquet" for number, row in enumerate(named)})

    def files(self, table: str, staged: StagedTable) -> TaskFiles:
        """See Exchange."""
        return StoreFiles(self._mirror.objects, self._prefix(table))

    def _prefix(self, table: str) -> str:
        """A new one, below the table, where `state.unnamed` finds what no table has taken."""
        return f"{self._mirror.path(self._warehouse.folder(table, self._snapshot))}/_attempts-{uuid.uuid4().hex}"

    def lend(self, table: str, folder: Path, names: Sequence[str]) -> Lent:
        """See Exchange. Each executor fetches a file once."""
        prefix = self._lent.setdefault(folder, self._prefix(table))
        new = [name for name in names if (folder, name) not in self._sent]
        self._mirror.objects.upload({f"{prefix}/{name}": folder / name for name in new})
        self._sent |= {(folder, name) for name in new}
        return LentObjects(self._mirror.objects, prefix, tuple(names))
