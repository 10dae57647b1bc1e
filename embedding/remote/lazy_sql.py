"""DuckDB over a warehouse in an object store: the files of a table are fetched when a query reads it.

Every table begins as a view of its columns over a stand-in, from which DuckDB itself says, for any query, which tables it comes down to,
through views that build on views. Those are fetched before it runs.
"""

import re
from typing import TYPE_CHECKING, Any

from embedding.tables import BY_STEP, TABLES
from embedding.views import COSINE, built_on, partition_keys, quote, scan_of_files, tables_there

if TYPE_CHECKING:
    from embedding.warehouse import Warehouse

_STAND_INS = "not_fetched"  # the schema that holds them


class FetchingConnection:
    """A DuckDB connection; what it runs sees the tables as they were when the warehouse was opened."""

    def __init__(self, connection: Any, warehouse: "Warehouse") -> None:
        self._connection, self._warehouse = connection, warehouse
        there = tables_there(warehouse)
        connection.execute(f"CREATE SCHEMA {_STAND_INS}")
        self._waiting = {name for table in there for name in (table, f"{table}_latest")}
        for name in sorted(self._waiting):
            table = name.removesuffix("_latest")
            keys = "".join(f", NULL::VARCHAR AS {key}" for key in partition_keys(table))
            connection.register("columns", TABLES[table].columns.empty_table())
            connection.execute(f"CREATE TABLE {_STAND_INS}.{name} AS SELECT *{keys} FROM columns")
            connection.execute(f"INSERT INTO {_STAND_INS}.{name} DEFAULT VALUES")
            connection.unregister("columns")
            # Who reads it all the same is told so, and does not take it for an empty table.
            said = f"table {table} was not fetched: this kind of statement does not say that it reads it"
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM {_STAND_INS}.{name} WHERE error({quote(said)})")
        for statement in [COSINE["duckdb"], *built_on(there)]:
            connection.execute(statement)

    def execute(self, query: str, *parameters: Any) -> Any:
        """See duckdb.DuckDBPyConnection."""
        self._fetch(query)
        return self._connection.execute(query, *parameters)

    def sql(self, query: str, *parameters: Any, **more: Any) -> Any:
        """See duckdb.DuckDBPyConnection."""
        self._fetch(query)
        return self._connection.sql(query, *parameters, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __enter__(self) -> "FetchingConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _fetch(self, query: str) -> None:
        for name in sorted(self._named(query)):
            table, latest = name.removesuffix("_latest"), name.endswith("_latest")
            files = fetched_files(self._warehouse, table, latest)
            scan = scan_of_files(table, files) if files else f"SELECT * FROM {_STAND_INS}.{name} WHERE false"
            self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS {scan}")
            self._waiting.discard(name)

    def _named(self, query: str) -> set[str]:
        """The tables that a query reads and that are not fetched yet."""
        import duckdb

        try:
            statements = [statement.query for statement in self._connection.extract_statements(query)]
            return {name for text in statements for name in self._connection.get_table_names(text)} & self._waiting
        except duckdb.Error:  # several statements that build on each other, or a mistake, which is told when it runs
            return words_of(query) & self._waiting


def fetched_files(warehouse: "Warehouse", table: str, latest: bool) -> list[Any]:
    """The Parquet files of a table, of all snapshots or of those in view, all of them on this machine."""
    snapshots = warehouse.latest() if latest else warehouse.snapshots()
    parts = [(snapshot, step) for snapshot in snapshots for name, step in warehouse.parts(snapshot) if name == table]
    return [file for snapshot, step in parts for file in warehouse.files(f"{table}/{step}" if table in BY_STEP else table, snapshot)]


def words_of(query: str) -> set[str]:
    """The words of a query, those that views build on among them."""
    words = set(re.findall(r"\w+", query.lower()))
    for statement in built_on(list(TABLES)):
        view, *needed = re.findall(r"\b([a-z_]+_latest)\b", statement)
        if view in words:
            words.update(needed)
    return words
