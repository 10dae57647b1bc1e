"""Removing what nobody needs any more: old snapshots, and what killed runs have left in `_staging`."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from embedding.manifest import Snapshot
from embedding.warehouse import Warehouse


@dataclass(frozen=True)
class Removal:
    """Something to be removed: its name, the folders that it is, their bytes, the snapshot that it was; objects, of an object store."""

    name: str
    paths: list[Path]
    bytes: int
    snapshot: Snapshot | None = None
    objects: tuple[str, ...] = ()


def to_keep(warehouse: Warehouse, wiki: str, keep: int) -> dict[Snapshot, str]:
    """The snapshots of a wiki that stay, each with the reason: the newest ones, the one in view, those that are being written."""
    newest = warehouse.snapshots(wiki)[-keep:]
    in_view = [snapshot for snapshot in warehouse.latest() if snapshot.wiki == wiki]
    back = [before for snapshot in in_view if keep > 1 and (before := warehouse.publication.before(snapshot))]
    written = [Snapshot(owner.get("wiki", ""), owner.get("snapshot", "")) for owner in warehouse.staging.owners()]
    written += [snapshot for snapshot in warehouse.snapshots(wiki) if warehouse.is_locked(snapshot)]
    return (
        dict.fromkeys(written, "is being written") | dict.fromkeys(newest, "among the newest")
        | dict.fromkeys(back, "where a rollback would lead") | dict.fromkeys(in_view, "in view")
    )  # fmt: skip


def removals(warehouse: Warehouse, wikis: Iterable[str], keep: int) -> Iterator[Removal]:
    """What is to be removed: the snapshots that `to_keep` does not name, and folders in `_staging` whose writers are gone."""
    for wiki in wikis:
        kept = to_keep(warehouse, wiki, keep)
        for snapshot in warehouse.snapshots(wiki):
            if snapshot not in kept:
                paths = sorted(warehouse.root.glob(f"*/wiki={snapshot.wiki}/snapshot={snapshot.date}"))
                size = warehouse.mirror.size(snapshot) if warehouse.mirror else sum(map(_bytes, paths))
                yield Removal(str(snapshot), paths, size, snapshot)
    for folder in warehouse.staging.leftovers():
        yield Removal(f"_staging/{folder.name}", [folder], _bytes(folder))
    if warehouse.mirror and (left := warehouse.mirror.leftovers()):
        yield Removal("objects that no table names", [], sum(left.values()), objects=tuple(left))


def remove(warehouse: Warehouse, removal: Removal) -> None:
    """Remove it. A snapshot goes out of the list of the published ones first, then each of its tables as a whole.

    Raises:
        OSError: something could not be removed.
    """
    if warehouse.mirror:
        warehouse.mirror.objects.delete(removal.objects)
        if removal.snapshot:
            warehouse.mirror.forget(removal.snapshot)
    with warehouse.staging.folder(step="prune") as aside:
        if removal.snapshot:
            warehouse.publication.file(removal.snapshot).unlink(missing_ok=True)
        for number, path in enumerate(path for path in removal.paths if path.exists()):
            path.rename(aside / str(number))
        for path in aside.glob("[0-9]*"):
            shutil.rmtree(path)


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
