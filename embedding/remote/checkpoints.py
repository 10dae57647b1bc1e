"""Checkpoints of a training in the object store, so that a retry on another machine goes on where the dead one was.

A training writes them into the local copy (`train/checkpoint.py`), each a folder that appears whole. Here they are copied as they appear:
the JSON last, which makes one count.
"""

import logging
import threading
from collections.abc import Iterable
from pathlib import Path

from embedding.errors import BookspaceError
from embedding.remote.objects import Found, Objects

FACTS = "state.json"  # as train/checkpoint.py writes it, beside the tensors
TRAININGS = 3  # whose newest checkpoint is kept
SECONDS = 10.0  # between two looks
log = logging.getLogger("bookspace")


class CheckpointCopies:
    """The checkpoints of one snapshot: those below `folder`, and their copies below `prefix`."""

    def __init__(self, objects: Objects, prefix: str, folder: Path) -> None:
        self._objects, self._prefix, self._folder = objects, prefix, folder
        self._done, self._ended = _names(folder.glob(f"training-*/step-*/{FACTS}"), folder), threading.Event()
        self._thread = threading.Thread(target=self._follow, name="checkpoints", daemon=True)

    def start(self) -> None:
        """Bring the newest checkpoint here if it is not, and copy those that appear from now on."""
        there = self._objects.list(self._prefix)
        name = newest_whole({key.removeprefix(f"{self._prefix}/"): found for key, found in there.items()})
        if name and name not in self._done:
            files = [key for key in there if key.startswith(f"{self._prefix}/{name}/")]
            log.info("fetching checkpoint %s, %.1f MB", name, sum(there[key].bytes for key in files) / 1e6)
            # Tensors first: a checkpoint whose JSON is there is taken for a whole one.
            for last in (False, True):
                wanted = [key for key in files if key.endswith(f"/{FACTS}") == last]
                self._objects.download({key: self._folder / key.removeprefix(f"{self._prefix}/") for key in wanted})
            self._done.add(name)
        self._thread.start()

    def stop(self) -> None:
        """Copy what has appeared since the last look, and no more."""
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._ended.wait(SECONDS):
            self._copy()
        self._copy()

    def _copy(self) -> None:
        try:
            names = _names(self._folder.glob(f"training-*/step-*/{FACTS}"), self._folder) - self._done
            for name in newest_of_each(names):
                files = sorted((self._folder / name).iterdir(), key=lambda file: file.name == FACTS)
                for file in files:
                    self._objects.upload({f"{self._prefix}/{name}/{file.name}": file})
            self._done |= names
            if names:
                there = {key.removeprefix(f"{self._prefix}/"): found for key, found in self._objects.list(self._prefix).items()}
                self._objects.delete(f"{self._prefix}/{key}" for key in outdated(there))
        except FileNotFoundError:  # the training has replaced it meanwhile; its next one is copied
            pass
        except (BookspaceError, OSError) as error:
            log.warning("the newest checkpoint is on this machine alone: %s", " ".join(str(error).split()))


def newest_whole(there: dict[str, Found]) -> str | None:
    """The checkpoint, training-<mark>/step-<number>, that was written last, among those whose JSON is there."""
    whole = [(found.written, key.rpartition("/")[0]) for key, found in there.items() if key.endswith(f"/{FACTS}")]
    return max(whole)[1] if whole else None


def newest_of_each(names: Iterable[str]) -> list[str]:
    """The newest checkpoint of each training. Numbers of steps have as many digits each."""
    return sorted({name.partition("/")[0]: name for name in sorted(names)}.values())


def outdated(there: dict[str, Found]) -> list[str]:
    """The files of checkpoints that a newer whole one of the same training replaces, and of trainings beyond the newest few."""
    whole = {key.rpartition("/")[0]: found.written for key, found in there.items() if key.endswith(f"/{FACTS}")}
    newest = {name.partition("/")[0]: name for name in sorted(whole)}
    kept = sorted(newest, key=lambda training: whole[newest[training]])[-TRAININGS:]
    return [
        key for key in sorted(there)
        if (training := key.partition("/")[0]) in newest and (training not in kept or key.rpartition("/")[0] < newest[training])
    ]  # fmt: skip


def _names(facts: Iterable[Path], folder: Path) -> set[str]:
    return {file.parent.relative_to(folder).as_posix() for file in facts}
