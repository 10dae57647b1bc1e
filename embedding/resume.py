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
    made = []
    for table in step.writes:
        try:
            made.append(warehouse.manifest(table, snapshot, step.name))
        except WarehouseError:
            return f"{table} is not there"
    if len({one.run for one in made}) > 1:
        return "its tables come from several runs"
    return _difference(made[0], step, settings, warehouse, snapshot)  # tables of one run share inputs and settings


def _difference(made: Manifest, step: Step, settings: Settings, warehouse: Warehouse, snapshot: Snapshot) -> str | None:
    if made.versions.get("bookspace") != __version__:
        return f"{made.table} was written by bookspace {made.versions.get('bookspace')}, and this is {__version__}"
    there = warehouse.manifests_there(step.reads, snapshot)
    for table in step.reads:
        if table not in made.inputs or table not in there or there[table].id != made.inputs[table]:
            return f"{made.table} was made from another {table}"
    if set(made.inputs) != set(step.reads):
        return f"{made.table} was made from {', '.join(sorted(made.inputs))}"
    if why := _newer_before(made, step, warehouse, snapshot):
        return why
    kept = json.loads(json.dumps(kept_settings(step, settings)))
    changed = next(_changes(made.settings, kept), None)
    return changed and f"{made.table} was made with {changed}"


def _newer_before(made: Manifest, step: Step, warehouse: Warehouse, snapshot: Snapshot) -> str | None:
    """Is there a newer snapshot before, or is it another one by now? One that was pruned or withdrawn since has served its turn."""
    before = warehouse.publication.before(snapshot) if step.reads_before else None
    there = warehouse.manifests_there(step.reads_before, before) if before else {}
    if before is None or not there or before.date < (made.before or ""):
        return None
    if before.date != made.before:
        return f"{made.table} was made before {before} was published"
    other = next((table for table in there if there[table].id != made.inputs_before.get(table)), None)
    return other and f"{made.table} was made from another {other} of {before}"


def _changes(before: object, now: object, key: str = "") -> Iterator[str]:
    """Every value that differs: its key, what it was and what it is."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted({*before, *now}):
            yield from _changes(before.get(name), now.get(name), f"{key}.{name}" if key else name)
    elif before != now:
        yield f"{key} = {json.dumps(before, ensure_ascii=False)}, and it is {json.dumps(now, ensure_ascii=False)} now"
