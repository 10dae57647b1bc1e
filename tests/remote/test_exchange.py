"""Executors that share no disk with the driver: rows through the store, files sent by Spark."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from embedding import spark as sessions
from embedding.errors import SettingsError, WarehouseError
from embedding.remote.exchange import ThroughStore
from embedding.remote.objects import Objects
from embedding.remote.state import Stored, unnamed
from embedding.remote.table_objects import WRITTEN, ObjectReader, TableWriter, stretches
from embedding.remote.task_files import StoreFiles
from embedding.runs import run_steps
from embedding.settings_files import load_settings
from embedding.spark import one_line
from embedding.sql import register_spark
from embedding.tables import ddl
from embedding.warehouse import Warehouse
from jobs.pipeline import STEPS
from tests.conftest import BorrowedSession
from tests.deploy.running import assert_same_tables
from tests.jobs.running import run
from tests.planted import SETTINGS, write_planted
from tests.remote.machines import SNAPSHOT, Machine


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Executors count as those of other machines; what is lent to them is kept."""
    monkeypatch.setattr(sessions, "is_local", lambda session: False)
    lent: list[str] = []
    lend = ThroughStore.lend

    def kept(exchange: ThroughStore, table: str, folder: Path, names: Any) -> Any:
        lent.append(f"{table}: {', '.join(names)}")
        return lend(exchange, table, folder, names)

    monkeypatch.setattr(ThroughStore, "lend", kept)
    return lent


def test_all_steps_give_the_tables_of_executors_that_see_the_warehouse(spark: SparkSession, tmp_path: Path, elsewhere: list[str]) -> None:
    dump = write_planted(tmp_path)
    by_index = "neighbours.method=annoy"
    here = run(spark, tmp_path, dump, by_index, "read.partition_mb=0.005")
    (tmp_path / "test.yaml").write_text(SETTINGS)
    address = [f"warehouse=file://{tmp_path}/bucket", f"warehouse_cache={tmp_path}/driver", f"dump={dump}", "snapshot=20240501"]
    settings = load_settings([tmp_path / "test.yaml"], [*address, by_index, "read.partition_mb=0.005"])
    run_steps(STEPS, settings, BorrowedSession(spark))
    there = Warehouse(settings.warehouse, str(tmp_path / "reader"))
    assert there.mirror
    assert there.latest() == here.latest() != []
    assert assert_same_tables(here, there) > 1000
    assert set(elsewhere) == {
        "book_index: vectors.npy, index.ann", "link_index: vectors.npy, index.ann", "book_index: vectors.npy", "link_index: vectors.npy",
    }  # fmt: skip
    assert unnamed(there.mirror.objects.list(), [there.mirror.state(*there.latest())]) == [], "nothing is left"


def _opened(machine: Machine, spark: SparkSession) -> tuple[Warehouse, ThroughStore]:
    warehouse = machine.open()
    assert warehouse.mirror
    return warehouse, ThroughStore(spark, warehouse, warehouse.mirror, SNAPSHOT)


def test_a_file_that_is_replaced_while_executors_read_it_is_told_in_one_line(spark: SparkSession, tmp_path: Path) -> None:
    machine = Machine(f"file://{tmp_path}/bucket", tmp_path / "one")
    machine.write("a", "b")
    warehouse, exchange = _opened(machine, spark)
    assert sorted(row["title"] for row in exchange.read("links", SNAPSHOT, ["title"]).collect()) == ["a", "b"]
    Machine(machine.address, tmp_path / "two").write("c")
    with pytest.raises(PySparkException) as raised:
        exchange.read("links", SNAPSHOT, ["title"]).collect()
    known = one_line(raised.value, warehouse.name)
    assert isinstance(known, WarehouseError)
    assert "a file of table links was replaced or pruned while it was read" in str(known)


def test_a_table_that_was_pruned_meanwhile_is_not_an_empty_one(spark: SparkSession, tmp_path: Path) -> None:
    one, two = (Machine(f"file://{tmp_path}/bucket", tmp_path / name) for name in ("one", "two"))
    one.write("a")
    _, exchange = _opened(one, spark)
    elsewhere = two.open()
    assert elsewhere.mirror
    elsewhere.mirror.forget(SNAPSHOT)
    one.open()  # another command of the same machine
    with pytest.raises(WarehouseError, match=r"links/wiki=testwiki/snapshot=20240101 was pruned while it was read; run the same again"):
        exchange.read("links", SNAPSHOT, ["title"])


