"""The views: every snapshot by the table's name, the newest published one of each wiki as `<table>_latest`."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from embedding.errors import NotFoundError
from embedding.manifest import Snapshot
from embedding.sql import open_duckdb
from embedding.views import latest_query, quote, tables_there
from embedding.warehouse import Warehouse, write_table

OLD, NEW, OTHER = Snapshot("awiki", "20240101"), Snapshot("awiki", "20240201"), Snapshot("bwiki", "20240115")
HOSTILE = ["It's", '100% "sure"', "Robert'); DROP TABLE links;--", "back\\slash", "Ünïcode ☃", "%s {0} $title ?"]


def _links(warehouse: Warehouse, snapshot: Snapshot, titles: Sequence[str]) -> None:
    with warehouse.write("build_pairs", ["links"], snapshot, {}, {}) as staged:
        count = len(titles)
        columns = {"link_id": range(count), "title": titles, "page_id": [None] * count, "kind": ["article"] * count, "books": [4] * count}
        write_table("links", columns, staged["links"].folder)


def _metrics(warehouse: Warehouse, snapshot: Snapshot, step: str, value: float) -> None:
    with warehouse.write(step, ["metrics"], snapshot, {}, {}) as staged:
        write_table("metrics", {"metric": ["auc"], "value": [value], "measured_on": ["test"], "epoch": [None]}, staged["metrics"].folder)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Two wikis, one with two snapshots; nothing is published."""
    made = Warehouse(tmp_path / "it's a warehouse")
    _links(made, OLD, ["old"])
    _links(made, NEW, ["new", *HOSTILE])
    _links(made, OTHER, ["other"])
    return made


def _titles(warehouse: Warehouse, view: str) -> list[tuple[str, str, str]]:
    return open_duckdb(warehouse).execute(f"SELECT wiki, snapshot, title FROM {view} ORDER BY ALL").fetchall()


def test_a_view_holds_every_snapshot_with_its_name(warehouse: Warehouse) -> None:
    wanted = [("awiki", "20240101", "old"), *(("awiki", "20240201", title) for title in ["new", *HOSTILE]), ("bwiki", "20240115", "other")]
    assert _titles(warehouse, "links") == sorted(wanted)


def test_wiki_and_snapshot_are_texts(warehouse: Warehouse) -> None:
    described = {row[0]: row[1] for row in open_duckdb(warehouse).execute("DESCRIBE links").fetchall()}
    assert described == {
        "link_id": "INTEGER", "title": "VARCHAR", "page_id": "BIGINT", "kind": "VARCHAR", "books": "INTEGER",
        "wiki": "VARCHAR", "snapshot": "VARCHAR",
    }  # fmt: skip


def test_nothing_is_in_the_latest_view_until_it_is_published(warehouse: Warehouse) -> None:
    assert _titles(warehouse, "links_latest") == []
    warehouse.publish(OLD, {})
    assert _titles(warehouse, "links_latest") == [("awiki", "20240101", "old")]
    warehouse.publish(OTHER, {})
    warehouse.publish(NEW, {})
    assert {row[:2] for row in _titles(warehouse, "links_latest")} == {("awiki", "20240201"), ("bwiki", "20240115")}


def test_an_older_snapshot_published_later_does_not_come_to_the_front(warehouse: Warehouse) -> None:
    for snapshot in (NEW, OLD):
        warehouse.publish(snapshot, {})
    assert {row[1] for row in _titles(warehouse, "links_latest")} == {"20240201"}


@pytest.mark.parametrize("title", HOSTILE)
def test_quoted_titles_are_found(warehouse: Warehouse, title: str) -> None:
    assert open_duckdb(warehouse).execute(f"SELECT title FROM links WHERE title = {quote(title)}").fetchall() == [(title,)]


def test_only_tables_that_are_there_have_views(warehouse: Warehouse) -> None:
    _metrics(warehouse, OLD, "evaluate", 0.5)
    assert tables_there(warehouse) == ["links", "metrics"]
    views = open_duckdb(warehouse).execute("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1").fetchall()
    assert [row[0] for row in views] == ["links", "links_latest", "metrics", "metrics_latest"]


def test_metrics_say_which_step_measured_them(warehouse: Warehouse) -> None:
    _metrics(warehouse, OLD, "evaluate", 0.5)
    _metrics(warehouse, OLD, "find_neighbours", 0.75)
    _metrics(warehouse, OTHER, "evaluate", 0.25)
    warehouse.publish(OLD, {})
    connection = open_duckdb(warehouse)
    assert connection.execute("SELECT wiki, snapshot, step, value FROM metrics ORDER BY ALL").fetchall() == [
        ("awiki", "20240101", "evaluate", 0.5),
        ("awiki", "20240101", "find_neighbours", 0.75),
        ("bwiki", "20240115", "evaluate", 0.25),
    ]
    assert connection.execute("SELECT count(*) FROM metrics_latest").fetchall() == [(2,)]


def test_what_is_staged_or_kept_aside_is_not_seen(warehouse: Warehouse) -> None:
    with warehouse.write("build_pairs", ["links", "pairs"], OTHER, {}, {}) as staged:
        columns = {"link_id": [0], "title": ["staged"], "page_id": [1], "kind": ["article"], "books": [1]}
        write_table("links", columns, staged["links"].folder)
        assert "staged" not in {row[2] for row in _titles(warehouse, "links")}
        assert tables_there(warehouse) == ["links"]
    assert "staged" in {row[2] for row in _titles(warehouse, "links")}


def test_an_older_snapshot_may_lack_a_column_that_was_added_since(warehouse: Warehouse) -> None:
    import pyarrow.parquet as pq

    (file,) = warehouse.files("links", OLD)
    pq.write_table(pq.ParquetFile(file).read().drop_columns(["kind"]), file)
    rows = open_duckdb(warehouse).execute("SELECT title, kind FROM links WHERE title IN ('old', 'other') ORDER BY title").fetchall()
    assert rows == [("old", None), ("other", "article")]


def test_all_snapshots_may_lack_a_column_that_was_added_since(warehouse: Warehouse) -> None:
    import pyarrow.parquet as pq

    warehouse.publish(OLD, {})
    for snapshot in (OLD, NEW, OTHER):
        (file,) = warehouse.files("links", snapshot)
        pq.write_table(pq.ParquetFile(file).read().drop_columns(["kind"]), file)
    connection = open_duckdb(warehouse)
    assert connection.execute("SELECT title, kind FROM links WHERE title = 'other'").fetchall() == [("other", None)]
    assert connection.execute("SELECT title, kind FROM links_latest").fetchall() == [("old", None)]


def test_times_are_in_utc(warehouse: Warehouse) -> None:
    assert open_duckdb(warehouse).execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]


def test_an_empty_warehouse_says_what_to_do(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(NotFoundError, match="holds no table yet; make them with `bookspace run`"):
            open_duckdb(Warehouse(folder))


def test_the_latest_view_is_plain_sql(warehouse: Warehouse) -> None:
    assert latest_query("links", warehouse) == "SELECT * FROM links WHERE false"
    warehouse.publish(OLD, {})
    assert latest_query("links", warehouse) == "SELECT * FROM links WHERE (wiki = 'awiki' AND snapshot = '20240101')"
