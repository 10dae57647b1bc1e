"""How rows and files pass between the driver and Spark's executors: by a disk that all of them see, unless `remote/exchange.py` does it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pyspark.sql import DataFrame, SparkSession

from embedding.manifest import Snapshot
from embedding.spark import write_apart
from embedding.staging import StagedTable
from embedding.tables import ddl
from embedding.task_files import FolderFiles, TaskFiles
from embedding.warehouse import Warehouse, address


class Lent(Protocol):
    """Files of a folder of the driver, for executors. Travels to them; equal ones are of the same files."""

    def place(self) -> Path:
        """The folder on an executor that holds them."""
        ...


@dataclass(frozen=True)
class LentFolder:
    """A folder that the driver and all executors see: a Lent."""

    folder: Path

    def place(self) -> Path:
        """See Lent."""
        return self.folder


class Exchange(Protocol):
    """What a step needs of the executors."""

    def read(self, table: str, snapshot: Snapshot, columns: Sequence[str]) -> DataFrame:
        """Columns of a table as a DataFrame."""
        ...

    def write(self, table: str, rows: DataFrame, staged: StagedTable) -> None:
        """Stage a DataFrame that has the contract's columns."""
        ...

    def write_apart(self, table: str, rows: DataFrame, staged: StagedTable, keys: Sequence[str], order: Sequence[str], most: int) -> None:
        """Stage it in files of which each holds one value in each of the keys and `most` rows at most, in order when read by name."""
        ...

    def files(self, table: str, staged: StagedTable) -> TaskFiles:
        """Where tasks leave files of a table that they write themselves."""
        ...

    def lend(self, table: str, folder: Path, names: Sequence[str]) -> Lent:
        """Let executors read files of a folder of the driver, of which a table (or a folder beside the tables) is made."""
        ...


class SharedDisk:
    """Executors on this machine, or on others that have the warehouse mounted: an Exchange."""

    def __init__(self, spark: SparkSession, warehouse: Warehouse) -> None:
        self._spark, self._warehouse = spark, warehouse

    def read(self, table: str, snapshot: Snapshot, columns: Sequence[str]) -> DataFrame:
        """See Exchange."""
        folder = self._warehouse.folder(table, snapshot)
        self._warehouse.fetch([folder], snapshot)
        return self._spark.read.schema(ddl(table)).parquet(address(folder)).select(*columns)

    def write(self, table: str, rows: DataFrame, staged: StagedTable) -> None:
        """See Exchange."""
        rows.write.mode("append").parquet(address(staged.folder))

    def write_apart(self, table: str, rows: DataFrame, staged: StagedTable, keys: Sequence[str], order: Sequence[str], most: int) -> None:
        """See Exchange."""
        write_apart(rows, keys, order, staged.folder, most)

    def files(self, table: str, staged: StagedTable) -> TaskFiles:
        """See Exchange."""
        return FolderFiles(staged.attempts)

    def lend(self, table: str, folder: Path, names: Sequence[str]) -> Lent:
        """See Exchange."""
        return LentFolder(folder)