def test_a_column_that_an_older_version_did_not_write_is_null(spark: SparkSession, tmp_path: Path) -> None:
    """As where Spark reads the files itself; and each column is in its place."""
    objects = Objects(f"file://{tmp_path}/bucket")
    pq.write_table(pa.table({"books": pa.array([7], pa.int32()), "title": ["a"], "link_id": pa.array([3], pa.int32())}), tmp_path / "old")
    objects.upload({"old": tmp_path / "old"})
    stored = Stored("old", (tmp_path / "old").stat().st_size)
    reader = ObjectReader(objects, "links", ("link_id", "title", "kind", "books"), (stored,))
    rows = spark.range(1).mapInArrow(reader, ddl("links", ["link_id", "title", "kind", "books"])).collect()
    assert [tuple(row) for row in rows] == [(3, "a", None, 7)]


def test_an_executor_without_a_folder_for_temporary_files_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    files = StoreFiles(Objects(f"file://{tmp_path}/bucket"), "links")
    with pytest.raises(WarehouseError, match=r"cannot write into the folder for temporary files .*; free space there, or let the"):
        files.new("a").__enter__()


def test_what_failed_attempts_have_left_is_no_part_of_the_table(spark: SparkSession, tmp_path: Path) -> None:
    """Tasks that ran and whose results nobody takes, as those that Spark has started twice, leave files in the same place."""
    warehouse, exchange = _opened(Machine(f"file://{tmp_path}/bucket", tmp_path / "one"), spark)
    assert warehouse.mirror
    rows = spark.range(0, 6, 1, 3).select(F.col("id").cast("int").alias("book_id"), F.col("id").alias("page_id"))
    rows = rows.withColumns({"title": F.lit("t"), "links": F.lit(1)})

    def twice(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = list(batches)
        yield from TableWriter(files, "paired_books")(held)
        yield from TableWriter(files, "paired_books")(held)

    with warehouse.write("build_pairs", ["paired_books"], SNAPSHOT, {}, {}) as staged:
        files = exchange.files("paired_books", staged["paired_books"])
        assert len(rows.mapInArrow(twice, WRITTEN).collect()) == 6
        exchange.write("paired_books", rows, staged["paired_books"])
    assert pq.read_table(warehouse.files("paired_books", SNAPSHOT), partitioning=None)["book_id"].to_pylist() == list(range(6))
    objects = warehouse.mirror.objects.list()
    assert unnamed(objects, [warehouse.mirror.state(SNAPSHOT)]) == []
    assert sum(key.startswith("paired_books/") for key in objects) == 3


@given(
    groups=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.integers(1, 9)), unique_by=lambda group: group[:2]),
    at_once=st.integers(1, 7),
    most=st.integers(1, 10),
)
def test_sorted_rows_are_cut_where_a_key_changes_and_where_a_file_is_full(
    groups: list[tuple[str, int, int]], at_once: int, most: int
) -> None:
    keys = [(split, draw) for split, draw, count in sorted(groups) for _ in range(count)]
    table = pa.table({"split": [key[0] for key in keys], "draw": pa.array([key[1] for key in keys], pa.int32()), "n": range(len(keys))})
    parts = list(stretches(table.to_batches(at_once), ("split", "draw"), most))
    assert [number for part in parts for number in part["n"].to_pylist()] == list(range(len(keys)))
    held = [{*zip(part["split"].to_pylist(), part["draw"].to_pylist(), strict=True)} for part in parts]
    assert all(len(values) == 1 for values in held)
    assert len(parts) == sum(-(-count // most) for _, _, count in groups), "no file more than needed"


@pytest.mark.usefixtures("elsewhere")
def test_sql_of_spark_on_other_machines_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    machine = Machine(f"file://{tmp_path}/bucket", tmp_path / "one")
    machine.write("a")
    with pytest.raises(SettingsError, match=r"executors of local.* do not see this machine's local copy of an object store; give a local"):
        register_spark(spark, machine.open(), "SELECT * FROM links")
