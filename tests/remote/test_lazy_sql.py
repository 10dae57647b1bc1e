from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedding.errors import WarehouseError
from embedding.manifest import Snapshot
from embedding.remote.lazy_sql import words_of
from embedding.sql import open_duckdb
from embedding.tables import TABLES
from embedding.warehouse import Warehouse, write_table
from tests.remote.machines import LATER, SNAPSHOT, Machine


@pytest.fixture
def reader(tmp_path: Path) -> Machine:
    """A machine that reads what another one has written: two snapshots, the first of them published."""
    address = f"file://{tmp_path}/bucket"
    writer = Machine(address, tmp_path / "writer")
    writer.write("old")
    writer.write("new", snapshot=LATER)
    warehouse = writer.open()
    warehouse.publish(SNAPSHOT, warehouse.inputs(["links"], SNAPSHOT))
    _measure(warehouse, SNAPSHOT, 0.9)
    return Machine(address, tmp_path / "reader")


def _measure(warehouse: Warehouse, snapshot: Snapshot, auc: float) -> None:
    with warehouse.write("evaluate", ["metrics"], snapshot, {}, {}) as staged:
        columns = {"metric": ["auc"], "value": [auc], "measured_on": ["test"], "epoch": [None]}
        write_table("metrics", columns, staged["metrics"].folder)


@pytest.fixture
def opened(reader: Machine) -> Iterator[tuple[Any, Warehouse]]:
    warehouse = reader.open()
    with open_duckdb(warehouse) as connection:
        yield connection, warehouse


def _here(warehouse: Warehouse) -> list[str]:
    """Tables and dates of the files that were fetched."""
    found = {file.relative_to(warehouse.root).parts for file in warehouse.root.rglob("*.parquet")}
    return sorted(f"{parts[0]} {parts[2].removeprefix('snapshot=')}" for parts in found)


def test_a_query_fetches_what_it_reads(opened: tuple[Any, Warehouse]) -> None:
    connection, warehouse = opened
    assert _here(warehouse) == []
    rows = connection.execute("SELECT wiki, snapshot, title FROM links_latest WHERE title = ?", ["old"]).fetchall()
    assert rows == [("testwiki", "20240101", "old")]
    assert _here(warehouse) == ["links 20240101"]
    assert connection.execute("SELECT title FROM links ORDER BY snapshot").fetchall() == [("old",), ("new",)]
    assert _here(warehouse) == ["links 20240101", "links 20240201"]
    assert connection.execute("SELECT step, snapshot, value FROM metrics").fetchall() == [("evaluate", "20240101", 0.9)]


@pytest.mark.parametrize(
    "query",
    [
        "WITH own AS (SELECT title FROM links) SELECT * FROM own ORDER BY title", "FROM (SELECT title FROM main.links) ORDER BY 1",
        'SELECT title FROM "Links" l ORDER BY 1', "SELECT 1; SELECT title FROM links ORDER BY 1",
        "CREATE TABLE own AS SELECT title FROM links; SELECT * FROM own ORDER BY title",
    ],
)  # fmt: skip
def test_however_a_query_reads_it(opened: tuple[Any, Warehouse], query: str) -> None:
    assert opened[0].sql(query).fetchall() == [("new",), ("old",)]


def test_views_that_build_on_tables_fetch_those(reader: Machine, tmp_path: Path) -> None:
    near = {
        "page_id": [1, 2], "title": ["A", "B"], "rank": [1, 1], "neighbour_page_id": [2, 1], "neighbour_title": ["B", "A"],
        "similarity": [0.5, 0.5], "shared_links": [["x"], ["x"]],
    }  # fmt: skip
    warehouse = Machine(reader.address, tmp_path / "writer").open()
    with warehouse.write("find_neighbours", ["neighbours"], SNAPSHOT, {}, {}) as staged:
        write_table("neighbours", near, staged["neighbours"].folder)
    with open_duckdb(reader.open()) as connection:
        assert connection.execute("SELECT title, neighbour_title FROM mutual_neighbours_latest").fetchall() == [("A", "B")]


def test_tables_fetched_before_and_after_another_machine_publishes_are_of_one_snapshot(reader: Machine, tmp_path: Path) -> None:
    with open_duckdb(reader.open()) as connection:
        assert connection.execute("SELECT snapshot, title FROM links_latest").fetchall() == [("20240101", "old")]
        elsewhere = Machine(reader.address, tmp_path / "writer").open()
        _measure(elsewhere, LATER, 0.8)
        elsewhere.publish(LATER, {})
        reader.open()  # another command on the reader's machine
        joined = "SELECT snapshot, title, value FROM links_latest JOIN metrics_latest USING (wiki, snapshot)"
        assert connection.execute(joined).fetchall() == [("20240101", "old", 0.9)]
        assert connection.execute("SELECT snapshot FROM metrics").fetchall() == [("20240101",)]
    with open_duckdb(reader.open()) as connection:
        assert connection.execute(joined).fetchall() == [("20240201", "new", 0.8)]


@pytest.mark.parametrize("pulls", [True, False])
def test_a_table_that_was_replaced_before_it_was_fetched_is_said_to_be_gone(reader: Machine, tmp_path: Path, pulls: bool) -> None:
    with open_duckdb(reader.open()) as connection:
        _measure(Machine(reader.address, tmp_path / "writer").open(), SNAPSHOT, 0.7)
        if pulls:
            reader.open()
        with pytest.raises(WarehouseError, match=r"metrics of .* since the warehouse was opened; open it|replaced or pruned while it was"):
            connection.execute("SELECT value FROM metrics_latest")


def test_all_tables_are_listed_without_fetching_any(opened: tuple[Any, Warehouse]) -> None:
    connection, warehouse = opened
    assert connection.execute("SHOW TABLES").fetchall() == [("links",), ("links_latest",), ("metrics",), ("metrics_latest",)]
    assert connection.execute("SELECT 1 FROM duckdb_views() WHERE view_name = 'links_latest'").fetchall() == [(1,)]
    assert _here(warehouse) == []
    assert [row[0] for row in connection.execute("DESCRIBE links").fetchall()] == [*TABLES["links"].columns.names, "wiki", "snapshot"]


def test_a_table_with_nothing_in_view_is_empty(tmp_path: Path) -> None:
    machine = Machine(f"file://{tmp_path}/bucket", tmp_path / "cache")
    machine.write("a")
    with open_duckdb(machine.open()) as connection:
        assert connection.execute("SELECT count(*) FROM links_latest").fetchall() == [(0,)]


def test_a_table_that_was_not_fetched_is_never_taken_for_an_empty_one(opened: tuple[Any, Warehouse]) -> None:
    import duckdb

    connection, _ = opened
    connection.execute("PREPARE later AS SELECT 1")
    inner = connection._connection  # what reaches DuckDB behind our back
    with pytest.raises(duckdb.Error, match="table links was not fetched"):
        inner.execute("SELECT count(*) FROM links").fetchall()


def test_words_include_what_views_build_on() -> None:
    assert {"neighbours_latest", "hubs_latest"} <= words_of("SELECT * FROM hubs_latest")
