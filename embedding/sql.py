"""The tables in SQL: the same views in DuckDB and in Spark.

A view has the table's name and holds every snapshot, with the columns wiki and snapshot; `<table>_latest` holds, of each wiki, the
newest published snapshot alone.
"""

from typing import TYPE_CHECKING

from embedding.errors import EnvironmentProblem, NotFoundError
from embedding.tables import BY_STEP, TABLES, ddl
from embedding.warehouse import Warehouse, address

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyspark.sql import SparkSession


def tables_there(warehouse: Warehouse) -> list[str]:
    """The tables of which any snapshot is there."""
    return [table for table in TABLES if next(warehouse.root.glob(f"{table}/**/*.parquet"), None)]


def latest_view(table: str, warehouse: Warehouse) -> str:
    """The query of the view `<table>_latest`. Names of wikis and snapshots are plain words, which the settings see to."""
    shown = " OR ".join(f"(wiki = {quote(s.wiki)} AND snapshot = {quote(s.date)})" for s in warehouse.latest())
    return f"SELECT * FROM {table} WHERE {shown or 'false'}"


def quote(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def open_duckdb(warehouse: Warehouse) -> "DuckDBPyConnection":
    """DuckDB, in memory, with a view a table.

    Raises:
        NotFoundError: the warehouse holds no table.
        EnvironmentProblem: duckdb is not installed.
    """
    try:
        import duckdb
    except ModuleNotFoundError:
        raise EnvironmentProblem("duckdb is not installed; pip install 'bookspace[sql]'") from None
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    for table in _required(warehouse):
        files = quote(f"{warehouse.root.absolute()}/{table}/**/*.parquet")
        keys = ", ".join(f"'{key}': VARCHAR" for key in _keys(table))
        connection.execute(
            f"CREATE VIEW {table} AS SELECT {', '.join([*TABLES[table].columns.names, *_keys(table)])} FROM "
            f"read_parquet({files}, hive_partitioning = true, hive_types = {{{keys}}}, union_by_name = true)"
        )
        connection.execute(f"CREATE VIEW {table}_latest AS {latest_view(table, warehouse)}")
    return connection


def register_spark(spark: "SparkSession", warehouse: Warehouse) -> None:
    """The same views as temporary views of a Spark session.

    Raises:
        NotFoundError: the warehouse holds no table.
    """
    for table in _required(warehouse):
        columns = ", ".join([ddl(table), *(f"{key} string" for key in _keys(table))])
        spark.read.schema(columns).parquet(address(warehouse.root / table)).createOrReplaceTempView(table)
        spark.sql(latest_view(table, warehouse)).createOrReplaceTempView(f"{table}_latest")


def _keys(table: str) -> tuple[str, ...]:
    return ("wiki", "snapshot", "step") if table in BY_STEP else ("wiki", "snapshot")


def _required(warehouse: Warehouse) -> list[str]:
    there = tables_there(warehouse)
    if not there:
        raise NotFoundError(
            f"{warehouse.root}: holds no table yet; make them with `bookspace run`, or name another folder with --warehouse"
        )
    return there
