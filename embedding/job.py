"""Running a step: settings in, tables out. What every script in jobs/ shares."""

import argparse
import logging
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedding.errors import BookspaceError, SettingsError
from embedding.manifest import Manifest, Snapshot
from embedding.progress import logged_progress
from embedding.settings import Settings
from embedding.settings_files import load_settings, quoted
from embedding.tables import ddl
from embedding.warehouse import StagedTable, Warehouse, address, write_table

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

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
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    settings: tuple[str, ...]
    run: Callable[["Job"], None]
    reads_before: tuple[str, ...] = ()


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

    def read(self, table: str, of: Snapshot | None = None) -> "DataFrame":
        """A table as a DataFrame, with the contract's columns; `of` another snapshot than this one if it is given."""
        return self.spark.read.schema(ddl(table)).parquet(address(self.warehouse.folder(table, of or self.snapshot)))

    def write(self, table: str, rows: "DataFrame") -> None:
        """Stage a DataFrame that has the contract's columns."""
        rows.write.mode("append").parquet(address(self.staged[table].folder))

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
            self.started.stop()
        if "_scratch" in self.__dict__:
            self._scratch.cleanup()


def run_step(step: Step, settings: Settings, snapshot: Snapshot, session: Session) -> None:
    """Run one step and say what it wrote.

    Raises:
        BookspaceError: the inputs are missing or do not belong together, or the step met something that the user can mend.
    """
    started = time.monotonic()
    warehouse = Warehouse(settings.warehouse)
    kept: dict[str, Any] = {name: value for name, value in settings.model_dump().items() if name in ("seed", *step.settings)}
    inputs = warehouse.inputs(step.reads, snapshot)
    before = warehouse.before(snapshot) if step.reads_before else None
    inputs_before = warehouse.manifests_there(step.reads_before, before) if before else {}
    log.info("%s: started", step.name)
    with (
        logged_progress(step.name, lambda: session.started),
        warehouse.write(step.name, step.writes, snapshot, inputs, kept, inputs_before) as staged,
    ):
        step.run(Job(settings, warehouse, snapshot, inputs, staged, session, before, inputs_before))
    for table in step.writes:
        made = warehouse.manifest(table, snapshot, step.name)
        if made.rows_out or made.rows_in:
            log.info("%s: %s", step.name, describe_counts(made))
    log.info("%s: done in %.1f s", step.name, time.monotonic() - started)


