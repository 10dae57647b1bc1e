"""Tables on their way in: a folder for every writer, and commits that a kill does not cut in half.

A writer owns its folder `_staging/<run>/` as long as it holds the lock on `owner.json` there, which ends with the process. What it has
staged is moved in by renames. Before the first of them a journal, `commit.json`, appears: from then on the commit is decided, and
whoever opens the warehouse waits for the owner to end it, or ends it in a dead owner's place. So all tables of a step appear together to
who opens the warehouse, and a kill between two renames loses nothing.
"""

import fcntl
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedding.task_files import TaskFiles

OWNER, JOURNAL, REPLACED = "owner.json", "commit.json", "replaced"
_SECONDS_TO_LOCK = 600  # a folder without owner.json is one that a writer has just made, or a leftover


@dataclass
class StagedTable:
    """A table on its way into the warehouse: write its files into `folder`, say what was dropped."""

    folder: Path
    rows_in: int | None = None
    dropped: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def attempts(self) -> Path:
        """A folder beside it for the files of tasks that may fail, or run twice; what nobody takes goes when the step ends."""
        folder = self.folder.with_name(f"{self.folder.name}.attempts")
        folder.mkdir(exist_ok=True)
        return folder

    def take(self, files: TaskFiles, names: Iterable[str]) -> None:
        """Make these files that tasks have written, in this order, all that the table has."""
        for old in self.folder.iterdir():
            old.unlink()
        files.take({name: self.folder / f"part-{number:05}.parquet" for number, name in enumerate(names)})


class Staging:
    """The folder `_staging` of a warehouse."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def folder(self, **owner: str) -> Iterator[Path]:
        """A folder of its own for a writer (who says in `owner` who it is), removed at the end."""
        folder = self._root / "_staging" / uuid.uuid4().hex
        folder.mkdir(parents=True)
        try:
            with (folder / OWNER).open("w", encoding="utf-8") as lock:
                with suppress(OSError):  # a file system without locks: nobody takes this folder for a leftover, or ends its commit
                    fcntl.flock(lock, fcntl.LOCK_EX)
                json.dump({**owner, "host": socket.gethostname(), "pid": os.getpid()}, lock)
                lock.flush()
                try:
                    yield folder
                finally:
                    self._remove(folder)
        except OSError:
            if not (folder / OWNER).exists():
                self._remove(folder)
            raise

    def commit(self, folder: Path, moves: Mapping[str, Path], away: Sequence[Path] = ()) -> None:
        """Move in what is staged, all of it or nothing.

        Args:
            folder: as `folder` gave it.
            moves: name of a folder in it: where it goes, in the place of what is there.
            away: files that are taken away before the first move.

        Raises:
            OSError: it could not be done; all is as it was.
        """
        for target in moves.values():
            target.parent.mkdir(parents=True, exist_ok=True)
        (folder / REPLACED).mkdir()
        plan = {
            "moves": {name: str(target.relative_to(self._root)) for name, target in moves.items()},
            "away": [str(file.relative_to(self._root)) for file in away],
        }
        journal = folder / JOURNAL
        partial = journal.with_suffix(".partial")
        partial.write_text(json.dumps(plan), encoding="utf-8")
        partial.replace(journal)
        try:
            self._finish(folder, plan)
        except OSError:
            self._undo(folder, plan)
            raise

    def roll_forward(self) -> None:
        """End the commits whose writers were killed; wait for those that are being ended just now. Nothing is raised."""
        for journal in sorted(self._root.glob(f"_staging/*/{JOURNAL}")):
            with suppress(OSError), (journal.parent / OWNER).open("r+") as lock:  # gone in the meantime, or a warehouse to read only
                fcntl.flock(lock, fcntl.LOCK_EX)
                if journal.exists():
                    self._finish(journal.parent, json.loads(journal.read_text(encoding="utf-8")))
                    self._remove(journal.parent)

    def owners(self) -> list[dict[str, Any]]:
        """Who is writing just now, as they told `folder`."""
        return [_told(folder) for folder in self._folders() if _is_owned(folder)]

    def leftovers(self) -> list[Path]:
        """Folders whose writers are gone."""
        return [folder for folder in self._folders() if not _is_owned(folder)]

    def _folders(self) -> list[Path]:
        return sorted(self._root.glob("_staging/*"))

    def _finish(self, folder: Path, plan: Mapping[str, Any]) -> None:
        """Make the moves of a journal that have not been made yet."""
        for number, file in enumerate(plan["away"]):
            with suppress(FileNotFoundError):
                (self._root / file).rename(folder / REPLACED / str(number))
        for name, place in plan["moves"].items():
            staged, target = folder / name, self._root / place
            if staged.exists():
                if target.exists():
                    target.rename(folder / REPLACED / name)
                staged.rename(target)
        (folder / JOURNAL).unlink()

    def _undo(self, folder: Path, plan: Mapping[str, Any]) -> None:
        for name, place in reversed(plan["moves"].items()):
            staged, target, old = folder / name, self._root / place, folder / REPLACED / name
            if not staged.exists():
                target.rename(staged)
            if old.exists():
                old.rename(target)
        for number, file in enumerate(plan["away"]):
            with suppress(FileNotFoundError):
                (folder / REPLACED / str(number)).rename(self._root / file)
        (folder / JOURNAL).unlink()

    def _remove(self, folder: Path) -> None:
        """Remove a writer's folder, unless it holds a commit that is decided and not ended."""
        if not (folder / JOURNAL).exists():
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # another writer is at work there
                folder.parent.rmdir()


def _is_owned(folder: Path) -> bool:
    """Does a running process own the folder? Yes, too, where that cannot be told."""
    try:
        with (folder / OWNER).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        with suppress(OSError):
            return time.time() - folder.stat().st_mtime < _SECONDS_TO_LOCK
        return True
    except OSError:
        return True


def _told(folder: Path) -> dict[str, Any]:
    try:
        told = json.loads((folder / OWNER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
