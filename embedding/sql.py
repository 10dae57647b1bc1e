"""The tables in SQL: the same views in DuckDB and in Spark. Their statements are made in `views.py`."""

from typing import TYPE_CHECKING

from embedding.errors import EnvironmentProblem
from embedding.tables import ddl
from embedding.views import COSINE, built_on, duckdb_statements, latest_query, partition_keys, tables_there
from embedding.warehouse import Warehouse, address

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyspark.sql import SparkSession


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
    statements = duckdb_statements(warehouse)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    for statement in statements:
        connection.execute(statement)
    return connection


def register_spark(spark: "SparkSession", warehouse: Warehouse) -> None:
    """The same views as temporary views of a Spark session.

    Raises:
        NotFoundError: the warehouse holds no table.
    """
    there = tables_there(warehouse)
    for table in there:
        columns = ", ".join([ddl(table), *(f"{key} string" for key in partition_keys(table))])
        spark.read.schema(columns).parquet(address(warehouse.root / table)).createOrReplaceTempView(table)
        spark.sql(latest_query(table, warehouse)).createOrReplaceTempView(f"{table}_latest")
    for statement in [COSINE["spark"], *built_on(there)]:
        spark.sql(statement.replace("CREATE OR REPLACE VIEW", "CREATE OR REPLACE TEMPORARY VIEW"))
