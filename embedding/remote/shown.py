"""What the local copy of a warehouse in an object store shows of a snapshot, brought to a state."""

import os
import time
from contextlib import suppress
from pathlib import Path

from embedding.manifest import MANIFEST, Snapshot
from embedding.remote.state import State
from embedding.tables import FOLDERS, TABLES

_SECONDS_OF_A_FETCH = 86_400


def show(root: Path, snapshot: Snapshot, state: State) -> None:
    """Make the folders of a snapshot those of a state: no manifest but its own, no file that is not its own.

    The publication mark goes first if it changes, and comes last; of a table, so does its manifest. Broken off, it is simply done again.
    """
    name = f"wiki={snapshot.wiki}/snapshot={snapshot.date}"
    mark = root / "_published" / f"wiki={snapshot.wiki}" / f"{snapshot.date}.json"
    if _text(mark) != state.texts.get(_path(root, mark)):
        mark.unlink(missing_ok=True)
    folders = [folder for table in (*TABLES, *FOLDERS) if (folder := root / table / name).is_dir()]
    there = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    manifests = set(state.manifests()) | {_path(root, file) for file in there if file.name == MANIFEST}
    changed = {path.rpartition("/")[0] for path in manifests if _text(root / path) != state.texts.get(path)}
    for file in sorted(there, key=lambda file: file.name != MANIFEST):
        path, place = _path(root, file), _path(root, file.parent)
        if file.name.startswith("."):  # is being fetched, or was when its process died
            keep = time.time() - file.stat().st_mtime < _SECONDS_OF_A_FETCH
        elif file.name == MANIFEST:
            keep = place not in changed
        else:  # a name without the id of a run may be that of another run's file
            stored = state.files.get(path)
            keep = stored is not None and file.stat().st_size == stored.bytes and (stored.key == path or place not in changed)
        if not keep:
            file.unlink(missing_ok=True)
    for folder in folders:
        for inner in sorted((one for one in folder.rglob("*") if one.is_dir()), reverse=True):
            with suppress(OSError):
                inner.rmdir()
        with suppress(OSError):
            folder.rmdir()
    for path in sorted(state.texts, key=lambda path: path not in manifests):
        write_whole(root / path, state.texts[path])


def files_below(folder: Path) -> list[Path]:
    """The files below a folder that count: those beginning with a dot are Hadoop's checksums, or on their way."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))


def write_whole(file: Path, text: str) -> None:
    """Write a text, if it is not there; who reads the file sees the old one or the new one."""
    if _text(file) != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.{os.getpid()}")
        partial.write_text(text, encoding="utf-8")
        partial.replace(file)


def _text(file: Path) -> str | None:
    with suppress(OSError, ValueError):
        return file.read_text(encoding="utf-8")
    return None


def _path(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix()
