"""DuckDB over a warehouse in an object store: the files of a table are fetched when a query reads it.

Every table begins as a view of its columns over a stand-in, from which DuckDB itself says, for any query, which tables it comes down to,
through views that build on views. Those are fetched before it runs.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedding.errors import WarehouseError
from embedding.manifest import Snapshot
from embedding.remote.state import State
from embedding.tables import TABLES
from embedding.views import COSINE, built_on, partition_keys, quote, scan_of_files, tables_there

if TYPE_CHECKING:
    from embedding.warehouse import Warehouse

_STAND_INS = "not_fetched"  # the schema that holds them


@dataclass(frozen=True)
class Moment:
    """What the local copy showed at one moment.

    Attributes:
        tables: of which any snapshot was there.
        latest: the snapshots in view.
        states: every snapshot and its files.
    """

    tables: list[str]
    latest: list[Snapshot]
    states: dict[Snapshot, State]


def moment(warehouse: "Warehouse") -> Moment:
    """This moment of a warehouse in an object store.

    Raises:
        NotFoundError: the warehouse holds no table.
    """
    mirror = warehouse.mirror
    assert mirror

    def look() -> Moment:
        latest, there = warehouse.latest(), warehouse.snapshots()
        return Moment(tables_there(warehouse), latest, {one: mirror.state(one) for one in sorted({*latest, *there})})

    return mirror.at_rest(look)


class FetchingConnection:
    """A DuckDB connection; what it runs sees the tables as they were when it was opened, whatever this or other machines do meanwhile.

    A query that needs a table which was replaced or removed since, and not fetched before, raises WarehouseError.
    """

    def __init__(self, connection: Any, warehouse: "Warehouse") -> None:
        self._connection, self._warehouse, self._opened = connection, warehouse, moment(warehouse)
        there = self._opened.tables
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
            files = fetched_files(self._warehouse, self._opened, table, latest)
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


def fetched_files(warehouse: "Warehouse", opened: Moment, table: str, latest: bool) -> list[Path]:
    """The Parquet files that a table had at a moment, of all snapshots or of those in view, all of them on this machine.

    Raises:
        WarehouseError: some were replaced or removed since.
    """
    found: list[Path] = []
    for snapshot in opened.latest if latest else opened.states:
        held = opened.states[snapshot].files
        paths = sorted(path for path in held if path.startswith(f"{table}/") and path.endswith(".parquet"))
        files = [warehouse.root / path for path in paths]
        warehouse.fetch({file.parent for file in files}, snapshot)
        if not all(file.exists() for file in files):
            raise WarehouseError(
                f"{warehouse.name}: table {table} of {snapshot} was replaced or removed since the warehouse was opened; open it again"
            )
        found += files
    return found


def words_of(query: str) -> set[str]:
    """The words of a query, those that views build on among them."""
    words = set(re.findall(r"\w+", query.lower()))
    for statement in built_on(list(TABLES)):
        view, *needed = re.findall(r"\b([a-z_]+_latest)\b", statement)
        if view in words:
            words.update(needed)
    return words
