"""The warehouse: which tables there are, where they lie, and how they are written and read.

A table of a snapshot is the folder `<warehouse>/<table>/wiki=<dbname>/snapshot=<YYYYMMDD>/` of Parquet files and one `_manifest.json`
(readers pass over names that begin with `_`). All tables that a step writes are staged first and then moved in, each whole, with
its manifest; a step that fails leaves what was there before. No other module builds a path.
"""

import errno
import json
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from embedding.errors import WarehouseError
from embedding.manifest import Manifest, Snapshot, versions
from embedding.tables import BY_STEP, FOLDERS, TABLES, describe

MANIFEST = "_manifest.json"
_PATTERN = set("*?[]{}\\#")
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EFBIG, errno.EIO}


@dataclass
class StagedTable:
    """A table on its way into the warehouse: write its files into `folder`, say what was dropped."""

    folder: Path
    rows_in: int | None = None
    dropped: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def attempts(self) -> Path:
        """A folder beside it for tasks that may fail, or run twice; what `take` leaves there goes when the step ends."""
        folder = self.folder.with_name(f"{self.folder.name}.attempts")
        folder.mkdir(exist_ok=True)
        return folder

    def take(self, files: Iterable[Path]) -> None:
        """Make these files out of `attempts`, in this order, all that the table has."""
        for old in self.folder.iterdir():
            old.unlink()
        for number, file in enumerate(files):
            file.rename(self.folder / f"part-{number:05}.parquet")


