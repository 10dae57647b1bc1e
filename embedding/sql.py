"""The tables in SQL: the same views in DuckDB and in Spark. Their statements are made in `views.py`."""

from typing import TYPE_CHECKING, cast

from embedding.errors import EnvironmentProblem, SettingsError
from embedding.remote.lazy_sql import FetchingConnection, fetched_files, moment, words_of
from embedding.tables import ddl
from embedding.views import COSINE, built_on, duckdb_statements, latest_query, partition_keys, tables_there
from embedding.warehouse import Warehouse, address

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyspark.sql import SparkSession

_ATTEMPTS = 20  # to make views while tables are being replaced


def open_duckdb(warehouse: Warehouse) -> "DuckDBPyConnection":
    """DuckDB, in memory, with a view a table.

    A view `<table>_latest` is of the files that are in view when it is made: what is published, withdrawn or replaced afterwards does
    not change it. A query that needs a file which has been replaced or removed since fails; open again.

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
    if warehouse.mirror:
        return cast("DuckDBPyConnection", FetchingConnection(connection, warehouse))
    for attempt in range(_ATTEMPTS):
        try:
            for statement in duckdb_statements(warehouse, warehouse.files_in_view()):
                connection.execute(statement)
            break
        except (duckdb.IOException, FileNotFoundError):  # a table was replaced while its files were looked at
            if attempt == _ATTEMPTS - 1:
                raise
    return connection


def register_spark(spark: "SparkSession", warehouse: Warehouse, query: str) -> None:
    """The same views as temporary views of a Spark session.

    Args:
        spark: the session.
        warehouse: whose tables.
        query: what is to be asked; of a warehouse in an object store the tables that it may name are fetched, and of no others are there
            files.

    Raises:
        SettingsError: the session's executors do not see a warehouse in an object store.
        NotFoundError: the warehouse holds no table.
    """
    from embedding.spark import is_local

    there = tables_there(warehouse)
    if warehouse.mirror and not is_local(spark):
        raise SettingsError(
            f"{warehouse.name}: executors of {spark.sparkContext.master} do not see this machine's local copy of an object store; "
            "give a local master (spark.master=local[*]), or --engine duckdb"
        )

    def register() -> None:
        if warehouse.mirror:
            now = moment(warehouse)
            for name in sorted(words_of(query)):
                if (table := name.removesuffix("_latest")) in now.tables:
                    fetched_files(warehouse, now, table, latest=name != table)
        for table in there:
            columns = ", ".join([ddl(table), *(f"{key} string" for key in partition_keys(table))])
            spark.read.schema(columns).parquet(address(warehouse.root / table)).createOrReplaceTempView(table)
            spark.sql(latest_query(table, warehouse)).createOrReplaceTempView(f"{table}_latest")

    warehouse.publication.at_one_moment(register)  # Spark lists the files when a view is made
    for statement in [COSINE["spark"], *built_on(there)]:
        spark.sql(statement.replace("CREATE OR REPLACE VIEW", "CREATE OR REPLACE TEMPORARY VIEW"))
