from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from embedding.errors import SettingsError
from embedding.manifest import Snapshot
from embedding.runs import run_steps
from embedding.settings_files import load_settings
from embedding.sql import register_spark
from embedding.warehouse import Warehouse
from jobs import extract_books, read_dump
from tests.conftest import BorrowedSession
from tests.jobs.running import run
from tests.planted import SETTINGS, write_planted

SNAPSHOT = Snapshot("testwiki", "20240501")


@pytest.fixture
def settings(tmp_path: Path) -> Any:
    """Settings of a machine, by its name."""
    dump = write_planted(tmp_path)
    (tmp_path / "test.yaml").write_text(SETTINGS)

    def of(machine: str) -> Any:
        address = [f"warehouse=file://{tmp_path}/bucket", f"warehouse_cache={tmp_path}/{machine}"]
        return load_settings([tmp_path / "test.yaml"], [*address, f"dump={dump}", "snapshot=20240501"])

    return of


def test_each_step_on_a_machine_of_its_own(spark: SparkSession, tmp_path: Path, settings: Any) -> None:
    run_steps([read_dump.STEP], settings("one"), BorrowedSession(spark))
    run_steps([extract_books.STEP], settings("two"), BorrowedSession(spark))
    here = run(spark, tmp_path, settings("one").dump, steps=2)
    there = Warehouse(settings("three").warehouse, str(tmp_path / "three"))
    for table in ("pages", "books"):
        rows = [pq.read_table(one.files(table, SNAPSHOT), partitioning=None).sort_by("page_id").to_pylist() for one in (here, there)]
        assert rows[0] == rows[1] != []
    reader = Warehouse(settings("four").warehouse, str(tmp_path / "four"))
    register_spark(spark, reader, "SELECT count(*) FROM `books`")
    (row,) = spark.sql("SELECT count(*) AS books FROM books").collect()
    assert row["books"] == there.manifest("books", SNAPSHOT).rows_out
    assert not list(reader.root.glob("pages/**/*.parquet")), "what was not asked for is not fetched"


def test_a_catalog_of_tables_in_a_store_is_refused_before_any_work(settings: Any) -> None:
    given = settings("one")
    given = given.model_copy(update={"catalog": given.catalog.model_copy(update={"place": "thrift://host:9083"})})
    with pytest.raises(SettingsError, match=r"only tables in a folder can be written into a catalog \(thrift://host:9083\)"):
        run_steps([read_dump.STEP], given)
