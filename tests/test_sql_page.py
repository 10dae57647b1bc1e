"""The queries of docs/sql.md, each in DuckDB and in Spark, on the sample's books with vectors drawn at random."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from duckdb import DuckDBPyConnection
from pyspark.sql import SparkSession

from embedding.sql import open_duckdb, register_spark
from embedding.warehouse import Warehouse
from tests import sql_page
from tests.sample_warehouse import BEFORE, TODAY, make

QUERIES = sql_page.queries()


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return make(tmp_path_factory.mktemp("it's a warehouse"))


@pytest.fixture(scope="module")
def duckdb(warehouse: Warehouse) -> Iterator[DuckDBPyConnection]:
    with open_duckdb(warehouse) as connection:
        yield connection


@pytest.fixture(scope="module")
def spark_views(warehouse: Warehouse, spark: SparkSession) -> SparkSession:
    register_spark(spark, warehouse, ";".join(QUERIES))
    return spark


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_a_query_answers_the_same_in_both_engines(number: int, duckdb: DuckDBPyConnection, spark_views: SparkSession) -> None:
    result = duckdb.sql(QUERIES[number])
    columns, rows = result.columns, result.fetchall()
    assert rows, "a query that finds nothing shows nothing"
    frame = spark_views.sql(QUERIES[number])
    assert frame.columns == columns
    assert _rounded([tuple(row) for row in frame.collect()]) == _rounded(rows)


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_the_answer_on_the_page_is_one_of_that_query(number: int, duckdb: DuckDBPyConnection) -> None:
    header, *lines = sql_page.answers()[number].splitlines()
    assert header.split() == duckdb.sql(QUERIES[number]).columns
    assert lines


def test_there_is_a_query_for_each_filter_and_ten_besides() -> None:
    assert len(QUERIES) >= 15


def test_what_the_queries_say_is_so(duckdb: DuckDBPyConnection) -> None:
    """The chains, hubs and mutual neighbours, counted once more in Python."""
    rows = duckdb.execute("SELECT title, neighbour_title FROM neighbours_latest").fetchall()
    lists: dict[str, set[str]] = {}
    for title, near in rows:
        lists.setdefault(title, set()).add(near)
    mutual = duckdb.execute("SELECT title, neighbour_title FROM mutual_neighbours_latest").fetchall()
    assert {frozenset(pair) for pair in mutual} == {frozenset((a, b)) for a in lists for b in lists[a] if a in lists[b]}
    assert len(mutual) == len({frozenset(pair) for pair in mutual})
    hubs = dict(duckdb.execute("SELECT title, lists FROM hubs_latest").fetchall())
    assert hubs == {title: count for title in lists if (count := sum(title in near for near in lists.values()))}
    chain = next(query for query in QUERIES if "step_1" in query)
    for first, one, two, goal, _ in duckdb.execute(chain).fetchall():
        assert one in lists[first]
        assert two in lists[one]
        assert goal in lists[two]


def test_changes_are_those_between_the_two_snapshots(duckdb: DuckDBPyConnection) -> None:
    (query,) = [query for query in QUERIES if "new_neighbours" in query]
    of_day = "SELECT neighbour_page_id FROM neighbours WHERE title = ? AND snapshot = ?"
    for title, count, _ in duckdb.execute(query).fetchall():
        one, other = (set(duckdb.execute(of_day, [title, day.date]).fetchall()) for day in (BEFORE, TODAY))
        assert count == len(other - one) > 0


def test_spark_looks_at_the_newest_published_partition_alone(spark_views: SparkSession) -> None:
    plan = spark_views.sql("EXPLAIN FORMATTED SELECT title FROM neighbours_latest WHERE rank = 1").collect()[0][0]
    (filters,) = re.findall(r"PartitionFilters: (.*)", plan)
    assert "wiki" in filters
    assert TODAY.date in filters
    assert BEFORE.date not in filters


def _rounded(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(round(value, 5) if isinstance(value, float) else value for value in row) for row in rows]
