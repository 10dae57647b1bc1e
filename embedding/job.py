"""A step at work: settings in, tables out."""

import logging
import math
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedding.log import facts, logged_with
from embedding.manifest import Manifest, Snapshot
from embedding.progress import logged_progress
from embedding.settings import Settings
from embedding.staging import StagedTable
from embedding.tables import TABLES
from embedding.warehouse import Warehouse, write_table

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyspark.sql import Column, DataFrame, SparkSession

    from embedding.exchange import Exchange

log = logging.getLogger("bookspace")


@dataclass(frozen=True)
class Step:
    """A step of the pipeline.

    Attributes:
        name: of the step and of its script in jobs/.
        reads: tables that must be there and belong together.
        writes: tables that it writes, all or none.
        settings: the sections of the settings that it depends on; its manifests keep them.
        run: does the work.
        reads_before: tables of the snapshot before that it takes into account where they are there: the newest published snapshot of
            the wiki that is older. Its manifests keep which one that was, and the ids of these tables.
        reads_outside: tells, by name, what it reads that is no table, so that a change is noticed; its manifests keep that.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    settings: tuple[str, ...]
    run: Callable[["Job"], None]
    reads_before: tuple[str, ...] = ()
    reads_outside: Callable[[Settings], Mapping[str, Any]] = lambda _: {}


@dataclass
class Job:
    """One step at work on one snapshot.

    Attributes:
        before: the snapshot before, whose tables `reads_before` names; None: there is none (or the step asks for none).
        inputs_before: the manifests of those of these tables that are there.
    """

    settings: Settings
    warehouse: Warehouse
    snapshot: Snapshot
    inputs: Mapping[str, Manifest]
    staged: Mapping[str, StagedTable]
    session: "Session"
    before: Snapshot | None = None
    inputs_before: Mapping[str, Manifest] = field(default_factory=dict)

    @property
    def spark(self) -> "SparkSession":
        """The Spark session, started when it is first asked for."""
        return self.session.spark

    @cached_property
    def exchange(self) -> "Exchange":
        """How rows and files pass between this process and Spark's executors."""
        from embedding.spark import is_local

        if self.warehouse.mirror and not is_local(self.spark):
            from embedding.remote.exchange import ThroughStore

            return ThroughStore(self.spark, self.warehouse, self.warehouse.mirror, self.snapshot)
        from embedding.exchange import SharedDisk

        return SharedDisk(self.spark, self.warehouse)

    def read(self, table: str, columns: Sequence[str] = (), of: Snapshot | None = None) -> "DataFrame":
        """A table as a DataFrame, with the contract's columns, or some of them; `of` another snapshot than this one if it is given."""
        return self.exchange.read(table, of or self.snapshot, columns or TABLES[table].columns.names)

    def write(self, table: str, rows: "DataFrame") -> None:
        """Stage a DataFrame that has the contract's columns, and maybe more."""
        self.exchange.write(table, rows.select(*TABLES[table].columns.names), self.staged[table])

    def write_apart(self, table: str, rows: "DataFrame", keys: Sequence[str], order: Sequence[str], most: int) -> None:
        """Stage it in files of which each holds one value in each of the keys and `most` rows at most, in order when read by name."""
        self.exchange.write_apart(table, rows, self.staged[table], keys, order, most)

    def write_counted(self, table: str, rows: "DataFrame", reasons: Sequence[str], **sums: "Column") -> dict[str, int]:
        """Stage the rows whose column `dropped` is null, and count the others: see embedding.spark.write_counted."""
        from embedding.spark import write_counted

        return write_counted(rows, self.staged[table], partial(self.write, table), reasons, **sums)

    def arrow(self, table: str, columns: Sequence[str], of: Snapshot | None = None) -> "pa.Table":
        """Columns of a table of this snapshot, or `of` another one, in memory."""
        import pyarrow.parquet as pq

        return pq.read_table(self.files(table, of), columns=list(columns), partitioning=None)

    def vectors(self, table: str, key: str, of: Snapshot | None = None) -> "NDArray[np.float32]":
        """The vectors of a table in the order of its key, shape (rows, dimensions)."""
        import numpy as np

        stored = self.arrow(table, [key, "vector"], of).sort_by(key)
        return np.array(stored["vector"].combine_chunks().flatten()).reshape(len(stored), -1)

    def write_metrics(self, figures: Iterable[tuple[str, float, str, int | None]]) -> None:
        """Stage this step's part of the table metrics: name, value, what it was measured on, epoch.

        What could not be measured (nan) is left out.
        """
        kept = [figure for figure in figures if not math.isnan(figure[1])]
        names = ("metric", "value", "measured_on", "epoch")
        write_table("metrics", {name: [figure[i] for figure in kept] for i, name in enumerate(names)}, self.staged["metrics"].folder)

    def files(self, table: str, of: Snapshot | None = None) -> list[Path]:
        """The Parquet files of a table of this snapshot, or `of` another one."""
        return self.warehouse.files(table, of or self.snapshot)


