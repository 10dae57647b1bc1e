"""Checkpoints of a training in the object store, so that a retry on another machine goes on where the dead one was.

A training writes them into the local copy (`train/checkpoint.py`), each a folder that appears whole. Here they are copied as they appear:
the JSON last, which makes one count.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
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
        self._copied: dict[str, str] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="checkpoints", daemon=True)

    def start(self) -> None:
        """Bring the newest checkpoint of each training here, if it is not, and copy those that are only here, and that appear from now on.

        Which training goes on is not known here: it may be one that others came after.

        Raises:
            WarehouseError: the store does not answer.
            OSError: the folder cannot be written.
        """
        there, here = self._there(), newest_of_each(self._here())
        whole = whole_ones(there)
        self._copied = newest_of_each(whole)
        written = {training: whole[name] for training, name in self._copied.items()}
        for training in sorted(written, key=lambda training: written[training]):  # the order in which the local ones give way to others
            if self._copied[training] > here.get(training, ""):
                with suppress(FileNotFoundError):  # a run that was taken over has replaced it just now
                    self._fetch(self._copied[training], there)
        for training, name in here.items():
            if name > self._copied.get(training, ""):
                changed = (self._folder / name / FACTS).stat().st_mtime
                written[training] = datetime.fromtimestamp(changed, UTC)
        # A training of long ago that the store keeps no more does not come back and drive out another one.
        self._copied |= {training: here[training] for training in here.keys() - newest_trainings(written)}
        self._thread.start()

    def stop(self) -> None:
        """Copy what has appeared since the last look, and no more."""
        self._ended.set()
        self._thread.join()

    def _there(self) -> dict[str, Found]:
        return {key.removeprefix(f"{self._prefix}/"): found for key, found in self._objects.list(self._prefix).items()}

    def _here(self) -> set[str]:
        return {file.parent.relative_to(self._folder).as_posix() for file in self._folder.glob(f"training-*/step-*/{FACTS}")}

    def _fetch(self, name: str, there: Mapping[str, Found]) -> None:
        files = [key for key in there if key.startswith(f"{name}/")]
        log.info("fetching checkpoint %s, %.1f MB", name, sum(there[key].bytes for key in files) / 1e6)
        # Tensors first: a checkpoint whose JSON is there is taken for a whole one.
        for last in (False, True):
            wanted = [key for key in files if key.endswith(f"/{FACTS}") == last]
            self._objects.download({f"{self._prefix}/{key}": self._folder / key for key in wanted})

    def _follow(self) -> None:
        while not self._ended.wait(SECONDS):
            self._copy()
        self._copy()

    def _copy(self) -> None:
        try:
            newest = newest_of_each(self._here())
            new = {training: name for training, name in newest.items() if name > self._copied.get(training, "")}
            for training, name in sorted(new.items()):
                files = sorted((self._folder / name).iterdir(), key=lambda file: file.name == FACTS)
                for file in files:
                    self._objects.upload({f"{self._prefix}/{name}/{file.name}": file})
                self._copied[training] = name
            if new:
                self._objects.delete(f"{self._prefix}/{key}" for key in outdated(self._there()))
        except FileNotFoundError:  # the training has replaced it meanwhile; its next one is copied
            pass
        except (BookspaceError, OSError) as error:
            log.warning("the newest checkpoint is on this machine alone: %s", " ".join(str(error).split()))


def whole_ones(there: Mapping[str, Found]) -> dict[str, datetime]:
    """The checkpoints, training-<mark>/step-<number>, whose JSON is there, and when that was written."""
    return {key.rpartition("/")[0]: found.written for key, found in there.items() if key.endswith(f"/{FACTS}")}


def newest_of_each(names: Iterable[str]) -> dict[str, str]:
    """The newest checkpoint of each training. Numbers of steps have as many digits each."""
    return {name.partition("/")[0]: name for name in sorted(names)}


def newest_trainings(written: Mapping[str, datetime]) -> set[str]:
    """The few whose checkpoints are kept, of all trainings and when their newest checkpoint was written."""
    return set(sorted(written, key=lambda training: written[training])[-TRAININGS:])


def outdated(there: Mapping[str, Found]) -> list[str]:
    """The files of checkpoints that a newer whole one of the same training replaces, and of trainings beyond the newest few."""
    whole = whole_ones(there)
    newest = newest_of_each(whole)
    kept = newest_trainings({training: whole[name] for training, name in newest.items()})
    return [
        key for key in sorted(there)
        if (training := key.partition("/")[0]) in newest and (training not in kept or key.rpartition("/")[0] < newest[training])
    ]  # fmt: skip