class Warehouse:
    """The tables of all wikis and snapshots under one folder."""

    def __init__(self, root: str | Path) -> None:
        if "://" in str(root):
            raise WarehouseError(f"{root}: the warehouse must be a folder (local or mounted), not an address")
        self.root = Path(root)
        if strange := " ".join(sorted(_PATTERN & set(str(self.root.absolute())))):
            raise WarehouseError(f"{self.root.absolute()}: the warehouse's path must not hold {strange}, which Spark takes for a pattern")

    def folder(self, table: str, snapshot: Snapshot, step: str = "") -> Path:
        """Where a table of a snapshot lies; of a table to which several steps write, the part of one."""
        folder = self.root / table / f"wiki={snapshot.wiki}" / f"snapshot={snapshot.date}"
        return folder / f"step={step}" if table in BY_STEP else folder

    def files(self, table: str, snapshot: Snapshot) -> list[Path]:
        """The Parquet files of a table ("metrics/evaluate": of what that step wrote), sorted by name.

        Raises:
            WarehouseError: the table is not there.
        """
        part = _split(table, snapshot)
        self.manifest(*part)
        return sorted(self.folder(*part).glob("*.parquet"))

    def checkpoints(self, snapshot: Snapshot) -> Path:
        """The folder in which trainings in progress are kept."""
        return self.root / "_checkpoints" / f"wiki={snapshot.wiki}" / f"snapshot={snapshot.date}"

    def lock(self, snapshot: Snapshot) -> Path:
        """The file by whose lock one run at a time works on a snapshot."""
        return self.root / "_locks" / f"wiki={snapshot.wiki}" / f"snapshot={snapshot.date}.lock"

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
            raise WarehouseError(f"{self.root}: holds no table {table} of {snapshot}; run {writer} first") from None
        except (ValueError, TypeError) as error:
            raise WarehouseError(f"{path}: is damaged ({error}); run {writer} again") from None

    def inputs(self, tables: Iterable[str], snapshot: Snapshot) -> dict[str, Manifest]:
        """The manifests of the tables that a step reads, after making sure that they belong together.

        Of metrics, "metrics/evaluate" names what the step evaluate wrote.

        Raises:
            WarehouseError: one is missing, or was made from tables that have been written anew since.
        """
        manifests = {table: self.manifest(*_split(table, snapshot)) for table in tables}
        current = dict(manifests)
        waiting = list(manifests.values())
        while waiting:
            made = waiting.pop()
            for table, used in made.inputs.items():
                if table not in current:
                    current[table] = self.manifest(*_split(table, snapshot))
                    waiting.append(current[table])
                if current[table].id != used:
                    raise WarehouseError(
                        f"{self.root}: table {made.table} of {snapshot} was made from another {table} than the one that is there now "
                        f"(written {current[table].created}); run {made.step} again"
                    )
        runs = {made.step: made for made in current.values()}
        for made in current.values():
            if made.run != runs[made.step].run:
                raise WarehouseError(
                    f"{self.root}: tables {made.table} and {runs[made.step].table} of {snapshot} come from two runs of {made.step}; "
                    "run it again"
                )
        return manifests

    def before(self, snapshot: Snapshot) -> Snapshot | None:
        """The snapshot before: the newest published one of the same wiki that is older."""
        return max((other for other in self.published() if other.wiki == snapshot.wiki and other < snapshot), default=None)

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
        staging = self.root / "_staging" / run
        try:
            staged = {}
            for table in tables:
                staged[table] = StagedTable(staging / table)
                staged[table].folder.mkdir(parents=True)
            yield staged
            base = Manifest(
                id="",
                run=run,
                table="",
                step=step,
                wiki=snapshot.wiki,
                snapshot=snapshot.date,
                created=_now(),
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
            manifests = [_seal(base, table, part) for table, part in staged.items()]
            if any(table in self._published_tables(snapshot) for table in tables):
                # What was published is about to be replaced by what no gate has seen.
                self._mark(snapshot).unlink()
            for manifest in manifests:
                self._move_in(staging, manifest.table, snapshot, step)
        except OSError as error:
            elsewhere = isinstance(error.filename, str) and not Path(error.filename).is_relative_to(self.root)
            if error.errno not in _UNWRITABLE or elsewhere:
                raise
            raise self.write_error(step, error) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            with suppress(OSError):  # another writer is at work there
                staging.parent.rmdir()

    def publish(self, snapshot: Snapshot, tables: Mapping[str, Manifest]) -> None:
        """Let the `..._latest` views show a snapshot: one small file, there whole or not at all."""
        mark = self._mark(snapshot)
        content = {"published": _now(), "tables": {table: made.id for table, made in tables.items()}}
        try:
            mark.parent.mkdir(parents=True, exist_ok=True)
            partial = mark.with_suffix(".partial")
            partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
            partial.replace(mark)
        except OSError as error:
            raise self.write_error("publish", error) from error

    def _mark(self, snapshot: Snapshot) -> Path:
        return self.root / "_published" / f"wiki={snapshot.wiki}" / f"{snapshot.date}.json"

    def _published_tables(self, snapshot: Snapshot) -> set[str]:
        mark = self._mark(snapshot)
        return {name.partition("/")[0] for name in json.loads(mark.read_text(encoding="utf-8"))["tables"]} if mark.is_file() else set()

    def published(self) -> list[Snapshot]:
        """Every published snapshot, oldest first."""
        marks = self.root.glob("_published/wiki=*/*.json")
        return sorted(Snapshot(mark.parent.name.removeprefix("wiki="), mark.stem) for mark in marks)

    def latest(self) -> list[Snapshot]:
        """The newest published snapshot of every wiki."""
        return sorted({snapshot.wiki: snapshot for snapshot in self.published()}.values())

    def write_error(self, step: str, error: OSError) -> WarehouseError:
        """The one line that says why the warehouse cannot be written."""
        return WarehouseError(
            f"{self.root}: cannot be written by {step}: {error.strerror or error}; "
            "free space, mend its permissions, or give another --warehouse"
        )

    def _move_in(self, staging: Path, table: str, snapshot: Snapshot, step: str) -> None:
        target = self.folder(table, snapshot, step)
        target.parent.mkdir(parents=True, exist_ok=True)
        old = staging / f"{table}.old"
        if target.exists():
            target.rename(old)
        try:
            (staging / table).rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise


def _seal(base: Manifest, table: str, part: StagedTable) -> Manifest:
    """Check a staged table against the contract and write its manifest: `base`, and what is known of this table."""
    rows = _check_files(table, part.folder) if table in TABLES else 0
    dropped = {reason: count for reason, count in part.dropped.items() if count}
    if part.rows_in is not None and part.rows_in != rows + sum(dropped.values()):
        raise WarehouseError(
            f"{base.step} lost rows of {table}: {part.rows_in} came in, {rows} are written, "
            f"{sum(dropped.values())} are counted as dropped {dropped}"
        )
    made = replace(base, id=uuid.uuid4().hex, table=table, rows_in=part.rows_in, rows_out=rows, dropped=dropped, facts=part.facts)
    (part.folder / MANIFEST).write_text(json.dumps(asdict(made), indent=1, ensure_ascii=False), encoding="utf-8")
    return made


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


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


def _check_files(table: str, folder: Path) -> int:
    """Number of rows of a staged table, after checking its columns against the contract."""
    files = sorted(folder.glob("*.parquet"))
    contract = TABLES[table].columns
    if not files:
        pq.write_table(contract.empty_table(), folder / "part-00000.parquet", compression="zstd")
        return 0
    rows = 0
    for file in files:
        footer = pq.ParquetFile(file)
        rows += footer.metadata.num_rows
        if describe(footer.schema_arrow) != describe(contract):
            raise WarehouseError(f"table {table} would have the columns {describe(footer.schema_arrow)} and not {describe(contract)}")
    return rows