class Session:
    """The Spark session that the steps of one process share; started late, so that steps without Spark need no Java."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def spark(self) -> "SparkSession":
        """The session."""
        from embedding.spark import start_session

        return start_session(self._settings.spark, "bookspace", Path(self._scratch.name))

    @cached_property
    def _scratch(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="bookspace-")

    @property
    def started(self) -> "SparkSession | None":
        """The session if it was started."""
        return self.__dict__.get("spark")

    def stop(self) -> None:
        """Stop Spark if it was started."""
        if self.started:
            from embedding.spark import stop_session

            stop_session(self.started)
        if "_scratch" in self.__dict__:
            self._scratch.cleanup()


def kept_settings(step: Step, settings: Settings) -> dict[str, Any]:
    """What the manifests of a step's tables keep: the settings that it depends on, and what it reads that is no table."""
    kept = {name: value for name, value in settings.model_dump().items() if name in ("seed", *step.settings)}
    return kept | dict(step.reads_outside(settings))


def run_step(step: Step, settings: Settings, snapshot: Snapshot, session: Session, why: str = "it was asked for") -> None:
    """Run one step and say what it wrote.

    Args:
        step: the step.
        settings: of the run.
        snapshot: what it works on.
        session: Spark's, for a step that asks for it.
        why: it runs, for the log.

    Raises:
        BookspaceError: the inputs are missing or do not belong together, or the step met something that the user can mend.
    """
    started = time.monotonic()
    warehouse = Warehouse(settings.warehouse, settings.warehouse_cache)
    kept = kept_settings(step, settings)
    inputs = warehouse.inputs(step.reads, snapshot)
    before = warehouse.publication.before(snapshot) if step.reads_before else None
    inputs_before = warehouse.manifests_there(step.reads_before, before) if before else {}
    with (
        logged_with(step=step.name),
        logged_progress(step.name, lambda: session.started),
    ):
        log.info("%s: started", step.name, extra=facts(event="started", why=why))
        with warehouse.write(step.name, step.writes, snapshot, inputs, kept, inputs_before) as staged:
            step.run(Job(settings, warehouse, snapshot, inputs, staged, session, before, inputs_before))
        for table in step.writes:
            made = warehouse.manifest(table, snapshot, step.name)
            if made.rows_out or made.rows_in:
                counts = facts(event="table", table=table, rows=made.rows_out, rows_in=made.rows_in, dropped=made.dropped)
                log.info("%s: %s", step.name, describe_counts(made), extra=counts)
        seconds = time.monotonic() - started
        log.info("%s: done in %.1f s", step.name, seconds, extra=facts(event="done", seconds=round(seconds, 3)))


def describe_counts(made: Manifest) -> str:
    """Rows written, rows read and rows dropped by reason, in one line."""
    text = f"{made.table} {made.rows_out:,}"
    if made.rows_in is not None:
        text += f" of {made.rows_in:,}"
    if made.dropped:
        text += "; dropped: " + ", ".join(f"{reason} {count:,}" for reason, count in sorted(made.dropped.items()))
    return text
