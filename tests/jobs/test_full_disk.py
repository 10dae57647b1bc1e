"""The warehouse's disk runs full in the middle of a step, or of its commit: one line, the old tables, and a rerun that works."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from embedding.errors import WarehouseError
from embedding.job import Job, Session
from embedding.runs import run_steps
from embedding.settings import Settings
from embedding.settings_files import load_settings
from embedding.spark import one_line
from embedding.sql import open_duckdb
from embedding.staging import Staging
from embedding.views import tables_there
from embedding.warehouse import Warehouse
from jobs import read_dump, train_embedding
from tests import small_warehouse
from tests.conftest import BorrowedSession
from tests.disks import fill, mounted
from tests.planted import SETTINGS, write_planted

PAGE = 4096
Rows = dict[str, list[tuple[object, ...]]]


class Case:
    """A step whose tables are there, in a warehouse on a small disk, and which is run again.

    Attributes:
        disk: where it is mounted.
        step: the step.
        before: all tables.
    """

    def __init__(self, name: str, made: Path, disk: Path, session: Session | None) -> None:
        self.disk, self._session = disk, session
        self.root = disk / "warehouse"
        self.step = {"read_dump": read_dump.STEP, "train_embedding": train_embedding.STEP}[name]
        shutil.copytree(made / "warehouse", self.root)
        self.settings = settings_for(name, made, self.root)
        self.before = self.rows()

    def rows(self) -> Rows:
        """All tables, but for how fast the training was."""
        warehouse, measured = Warehouse(self.root), {"metrics": "WHERE metric <> 'rows_per_second'"}
        with open_duckdb(warehouse) as connection:
            return {
                table: connection.execute(f"SELECT * FROM {table} {measured.get(table, '')} ORDER BY ALL").fetchall()
                for table in tables_there(warehouse)
            }

    def run(self, left: int | None = None) -> None:
        """Run the step, where `left` is given on a disk that has so many bytes free once the step begins to write."""

        def full(job: Job) -> None:
            fill(self.disk, left or 0)
            self.step.run(job)

        run_steps([self.step if left is None else replace(self.step, run=full)], self.settings, self._session)

    def complaint(self, left: int | None = None) -> str:
        """The one line with which `run` fails."""
        with pytest.raises(Exception) as raised:  # noqa: PT011  # ours or Spark's; the line is looked at
            self.run(left)
        error = raised.value if isinstance(raised.value, WarehouseError) else one_line(raised.value, self.root)
        assert isinstance(error, WarehouseError)
        assert "\n" not in str(error)
        return str(error)

    def assert_whole(self) -> None:
        """The old tables are there, and nothing half written; with space again the step runs, and makes the same tables."""
        assert not list(self.root.glob("_staging/*"))
        assert self.rows() == self.before
        (self.disk / "ballast").unlink()
        self.run()
        assert self.rows() == self.before


def settings_for(name: str, made: Path, root: Path) -> Settings:
    if name == "train_embedding":
        return small_warehouse.settings_for(root, "train.min_steps=1", "train.epochs=2")
    return load_settings([made / "test.yaml"], [f"warehouse={root}", f"dump={next(made.glob('*.bz2'))}", "snapshot=20240501"])


@pytest.fixture(scope="module", params=["read_dump", "train_embedding"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Session | None]:
    """The step's name, a folder with its tables in `warehouse`, and Spark if it needs that."""
    folder = tmp_path_factory.mktemp("made")
    if request.param == "train_embedding":
        small_warehouse.make(folder / "warehouse", "train.min_steps=1", "train.epochs=2")
        return request.param, folder, None
    spark: SparkSession = request.getfixturevalue("spark")
    write_planted(folder)
    (folder / "test.yaml").write_text(SETTINGS)
    run_steps([read_dump.STEP], settings_for(request.param, folder, folder / "warehouse"), BorrowedSession(spark))
    return request.param, folder, BorrowedSession(spark)


@pytest.fixture
def case(made: tuple[str, Path, Session | None], tmp_path: Path) -> Iterator[Case]:
    name, folder, session = made
    with mounted(tmp_path / "disk", "size=16m") as disk:
        yield Case(name, folder, disk, session)


@pytest.mark.parametrize("left", [0, 2 * PAGE])
def test_at_work(case: Case, left: int) -> None:
    complaint = case.complaint(left)
    assert complaint.startswith(str(case.root))
    assert "No space left on device" in complaint
    case.assert_whole()


def test_while_it_commits(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """All is staged, and the disk has no room for the journal of the commit."""
    commit = Staging.commit

    def full(staging: Staging, *arguments: object, **more: object) -> None:
        fill(case.disk)
        commit(staging, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Staging, "commit", full)
    assert f"cannot be written by {case.step.name}: No space left on device" in case.complaint()
    monkeypatch.undo()
    case.assert_whole()
