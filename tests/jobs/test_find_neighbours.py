"""The step find_neighbours: four tables, filled by either method, and a gate on Annoy's recall."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from embedding.errors import GateError, WarehouseError
from embedding.job import Job
from embedding.neighbours import executors, search
from embedding.runs import run_steps
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse
from jobs import find_neighbours
from tests.conftest import BorrowedSession
from tests.small_warehouse import BOOKS, CLUSTERS, LINKS, SNAPSHOT, cluster_of, make, settings_for

TABLES = list(find_neighbours.SEARCHES)
ROWS = {"neighbours": CLUSTERS * BOOKS, "link_neighbours": CLUSTERS * LINKS + 1}
ROWS |= {"book_links_nearest": ROWS["neighbours"], "link_books": ROWS["link_neighbours"]}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return make(tmp_path_factory.mktemp("small"))


def _run(spark: SparkSession, warehouse: Warehouse, *overrides: str) -> dict[str, list[tuple[Any, ...]]]:
    """The four tables, in order."""
    run_steps([find_neighbours.STEP], settings_for(warehouse.root, "neighbours.k=7", *overrides), BorrowedSession(spark))
    with open_duckdb(warehouse) as sql:
        return {table: sql.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in TABLES}


@pytest.fixture(scope="module")
def exact(spark: SparkSession, warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    return _run(spark, warehouse)


@pytest.fixture(scope="module")
def sql(exact: dict[str, list[tuple[Any, ...]]], warehouse: Warehouse) -> duckdb.DuckDBPyConnection:
    return open_duckdb(warehouse)


@pytest.mark.parametrize("table", TABLES)
def test_every_row_has_exactly_k_by_falling_similarity(table: str, sql: duckdb.DuckDBPyConnection) -> None:
    key = "page_id" if table in ("neighbours", "book_links_nearest") else "title"
    columns = "list(rank ORDER BY rank), list(similarity ORDER BY rank), min(similarity), max(similarity)"
    lists = sql.execute(f"SELECT {key}, {columns} FROM {table} GROUP BY {key}").fetchall()
    assert len(lists) == ROWS[table]
    for _, ranks, similarities, least, most in lists:
        assert ranks == list(range(1, 8))
        assert similarities == sorted(similarities, reverse=True)
        assert -1 <= least <= most <= 1, "nan would fail, too"


def test_none_is_its_own_neighbour_and_clusters_hold_together(sql: duckdb.DuckDBPyConnection) -> None:
    for table in ("neighbours", "link_neighbours"):
        assert sql.execute(f"SELECT count(*) FROM {table} WHERE title = neighbour_title").fetchall() == [(0,)]
    pairs = sql.execute("SELECT title, neighbour_title FROM neighbours").fetchall()
    assert np.mean([cluster_of(one) == cluster_of(other) for one, other in pairs]) > 0.95
    topics = sql.execute("SELECT title, book_title, mentions FROM link_books WHERE title LIKE 'Topic%'").fetchall()
    assert np.mean([cluster_of(one) == cluster_of(other) for one, other, _ in topics]) > 0.95


def test_mentions_are_those_of_the_pairs(sql: duckdb.DuckDBPyConnection) -> None:
    query = (
        "SELECT count(*), count(DISTINCT n.mentions), count(*) FILTER (n.mentions <> coalesce(p.mentions, 0)) FROM {} n "
        "JOIN paired_books b ON b.page_id = n.{} LEFT JOIN pairs p ON p.book_id = b.book_id AND p.link_id = n.link_id"
    )
    assert sql.execute(query.format("book_links_nearest", "page_id")).fetchall() == [(7 * ROWS["neighbours"], 2, 0)]
    assert sql.execute(query.format("link_books", "book_page_id")).fetchall() == [(7 * ROWS["link_neighbours"], 2, 0)]


def test_the_indexes_say_what_they_are_and_recall_is_written_down(sql: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    facts = warehouse.manifest("link_index", SNAPSHOT).facts
    assert (facts["metric"], facts["vectors"], facts["dimensions"], facts["item"]) == ("angular", CLUSTERS * LINKS + 1, 12, "link_id")
    assert facts["bytes"] == (warehouse.folder("link_index", SNAPSHOT) / "index.ann").stat().st_size
    assert set(facts["search_k"]) == {"link_neighbours", "book_links_nearest"}
    measured = dict(sql.execute("SELECT metric, value FROM metrics WHERE step = 'find_neighbours'").fetchall())
    assert set(measured) == {f"recall_at_k_{table}" for table in TABLES}
    assert all(value >= 0.99 for value in measured.values())


@pytest.mark.parametrize("a_partition", [20_000, 9])
def test_annoy_fills_the_same_tables_whatever_the_partitions(
    a_partition: int, spark: SparkSession, warehouse: Warehouse, exact: dict[str, list[tuple[Any, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "QUERIES_A_PARTITION", a_partition)
    assert _run(spark, warehouse, "neighbours.method=annoy", "neighbours.search_k=100000") == exact


def test_exact_search_on_executors_fills_the_same_tables(
    spark: SparkSession, warehouse: Warehouse, exact: dict[str, list[tuple[Any, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []
    search_on_executors = executors.search_on_executors

    def kept(spark: SparkSession, question: executors.Question, count: int) -> DataFrame:
        asked.append(question.search_k)
        return search_on_executors(spark, question, count)

    monkeypatch.setattr(executors, "search_on_executors", kept)
    monkeypatch.setattr(executors, "QUERIES_A_PARTITION", 11)
    monkeypatch.setattr(search, "EXACT_UP_TO", 0)
    assert _run(spark, warehouse, "neighbours.method=exact") == exact
    assert asked == [None] * 4


def test_large_tables_are_joined_without_a_broadcast(
    spark: SparkSession, warehouse: Warehouse, exact: dict[str, list[tuple[Any, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[str] = []
    write = Job.write

    def kept(job: Job, table: str, rows: DataFrame) -> None:
        plans.append(rows._jdf.queryExecution().executedPlan().toString())  # type: ignore[operator]
        write(job, table, rows)

    monkeypatch.setattr(Job, "write", kept)
    monkeypatch.setattr(find_neighbours, "BROADCAST_ROWS", 0)
    assert _run(spark, warehouse) == exact
    assert len(plans) == 4
    assert "Join" in plans[0]
    assert not [plan for plan in plans if "BroadcastHashJoin" in plan]


def test_too_little_recall_fails_and_leaves_the_tables_as_they_were(
    spark: SparkSession, warehouse: Warehouse, exact: dict[str, list[tuple[Any, ...]]]
) -> None:
    before = {table: warehouse.manifest(table, SNAPSHOT).id for table in (*TABLES, "book_index")}
    narrow = [
        "neighbours.trees=1",
        "neighbours.max_trees=1",
        "neighbours.search_k=1",
        "neighbours.max_search_k=1",
        "neighbours.min_recall=1",
    ]
    with pytest.raises(GateError, match=r"Annoy's recall@k is 0\.\d+ with 1 trees and search_k 1, and neighbours\.min_recall asks for 1"):
        _run(spark, warehouse, *narrow)
    assert {table: warehouse.manifest(table, SNAPSHOT).id for table in before} == before


def test_vectors_that_are_no_numbers_are_refused(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = make(tmp_path, "train.min_steps=1", "train.epochs=1")
    whole = Job.vectors

    def broken(job: Job, table: str, key: str) -> np.ndarray:
        vectors = whole(job, table, key)
        vectors[3, 2] = np.nan
        return vectors

    monkeypatch.setattr(Job, "vectors", broken)
    with pytest.raises(WarehouseError, match="table book_vectors of testwiki 20240501: vector 3 holds what is no number"):
        _run(spark, warehouse)
