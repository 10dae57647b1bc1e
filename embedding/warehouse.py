"""The warehouse: which tables there are, where they lie, and how they are written and read.

A table of a snapshot is the folder `<warehouse>/<table>/wiki=<dbname>/snapshot=<YYYYMMDD>/` of Parquet files and one `_manifest.json`
(readers pass over names that begin with `_`). All tables that a step writes are staged first and then moved in together, each with its
manifest (`staging.py`); a step that fails leaves what was there before. Which snapshots readers see is `publication.py`'s to say. A
warehouse in an object store is worked on in a local copy (`remote/mirror.py`).
"""

import errno
import json
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from embedding.errors import WarehouseError, write_error
from embedding.lock import is_locked, locked
from embedding.manifest import MANIFEST, Manifest, Snapshot, now, versions
from embedding.publication import Publication
from embedding.remote.lease import leased, seconds_left
from embedding.remote.mirror import Mirror
from embedding.seal import seal
from embedding.staging import StagedTable, Staging
from embedding.tables import BY_STEP, FOLDERS, TABLES

_PATTERN = set("*?[]{}\\#")
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EFBIG, errno.EIO}


class Warehouse:
    """The tables of all wikis and snapshots under one folder or address; tables on their way in, and which snapshots are in view.

    Attributes:
        name: the folder or the address, for messages.
        root: the folder; of an address, that of its local copy, in which manifests and marks are as they were in the store when the
            warehouse was opened, and files as far as they were fetched.
        mirror: keeps that copy; None: the warehouse is a folder.
    """

    def __init__(self, root: str | Path, cache: str | None = None) -> None:
        self.mirror = Mirror(str(root), cache) if "://" in str(root) else None
        self.root = self.mirror.root if self.mirror else Path(root)
        self.name = self.mirror.address if self.mirror else str(self.root)
        if strange := " ".join(sorted(_PATTERN & set(str(self.root.absolute())))):
            raise WarehouseError(f"{self.root.absolute()}: the warehouse's path must not hold {strange}, which Spark takes for a pattern")
        self.staging, self.publication = Staging(self.root), Publication(self.root, self.mirror)
        if self.mirror:
            self.mirror.pull()
        else:
            self.staging.roll_forward()

    def _settle(self) -> None:
        """Let no commit of this machine be half done; in the copy of a store a dead writer's is not ended: the store says what is there."""
        if self.mirror:
            self.mirror.at_rest(lambda: None)
        else:
            self.staging.roll_forward()

    def folder(self, table: str, snapshot: Snapshot, step: str = "") -> Path:
        """Where a table of a snapshot lies; of a table to which several steps write, the part of one."""
        folder = self._whole(table, snapshot)
        return folder / f"step={step}" if table in BY_STEP else folder

    def _whole(self, table: str, snapshot: Snapshot) -> Path:
        return self.root / table / f"wiki={snapshot.wiki}" / f"snapshot={snapshot.date}"

    def files(self, table: str, snapshot: Snapshot) -> list[Path]:
        """The Parquet files of a table ("metrics/evaluate": of what that step wrote), sorted by name.

        Raises:
            WarehouseError: the table is not there.
        """
        part = _split(table, snapshot)
        self.manifest(*part)
        self.fetch([self.folder(*part)], snapshot)
        return sorted(self.folder(*part).glob("*.parquet"))

    def fetch(self, folders: Iterable[Path], snapshot: Snapshot) -> None:
        """Let the files of tables be on this machine; nothing is to be done where the warehouse is a folder."""
        if self.mirror:
            self.mirror.fetch(snapshot, folders)

    def checkpoints(self, snapshot: Snapshot) -> Path:
        """The folder in which trainings in progress are kept, until the step has ended in an object store too."""
        folder = self.root / "_checkpoints" / f"wiki={snapshot.wiki}" / f"snapshot={snapshot.date}"
        if self.mirror:
            self.mirror.follow_checkpoints(folder)
        return folder

    def lock(self, snapshot: Snapshot) -> Path:
        """The file by whose lock one run at a time works on a snapshot."""
        return self.root / "_locks" / f"wiki={snapshot.wiki}" / f"snapshot={snapshot.date}.lock"

    @contextmanager
    def locked(self, snapshot: Snapshot, wait: bool = False) -> Iterator[None]:
        """Work on a snapshot alone while the block runs; `wait` for whoever does, instead of giving up.

        Raises:
            BusyError: another run is at work on it.
            WarehouseError: the warehouse cannot be written.
        """
        away = leased(self.mirror.objects, snapshot, wait) if self.mirror else nullcontext()
        with locked(self.lock(snapshot), f"{self.name}: snapshot {snapshot}", wait), away:
            if self.mirror:
                self.mirror.pull()  # who was waited for has written
            yield

    def is_locked(self, snapshot: Snapshot) -> bool:
        """Is a run at work on a snapshot?"""
        return is_locked(self.lock(snapshot)) or (self.mirror is not None and seconds_left(self.mirror.objects, snapshot) > 0)

    def parts(self, snapshot: Snapshot) -> list[tuple[str, str]]:
        """Every table and folder of a snapshot that is there, with the step that wrote it where several write to one (else "")."""
        steps = {table: sorted(self.folder(table, snapshot, "*").parent.glob("step=*")) for table in BY_STEP}
        names = [(table, "") for table in (*TABLES, *FOLDERS) if table not in BY_STEP]
        names += [(table, folder.name.removeprefix("step=")) for table, folders in steps.items() for folder in folders]
        return [(table, step) for table, step in names if self.has(table, snapshot, step)]

    def snapshots(self, wiki: str | None = None) -> list[Snapshot]:
        """Every snapshot of which any table is there, oldest first."""
        found = {
            Snapshot(path.parent.name.removeprefix("wiki="), path.name.removeprefix("snapshot="))
            for table in (*TABLES, *FOLDERS)
            for path in self.root.glob(f"{table}/wiki={wiki or '*'}/snapshot=*")
        }
        return sorted(found)

    def has(self, table: str, snapshot: Snapshot, step: str = "") -> bool:
        """Is the table there?"""
        return (self.folder(table, snapshot, step) / MANIFEST).is_file()

    def manifest(self, table: str, snapshot: Snapshot, step: str = "") -> Manifest:
        """The manifest of a table.

        Raises:
            WarehouseError: the table is not there.
        """
        path = self.folder(table, snapshot, step) / MANIFEST
        writer = step or (TABLES[table].step if table in TABLES else FOLDERS[table])
        try:
            return Manifest(**json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            raise WarehouseError(f"{self.name}: holds no table {table} of {snapshot}; run {writer} first") from None
        except (ValueError, TypeError) as error:
            raise WarehouseError(f"{path}: is damaged ({error}); run {writer} again") from None

    def inputs(self, tables: Iterable[str], snapshot: Snapshot) -> dict[str, Manifest]:
        """The manifests of the tables that a step reads, after making sure that they belong together.

        Of metrics, "metrics/evaluate" names what the step evaluate wrote.

        Raises:
            WarehouseError: one is missing, or was made from tables that have been written anew since.
        """
        lineage = self.lineage(wanted := list(tables), snapshot)
        return {table: lineage[table] for table in wanted}

    def lineage(self, tables: Iterable[str], snapshot: Snapshot) -> dict[str, Manifest]:
        """The manifests of tables and of all that they were made from, after making sure that they belong together.

        Raises:
            WarehouseError: as `inputs` does.
        """
        self._settle()
        current = {table: self.manifest(*_split(table, snapshot)) for table in tables}
        waiting = list(current.values())
        while waiting:
            made = waiting.pop()
            for table, used in made.inputs.items():
                if table not in current:
                    current[table] = self.manifest(*_split(table, snapshot))
                    waiting.append(current[table])
                if current[table].id != used:
                    raise WarehouseError(
                        f"{self.name}: table {made.table} of {snapshot} was made from another {table} than the one that is there now "
                        f"(written {current[table].created}); run {made.step} again"
                    )
        runs = {made.step: made for made in current.values()}
        for made in current.values():
            if made.run != runs[made.step].run:
                raise WarehouseError(
                    f"{self.name}: tables {made.table} and {runs[made.step].table} of {snapshot} come from two runs of {made.step}; "
                    "run it again"
                )
        return current

    def manifests_there(self, tables: Iterable[str], snapshot: Snapshot) -> dict[str, Manifest]:
        """The manifests of those of the tables ("metrics/evaluate": of what that step wrote) that are there."""
        return {table: self.manifest(*_split(table, snapshot)) for table in tables if self.has(*_split(table, snapshot))}

    @contextmanager
    def write(
        self,
        step: str,
        tables: Sequence[str],
        snapshot: Snapshot,
        inputs: Mapping[str, Manifest],
        settings: Mapping[str, Any],
        inputs_before: Mapping[str, Manifest] | None = None,
    ) -> Iterator[dict[str, StagedTable]]:
        """Stage tables; they appear, each whole and with its manifest, when the block ends without an error.

        Args:
            step: the step that writes them.
            tables: names.
            snapshot: of which they are.
            inputs: manifests of the tables that they are made from.
            settings: what they depend on.
            inputs_before: manifests of tables of the snapshot before that they are made from too.

        Raises:
            WarehouseError: the warehouse cannot be written, or a staged table is not what the contract says.
        """
        run, started = uuid.uuid4().hex, time.monotonic()
        made_from = self.mirror.state(snapshot) if self.mirror else None
        try:
            self._settle()
            with self.staging.folder(step=step, wiki=snapshot.wiki, snapshot=snapshot.date) as staging:
                for table in tables:
                    (staging / table).mkdir()
                yield (staged := {table: StagedTable(staging / table) for table in tables})
                base = Manifest(
                    id="",
                    run=run,
                    table="",
                    step=step,
                    wiki=snapshot.wiki,
                    snapshot=snapshot.date,
                    created=now(),
                    rows_in=None,
                    rows_out=0,
                    dropped={},
                    inputs={name: made.id for name, made in inputs.items()},
                    settings=dict(settings),
                    versions=versions(),
                    seconds=round(time.monotonic() - started, 3),
                    before=next((made.snapshot for made in (inputs_before or {}).values()), None),
                    inputs_before={name: made.id for name, made in (inputs_before or {}).items()},
                )
                for table, part in staged.items():
                    seal(base, table, part)
                if tables:
                    # What was published must not be seen once it is replaced by what no gate has seen.
                    mark = self.publication.mark(snapshot)
                    named = {f"{table}/{step}" if table in BY_STEP else table for table in tables}
                    away = [self.publication.file(snapshot)] if mark and named & mark.tables.keys() else []
                    moves = {table: self.folder(table, snapshot, step) for table in tables}
                    if self.mirror and made_from:
                        state = self.mirror.commit(snapshot, made_from, staging, moves, away, run)
                        with self.mirror.showing(snapshot, state):
                            self.staging.commit(staging, moves, away)
                    else:
                        self.staging.commit(staging, moves, away)
        except OSError as error:
            elsewhere = isinstance(error.filename, str) and not Path(error.filename).is_relative_to(self.root)
            if error.errno not in _UNWRITABLE or elsewhere:
                raise
            raise self.write_error(step, error) from error
        finally:
            if self.mirror:
                self.mirror.stop_following()

    def publish(self, snapshot: Snapshot, tables: Mapping[str, Manifest], gates: Sequence[Mapping[str, Any]] = ()) -> None:
        """Let the `..._latest` views show a snapshot that was made of these tables, and keep what its gates measured."""
        self.publication.publish(snapshot, {table: made.id for table, made in tables.items()}, gates)

    def published(self) -> list[Snapshot]:
        """Every published snapshot, oldest first."""
        return self.publication.published()

    def latest(self) -> list[Snapshot]:
        """The snapshot in view of every wiki: the newest that is published."""
        return self.publication.latest()

    def files_in_view(self) -> dict[str, list[Path]]:
        """The Parquet files of every table of the snapshots in view, all as they are at one moment."""

        def look() -> dict[str, list[Path]]:
            shown = self.latest()
            return {table: [file for one in shown for file in sorted(self._whole(table, one).rglob("*.parquet"))] for table in TABLES}

        return self.publication.at_one_moment(look)

    def write_error(self, step: str, error: OSError) -> WarehouseError:
        """The one line that says why the warehouse cannot be written."""
        return write_error(self.name, step, error)


def _split(table: str, snapshot: Snapshot) -> tuple[str, Snapshot, str]:
    name, _, step = table.partition("/")
    return name, snapshot, step


def address(path: Path) -> str:
    """A folder as Spark is to be told of it: on the local or mounted disk, whatever the cluster's default file system is."""
    return f"file://{path.absolute()}"  # not quoted: Hadoop takes a % as it stands


def write_table(table: str, columns: Mapping[str, Any], folder: Path, rows_per_group: int = 1 << 20) -> None:
    """Write columns (arrays or lists of equal length) as the one Parquet file of a staged table."""
    contract = TABLES[table].columns
    data = pa.table({name: pa.array(columns[name], contract.field(name).type) for name in contract.names}, schema=contract)
    pq.write_table(data, folder / "part-00000.parquet", compression="zstd", row_group_size=rows_per_group)