def describe_counts(made: Manifest) -> str:
    """Rows written, rows read and rows dropped by reason, in one line."""
    text = f"{made.table} {made.rows_out:,}"
    if made.rows_in is not None:
        text += f" of {made.rows_in:,}"
    if made.dropped:
        text += "; dropped: " + ", ".join(f"{reason} {count:,}" for reason, count in sorted(made.dropped.items()))
    return text


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """The options that every command takes, also one that only reads."""
    parser.add_argument(
        "--conf", action="append", default=[], metavar="FILE", help="settings file, on top of conf/default.yaml; may be repeated"
    )
    parser.add_argument(
        "--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE", help="override one setting, e.g. train.epochs=3"
    )
    parser.add_argument("--warehouse", metavar="FOLDER", help="folder of all tables (the setting warehouse)")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every step and `bookspace run` take."""
    add_reading_options(parser)
    parser.add_argument("--dump", metavar="PATH", help="dump file, folder or glob (the setting dump)")
    parser.add_argument("--snapshot", metavar="YYYYMMDD", help="date of the dump (the setting snapshot)")


def settings_of(options: argparse.Namespace, *first: str) -> Settings:
    """The settings that the options of `add_options` name; `first` are overrides that they in turn override."""
    direct = [f"{key}={quoted(value)}" for key in ("dump", "warehouse", "snapshot") if (value := getattr(options, key, None)) is not None]
    return load_settings(options.conf, [*first, *options.overrides, *direct])


def snapshot_of(settings: Settings) -> Snapshot:
    """The snapshot that a run is about: as set, or as the dump tells, or the newest in the warehouse.

    Raises:
        SettingsError: none of them does.
    """
    if settings.snapshot:
        return Snapshot(settings.wiki, settings.snapshot)
    if settings.dump:
        from embedding.wiki.files import changed, find_files

        first = find_files(settings.dump)[0]
        date = re.search(r"(?<!\d)[12]\d{3}[01]\d[0-3]\d(?!\d)", Path(first).name)
        when = date[0] if date else changed(first)
        if when is None:
            raise SettingsError(f"{first}: its name holds no date; give --snapshot YYYYMMDD, the day of the dump")
        return Snapshot(settings.wiki, when)
    there = Warehouse(settings.warehouse).snapshots(settings.wiki)
    if not there:
        raise SettingsError(
            f"neither dump nor snapshot is set, and {settings.warehouse} holds no snapshot of {settings.wiki}; give --dump or --snapshot"
        )
    return there[-1]


@contextmanager
def reported(warehouse: str, debug: bool) -> Iterator[None]:
    """Turn errors that a user can mend into one line and exit code 1 (2 for wrong settings)."""
    try:
        yield
    except BookspaceError as error:
        _give_up(error, debug)
    except KeyboardInterrupt:
        print("bookspace: interrupted; no table is half written", file=sys.stderr)
        raise SystemExit(130) from None
    except Exception as error:
        from embedding.spark import one_line

        known = one_line(error, Path(warehouse))
        if known is None:
            raise
        _give_up(known, debug)


def _give_up(error: BookspaceError, debug: bool) -> None:
    if debug:
        raise error
    print(f"bookspace: {' '.join(str(error).split())}", file=sys.stderr)
    raise SystemExit(2 if isinstance(error, SettingsError) else 1)


def start_log() -> None:
    """Log to stderr, a line an event."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    log.setLevel(logging.INFO)


def run_alone(step: Step, arguments: Sequence[str] | None = None) -> None:
    """The main function of a script in jobs/: read the settings and run its one step."""
    parser = argparse.ArgumentParser(prog=f"{step.name}.py", description=f"The step {step.name} of bookspace.")
    add_options(parser)
    options = parser.parse_args(arguments)
    start_log()
    with reported(options.warehouse or "the warehouse", options.debug):
        settings = settings_of(options)
        session = Session(settings)
        try:
            if "SPARK_YARN_STAGING_DIR" in os.environ:
                # This is the driver of YARN's cluster mode, which takes an application for failed that never starts Spark.
                _ = session.spark
            run_steps([step], settings, session)
        finally:
            session.stop()


def run_steps(steps: Sequence[Step], settings: Settings, session: Session | None = None) -> Snapshot:
    """Run steps one after the other in this process, with one Spark session: the given one, or one that is stopped at the end."""
    _probe(Warehouse(settings.warehouse))
    settings = _with_sample(settings)
    snapshot = snapshot_of(settings)
    ours = session or Session(settings)
    log.info("snapshot %s in %s", snapshot, settings.warehouse)
    try:
        for step in steps:
            run_step(step, settings, snapshot, ours)
    finally:
        if session is None:
            ours.stop()
    return snapshot


def _with_sample(settings: Settings) -> Settings:
    """The dump called "sample" is the built-in one; it is written into the warehouse."""
    if settings.dump != "sample":
        return settings
    from embedding.sample.generator import FILE_NAME, write_sample

    file = Path(settings.warehouse) / "_sample" / FILE_NAME
    try:
        write_sample(file)
    except OSError as error:
        raise Warehouse(settings.warehouse).write_error("the sample", error) from None
    return settings.model_copy(update={"dump": str(file)})


def _probe(warehouse: Warehouse) -> None:
    """Find out before any work whether the warehouse can be written at all."""
    try:
        warehouse.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=warehouse.root) as file:
            file.write(b"x" * 4096)
    except OSError as error:
        raise warehouse.write_error("any step", error) from None
