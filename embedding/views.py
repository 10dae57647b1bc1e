"""The statements that make the tables known to an SQL engine: to DuckDB as views, to Spark's catalog as external tables.

A table holds every snapshot, with the columns wiki and snapshot; `<table>_latest` holds, of each wiki, the newest published snapshot
alone, by values that stand in the view, so that no other partition is looked at. deploy/sql/views.sql builds on these.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from embedding.errors import NotFoundError
from embedding.manifest import MANIFEST
from embedding.tables import BY_STEP, TABLES, ddl
from embedding.warehouse import Warehouse, address

_MARK = "bookspace.table"  # a property of the catalog's tables
# The cosine of two vectors of length 1.
COSINE = {
    "duckdb": "CREATE OR REPLACE MACRO cosine(one, other) AS list_dot_product(one::DOUBLE[], other::DOUBLE[])",
    "spark": (
        "CREATE OR REPLACE TEMPORARY FUNCTION cosine(one ARRAY<FLOAT>, other ARRAY<FLOAT>) RETURNS DOUBLE RETURN "
        "aggregate(zip_with(one, other, (x, y) -> CAST(x AS DOUBLE) * y), 0D, (total, x) -> total + x)"
    ),
}


def tables_there(warehouse: Warehouse) -> list[str]:
    """The tables of which any snapshot is there.

    Raises:
        NotFoundError: there is none.
    """
    kind = MANIFEST if warehouse.mirror else "*.parquet"  # of a local copy, files are fetched later
    there = [table for table in TABLES if next(warehouse.root.glob(f"{table}/**/{kind}"), None)]
    if not there:
        raise NotFoundError(
            f"{warehouse.name}: holds no table yet; make them with `bookspace run`, or name another folder with --warehouse"
        )
    return there


def partition_keys(table: str) -> tuple[str, ...]:
    """The columns that are folders."""
    return ("wiki", "snapshot", "step") if table in BY_STEP else ("wiki", "snapshot")


def quote(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def latest_query(table: str, warehouse: Warehouse) -> str:
    """The query of the view `<table>_latest`. Names of wikis and snapshots are plain words, which the settings see to."""
    shown = " OR ".join(f"(wiki = {quote(s.wiki)} AND snapshot = {quote(s.date)})" for s in warehouse.latest())
    return f"SELECT * FROM {table} WHERE {shown or 'false'}"


def duckdb_statements(warehouse: Warehouse, in_view: Mapping[str, Sequence[Path]] | None = None) -> list[str]:
    """A view a table, its latest view, and the views that build on them.

    Args:
        warehouse: whose tables.
        in_view: table: the files that its latest view is to be of, and of no others; None: of all that the snapshots in view hold when
            a query is made.

    Raises:
        NotFoundError: the warehouse holds no table.
    """
    there = tables_there(warehouse)
    made = []
    for table in there:
        every = quote(f"{warehouse.root.absolute()}/{table}/**/*.parquet")
        scan = _duckdb_scan(table, every, warehouse.root.glob(f"{table}/**/*.parquet"))
        if in_view is None:
            latest = latest_query(table, warehouse)
        elif pinned := in_view.get(table):
            latest = scan_of_files(table, pinned)
        else:
            latest = f"SELECT * FROM {table} WHERE false"
        made += [f"CREATE OR REPLACE VIEW {table} AS {scan}", f"CREATE OR REPLACE VIEW {table}_latest AS {latest}"]
    return [*made, COSINE["duckdb"], *built_on(there)]


def scan_of_files(table: str, files: Sequence[Path]) -> str:
    """A query for DuckDB of all columns of some files of a table, of at least one."""
    return _duckdb_scan(table, f"[{', '.join(quote(str(file.absolute())) for file in files)}]", files)


def _duckdb_scan(table: str, files: str, paths: Iterable[Path]) -> str:
    """A query of all columns of the contract; one that was added since the last of the files was written is null."""
    there = {name for file in {path.parent: path for path in paths}.values() for name in pq.read_schema(file).names}
    keys = ", ".join(f"'{key}': VARCHAR" for key in partition_keys(table))
    columns = [name if name in there else f"NULL AS {name}" for name in TABLES[table].columns.names]
    return (
        f"SELECT {', '.join([*columns, *partition_keys(table)])} FROM "
        f"read_parquet({files}, hive_partitioning = true, hive_types = {{{keys}}}, union_by_name = true)"
    )


def catalog_statements(warehouse: Warehouse, database: str, known: Collection[str] = ()) -> list[str]:
    """An external table a table with its partitions, its latest view, and the views that build on them, in a database of Spark's catalog.

    The tables are made anew, which touches none of their files, but for those that the catalog knows. What is in view is told by one
    function, which the last statement replaces: until then every `_latest` view shows what it showed, and from then on all show the new.

    Args:
        warehouse: whose tables.
        database: of the catalog.
        known: marks of tables (`table_marks`) that the catalog has; of these only the partitions are looked for.

    Raises:
        NotFoundError: the warehouse holds no table.
    """
    there = tables_there(warehouse)
    made = [f"CREATE DATABASE IF NOT EXISTS {database}", f"USE {database}", _shown(warehouse, "CREATE FUNCTION IF NOT EXISTS")]
    for table in there:
        created = _created(table, warehouse)
        if (mark := _mark(table, created)) not in known:
            made += [f"DROP TABLE IF EXISTS {table}", f"{created} TBLPROPERTIES ('{_MARK}' = '{mark}')"]
        made += [
            f"MSCK REPAIR TABLE {table} SYNC PARTITIONS",
            f"CREATE OR REPLACE VIEW {table}_latest AS SELECT * FROM {table} WHERE snapshot = shown(wiki)",
        ]
    made += [COSINE["spark"].replace("TEMPORARY ", ""), *built_on(there)]
    return [*made, _shown(warehouse, "CREATE OR REPLACE FUNCTION")]


def table_marks(text: str) -> set[str]:
    """The marks of the tables that a catalog has, in what it answers to SHOW TABLE EXTENDED: of each its name, columns and place."""
    return set(re.findall(rf"\b{re.escape(_MARK)}=([a-z_]+:[0-9a-f]{{16}})", text))


def _created(table: str, warehouse: Warehouse) -> str:
    keys = partition_keys(table)
    columns = ", ".join([ddl(table), *(f"{key} string" for key in keys)])
    place = _spark_text(address(warehouse.root / table))
    return f"CREATE TABLE {table} ({columns}) USING parquet PARTITIONED BY ({', '.join(keys)}) LOCATION {place}"


def _mark(table: str, created: str) -> str:
    return f"{table}:{hashlib.sha256(created.encode()).hexdigest()[:16]}"


def _shown(warehouse: Warehouse, create: str) -> str:
    """The function that names the snapshot in view of a wiki. Spark puts it in as the expression that it is, so partitions are pruned."""
    cases = " ".join(f"WHEN {quote(one.wiki)} THEN {quote(one.date)}" for one in warehouse.latest())
    return f"{create} shown(name STRING) RETURNS STRING RETURN {f'CASE name {cases} END' if cases else 'CAST(NULL AS STRING)'}"


def built_on(tables: list[str]) -> list[str]:
    """The statements of deploy/sql/views.sql that need no other tables than these."""
    text = re.sub(r"--[^\n]*", "", _file().read_text(encoding="utf-8"))
    made = []
    there = set(tables)
    for statement in (" ".join(part.split()) for part in text.split(";")):
        view, *needed = re.findall(r"\b([a-z_]+)_latest\b", statement) or [""]
        if view and there.issuperset(needed):
            there.add(view)
            made.append(statement)
    return made


def _spark_text(text: str) -> str:
    """A text as a literal of Spark SQL, where a backslash escapes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _file() -> Path:
    """Inside the installed package, or in a source tree."""
    inside = Path(__file__).parent / "views.sql"
    return inside if inside.is_file() else Path(__file__).parent.parent / "deploy" / "sql" / "views.sql"
