"""Which steps of a run need not be done again: what they wrote still matches their inputs and settings."""

import json
from collections.abc import Iterator

from embedding import __version__
from embedding.errors import WarehouseError
from embedding.job import Step, kept_settings
from embedding.manifest import Manifest, Snapshot
from embedding.settings import Settings
from embedding.warehouse import Warehouse


def why_run(step: Step, settings: Settings, warehouse: Warehouse, snapshot: Snapshot) -> str | None:
    """Why a step must run, in words, or None when what it wrote is what it would write. A step without tables always runs."""
    if not step.writes:
        return "it writes no table"
    runs = set()
    for table in step.writes:
        try:
            made = warehouse.manifest(table, snapshot, step.name)
        except WarehouseError:
            return f"{table} is not there"
        runs.add(made.run)
        why = _difference(made, step, settings, warehouse, snapshot)
        if why:
            return why
    return "its tables come from several runs" if len(runs) > 1 else None


def _difference(made: Manifest, step: Step, settings: Settings, warehouse: Warehouse, snapshot: Snapshot) -> str | None:
    if made.versions.get("bookspace") != __version__:
        return f"{made.table} was written by bookspace {made.versions.get('bookspace')}, and this is {__version__}"
    before = warehouse.publication.before(snapshot) if step.reads_before else None
    for inputs, now in (
        (made.inputs, warehouse.manifests_there(step.reads, snapshot)),
        (made.inputs_before, warehouse.manifests_there(step.reads_before, before) if before else {}),
    ):
        for table in sorted({*inputs, *now}):
            if table not in inputs or table not in now or now[table].id != inputs[table]:
                return f"{made.table} was made from another {table}" + (" of the snapshot before" if inputs is made.inputs_before else "")
    kept = json.loads(json.dumps(kept_settings(step, settings)))
    changed = next(_changes(made.settings, kept), None)
    return changed and f"{made.table} was made with {changed}"


def _changes(before: object, now: object, key: str = "") -> Iterator[str]:
    """Every value that differs: its key, what it was and what it is."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted({*before, *now}):
            yield from _changes(before.get(name), now.get(name), f"{key}.{name}" if key else name)
    elif before != now:
        yield f"{key} = {json.dumps(before, ensure_ascii=False)}, and it is {json.dumps(now, ensure_ascii=False)} now"
