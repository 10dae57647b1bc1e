"""What readers see: whole snapshots, the newest published one, whatever is published, withdrawn or replaced meanwhile."""

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from embedding.errors import WarehouseError
from embedding.manifest import Snapshot
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse, write_table

JANUARY, FEBRUARY, MARCH = (Snapshot("testwiki", day) for day in ("20240101", "20240201", "20240301"))
GATES = [{"setting": "min_auc", "value": 0.4, "bound": 0.6, "holds": False}]


def write(warehouse: Warehouse, snapshot: Snapshot, name: str, tables: Sequence[str] = ("links", "paired_books")) -> None:
    """Write two tables of which every row says of which snapshot and writing it is."""
    title = f"{snapshot.date} {name}"
    with warehouse.write("build_pairs", tables, snapshot, {}, {}) as staged:
        for table, columns in (
            ("links", {"link_id": [0, 1], "title": [title] * 2, "page_id": [1, 2], "kind": ["article"] * 2, "books": [2, 2]}),
            ("paired_books", {"book_id": [0, 1, 2], "page_id": [1, 2, 3], "title": [title] * 3, "links": [1, 1, 1]}),
        ):
            if table in staged:
                write_table(table, columns, staged[table].folder)


def publish(warehouse: Warehouse, snapshot: Snapshot) -> None:
    warehouse.publish(snapshot, warehouse.lineage(["links", "paired_books"], snapshot))


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Three snapshots, the first two published."""
    made = Warehouse(tmp_path / "w")
    for snapshot in (JANUARY, FEBRUARY, MARCH):
        write(made, snapshot, "first")
    for snapshot in (JANUARY, FEBRUARY):
        publish(made, snapshot)
    return made


def test_withdrawing_shows_the_one_before_and_keeps_what_was_measured(warehouse: Warehouse) -> None:
    publication = warehouse.publication
    publication.publish(MARCH, {"links": "x"}, GATES)
    assert warehouse.latest() == [MARCH]
    publication.withdraw(MARCH)
    assert warehouse.latest() == [FEBRUARY]
    mark = publication.mark(MARCH)
    assert mark is not None
    assert (mark.state, mark.tables, mark.gates) == ("withdrawn", {"links": "x"}, GATES)
    assert publication.before(Snapshot("testwiki", "20240401")) == FEBRUARY, "what was withdrawn is nobody's snapshot before"
    publish(warehouse, MARCH)
    assert warehouse.latest() == [MARCH]


def test_a_refused_snapshot_is_not_seen_and_its_figures_are_kept(warehouse: Warehouse) -> None:
    warehouse.publication.refuse(MARCH, {}, GATES)
    assert warehouse.latest() == [FEBRUARY]
    mark = warehouse.publication.mark(MARCH)
    assert mark is not None
    assert (mark.state, mark.gates) == ("refused", GATES)


def test_a_gate_that_is_missed_takes_nothing_out_of_view(warehouse: Warehouse) -> None:
    warehouse.publication.refuse(FEBRUARY, {}, GATES)
    assert warehouse.latest() == [FEBRUARY]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"state": "published"}'])
def test_a_damaged_mark_is_named(warehouse: Warehouse, content: str) -> None:
    warehouse.publication.file(MARCH).write_text(content)
    with pytest.raises(WarehouseError, match=r"20240301\.json: is damaged .*; remove it, and run publish again"):
        warehouse.latest()


def test_a_mark_of_before_there_were_gates_is_read(warehouse: Warehouse) -> None:
    warehouse.publication.file(MARCH).write_text(json.dumps({"published": "2024-03-01T00:00:00+00:00", "tables": {"links": "x"}}))
    assert warehouse.latest() == [MARCH]


def test_a_table_that_nothing_in_view_was_made_of_takes_nothing_out_of_view(warehouse: Warehouse) -> None:
    for step in ("evaluate", "probe"):
        with warehouse.write(step, ["metrics"], FEBRUARY, {}, {}):
            pass
    warehouse.publish(FEBRUARY, warehouse.lineage(["links", "paired_books", "metrics/evaluate"], FEBRUARY))
    with warehouse.write("probe", ["metrics"], FEBRUARY, {}, {}):
        pass
    assert warehouse.latest() == [FEBRUARY]
    with warehouse.write("evaluate", ["metrics"], FEBRUARY, {}, {}):
        pass
    assert warehouse.latest() == [JANUARY]


def _seen(connection: duckdb.DuckDBPyConnection) -> set[str]:
    query = "SELECT title FROM links_latest UNION SELECT title FROM paired_books_latest"
    rows = connection.execute(query).fetchall()
    return {title for (title,) in rows}


def test_an_open_reader_keeps_its_view(warehouse: Warehouse) -> None:
    with open_duckdb(warehouse) as connection:
        publish(warehouse, MARCH)
        assert _seen(connection) == {"20240201 first"}
        warehouse.publication.withdraw(MARCH)
        warehouse.publication.withdraw(FEBRUARY)
        assert _seen(connection) == {"20240201 first"}
    with open_duckdb(warehouse) as connection:
        assert _seen(connection) == {"20240101 first"}


def test_an_open_reader_never_takes_a_new_table_for_the_old_one(warehouse: Warehouse) -> None:
    with open_duckdb(warehouse) as connection:
        write(warehouse, FEBRUARY, "second")
        with pytest.raises(duckdb.Error, match=r"No files found|Cannot open file"):
            _seen(connection)
    with open_duckdb(warehouse) as connection:
        assert _seen(connection) == {"20240101 first"}, "nobody has published it again"


def test_readers_never_see_a_mix(warehouse: Warehouse) -> None:
    """Readers query while snapshots are published, withdrawn and replaced in a loop; some tables are replaced one without the other."""
    stop, seen = threading.Event(), set[str]()

    def in_view() -> set[str]:
        return {title.split()[0] for title in list(seen)}

    def read() -> None:
        while not stop.is_set():
            with open_duckdb(warehouse) as connection:
                for _ in range(3):
                    try:
                        titles = _seen(connection)
                    except duckdb.IOException:  # a file of an old view is gone: said, not replaced by a new one
                        break
                    assert len(titles) == 1, titles
                    seen.update(titles)

    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            read()
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=guarded) for _ in range(2)]
    for reader in readers:
        reader.start()
    for turn in range(1000):
        if turn >= 20 and len(in_view()) == 2:
            break
        publish(warehouse, MARCH)
        time.sleep(0.01 * (turn % 4))  # readers come in at another place every time
        if turn % 2:
            warehouse.publication.withdraw(MARCH)
        write(warehouse, MARCH, f"turn {turn}", ("paired_books",))  # the links of the turn before are there for a moment
        write(warehouse, MARCH, f"turn {turn}")
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert in_view() == {"20240201", "20240301"}
