"""Reads what the report tells: the manifests, the mark of the snapshot, and the tables by DuckDB."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from embedding.atlas.explorer.books import has_rows
from embedding.atlas.report.contents import Changes, Figure, KnownBook, Near, Report, Setting, StepRun, TableCount
from embedding.manifest import Manifest, Snapshot
from embedding.settings import Settings
from embedding.settings_files import load_settings
from embedding.tables import FOLDERS
from embedding.warehouse import Warehouse

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BOOKS, NEIGHBOURS, SHARED, CHANGED = 10, 5, 4, 10  # that the report shows at most
_OWN = {"wiki", "snapshot", "warehouse"}  # every run has its own


def read_report(warehouse: Warehouse, connection: "DuckDBPyConnection", snapshot: Snapshot) -> Report:
    """Read a snapshot, whatever of it is there.

    Args:
        warehouse: where the tables are.
        connection: as `sql.open_duckdb` opens it.
        snapshot: published or not.

    Raises:
        WarehouseError: a manifest or the snapshot's mark is damaged.
    """
    made = manifests(warehouse, snapshot)
    before = snapshot_before(warehouse, snapshot, made)
    made_before = manifests(warehouse, before) if before else {}
    mark = warehouse.publication.mark(snapshot)
    key, key_before = [snapshot.wiki, snapshot.date], [snapshot.wiki, before.date if before else ""]
    return Report(
        snapshot=snapshot,
        state="in view" if snapshot in warehouse.latest() else mark.state if mark else "not published",
        when=mark.when if mark else "",
        before=before.date if before else None,
        tables=[
            TableCount(name, one.step, one.rows_in, one.rows_out, one.dropped, made_before[name].rows_out if name in made_before else None)
            for name, one in made.items()
            if name not in FOLDERS
        ],
        steps=step_runs(made, made_before),
        settings=changed_settings(made),
        versions=versions_of(made),
        figures=_figures(connection, key, key_before),
        epochs=_epochs(connection, key),
        gates=mark.gates if mark else [],
        books=_known_books(connection, key),
        changes=_changes(connection, key),
    )


def manifests(warehouse: Warehouse, snapshot: Snapshot) -> dict[str, Manifest]:
    """The manifests of all that is there of a snapshot; what a step wrote to a table of several steps is named table/step."""
    return {f"{table}/{step}" if step else table: warehouse.manifest(table, snapshot, step) for table, step in warehouse.parts(snapshot)}


def snapshot_before(warehouse: Warehouse, snapshot: Snapshot, made: Mapping[str, Manifest]) -> Snapshot | None:
    """The snapshot with which this one was compared; where it was with none, the published one before it."""
    compared = made.get("metrics/compare_snapshots")
    if compared and compared.before:
        return Snapshot(snapshot.wiki, compared.before)
    return warehouse.publication.before(snapshot)


def step_runs(made: Mapping[str, Manifest], before: Mapping[str, Manifest]) -> list[StepRun]:
    """Each step once, in the order in which they ended."""
    runs = {one.step: one for one in made.values()}
    seconds_before = {one.step: one.seconds for one in before.values()}
    ordered = sorted(runs.values(), key=lambda one: one.created)
    return [StepRun(one.step, one.created, one.seconds, seconds_before.get(one.step)) for one in ordered]


def changed_settings(made: Mapping[str, Manifest]) -> list[Setting]:
    """The settings in the manifests that differ from conf/default.yaml; a key that there is none of today has the default None."""
    defaults = flat(load_settings([], ["wiki=any"]).model_dump(mode="json"))
    used: dict[str, Any] = {}
    for one in made.values():
        used |= flat({key: value for key, value in one.settings.items() if key in Settings.model_fields and key not in _OWN})
    return [Setting(key, value, defaults.get(key)) for key, value in sorted(used.items()) if key not in defaults or value != defaults[key]]


def flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested settings by their whole keys: train.epochs. An empty section is a value of its own."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= flat(value, f"{above}{key}.") if isinstance(value, Mapping) and value else {f"{above}{key}": value}
    return found


def versions_of(made: Mapping[str, Manifest]) -> dict[str, list[str]]:
    """Versions by package, bookspace and Python first."""
    found: dict[str, set[str]] = {}
    for one in made.values():
        for name, version in one.versions.items():
            found.setdefault(name, set()).add(version)
    return {name: sorted(found[name]) for name in sorted(found, key=lambda name: (name not in ("bookspace", "python"), name))}


def _figures(connection: "DuckDBPyConnection", key: Sequence[str], before: Sequence[str]) -> list[Figure]:
    query = "SELECT step, metric, value, measured_on FROM metrics WHERE wiki = ? AND snapshot = ? AND epoch IS NULL ORDER BY step, metric"
    rows, old = (connection.execute(query, of).fetchall() if has_rows(connection, "metrics", of) else [] for of in (key, before))
    values = {(step, name): value for step, name, value, _ in old}
    return [Figure(step, name, value, on or "", values.get((step, name))) for step, name, value, on in rows]


def _epochs(connection: "DuckDBPyConnection", key: Sequence[str]) -> dict[str, list[tuple[int, float]]]:
    if not has_rows(connection, "metrics", key):
        return {}
    query = """
        SELECT metric, epoch, value FROM metrics
        WHERE wiki = ? AND snapshot = ? AND step = 'train_embedding' AND epoch IS NOT NULL AND isfinite(value) ORDER BY metric, epoch
    """
    found: dict[str, list[tuple[int, float]]] = {}
    for name, epoch, value in connection.execute(query, list(key)).fetchall():
        found.setdefault(name, []).append((epoch, value))
    return found


def _known_books(connection: "DuckDBPyConnection", key: Sequence[str]) -> list[KnownBook]:
    """The most linked books that have neighbours. Without the table links it is the first ones by title."""
    if not has_rows(connection, "neighbours", key):
        return []
    links = has_rows(connection, "links", key)
    known = next((table for table in ("books", "book_map") if has_rows(connection, table, key)), None)
    nothing = "(SELECT CAST(NULL AS BIGINT) AS page_id, NULL AS books, NULL AS author, NULL AS year WHERE false)"
    here = "WHERE wiki = $1 AND snapshot = $2"
    chosen = connection.execute(
        f"""
        SELECT n.page_id, any_value(n.title) AS title, any_value(b.author), any_value(b.year), coalesce(max(l.books), 0) AS linked
        FROM (SELECT page_id, title FROM neighbours {here} AND rank = 1) n
        LEFT JOIN {f"(SELECT page_id, books FROM links {here})" if links else nothing} l ON l.page_id = n.page_id
        LEFT JOIN {f"(SELECT page_id, author, year FROM {known} {here})" if known else nothing} b ON b.page_id = n.page_id
        GROUP BY n.page_id ORDER BY linked DESC, title, n.page_id LIMIT {BOOKS}
        """,
        list(key),
    ).fetchall()
    near: dict[int, list[Near]] = {page: [] for page, *_ in chosen}
    for page, title, similarity, shared in connection.execute(
        f"""
        SELECT page_id, neighbour_title, similarity, shared_links FROM neighbours
        {here} AND rank <= {NEIGHBOURS} AND list_contains($3, page_id) ORDER BY page_id, rank
        """,
        [*key, list(near)],
    ).fetchall():
        near[page].append(Near(title or "", similarity, (shared or [])[:SHARED]))
    return [KnownBook(title or "", author, year, linked, near[page]) for page, title, author, year, linked in chosen]


def _changes(connection: "DuckDBPyConnection", key: Sequence[str]) -> Changes | None:
    if not has_rows(connection, "neighbour_changes", key):
        return None
    here = "FROM neighbour_changes WHERE wiki = ? AND snapshot = ?"
    counts = dict(connection.execute(f"SELECT change, count(*) {here} GROUP BY change ORDER BY change", list(key)).fetchall())
    before = connection.execute(f"SELECT max(snapshot_before) {here}", list(key)).fetchall()[0][0]
    new = f"{here} AND change IN ('entered', 'left')"
    books = connection.execute(f"SELECT count(DISTINCT page_id) {new}", list(key)).fetchall()[0][0]
    most = connection.execute(
        f"""
        SELECT any_value(title) AS title, count(*) FILTER (change = 'entered'), count(*) FILTER (change = 'left')
        {new} GROUP BY page_id ORDER BY count(*) DESC, title, page_id LIMIT {CHANGED}
        """,
        list(key),
    ).fetchall()
    return Changes(before, counts, books, [(title or "", entered, left) for title, entered, left in most])
