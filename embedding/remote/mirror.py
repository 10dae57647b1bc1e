"""The local copy of a warehouse that lies in an object store: a warehouse of its own, whose manifests follow the store's.

Opening it brings manifests and publication marks, which are small; files of tables come when they are asked for, and stay. A commit goes
to the store first (`state.py` says how it is made to appear at once) and into the copy after that, so whatever dies in between is
mended by the next opening: the store is right. Files of other names than an object's are never taken for it: names hold run ids.
"""

import fcntl
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from embedding.errors import BusyError, WarehouseError
from embedding.manifest import MANIFEST, Snapshot
from embedding.remote.checkpoints import CheckpointCopies
from embedding.remote.lease import see_that_it_is_ours
from embedding.remote.objects import Objects
from embedding.remote.shown import files_below, show, write_whole
from embedding.remote.state import STATES, State, Stored, key_of, missing, newest, state_key, states_prefix, unnamed
from embedding.tables import FOLDERS, TABLES

_OURS = "_mirror"  # what the copy keeps of its own: its lock, and the states that it shows
_ATTEMPTS = 10
_SECONDS_OF_A_STEP = 86_400  # between the first of its files in the store and its commit
Seen = TypeVar("Seen")
log = logging.getLogger("bookspace")


class Mirror:
    """The copy in `root` of the warehouse at an address, for any number of processes of this machine."""

    def __init__(self, address: str, cache: str | None) -> None:
        self.address = address.rstrip("/")
        self.objects = Objects(self.address)
        self.root = cache_folder(self.address, cache)
        self._followed: CheckpointCopies | None = None

    def pull(self) -> None:
        """Let the manifests and publication marks be those of the store, and forget files that no table has any more.

        Raises:
            WarehouseError: the store does not answer, or the copy cannot be written.
        """
        try:
            with self._locked():
                for attempt in range(_ATTEMPTS):
                    try:
                        self._pull()
                        return
                    except FileNotFoundError:  # a state that was listed has been replaced twice since
                        if attempt == _ATTEMPTS - 1:
                            raise
        except OSError as error:
            raise self._unwritable(error) from error

    def _pull(self) -> None:
        listed = self.objects.list(STATES)
        numbers = newest(listed)
        for snapshot in self._snapshots():
            if snapshot not in numbers:
                show(self.root, snapshot, State())
                self._record(snapshot).unlink()
        for snapshot, number in sorted(numbers.items()):
            key = state_key(snapshot, number)
            written = listed[key].written.isoformat()
            if self._recorded(snapshot)[:2] != (key, written):
                state = State.from_json(self.objects.read(key), f"{self.address}/{key}")
                show(self.root, snapshot, state)
                self._remember(snapshot, state, written)

    def at_rest(self, look: Callable[[], Seen]) -> Seen:
        """What `look` sees of the copy while no process changes what it shows, so that marks, manifests and states belong together."""
        with self._locked():
            return look()

    def state(self, snapshot: Snapshot) -> State:
        """What the copy shows of a snapshot: what the last `pull` or commit of this machine has found."""
        return self._recorded(snapshot)[2]

    def fetch(self, snapshot: Snapshot, folders: Iterable[Path]) -> None:
        """Bring the files of these folders of the copy that are not there yet.

        Raises:
            WarehouseError: a file is gone from the store, or the copy cannot be written.
        """
        places = [self.path(folder) for folder in folders]
        there = {self.path(file): file.stat().st_size for place in places for file in files_below(self.root / place)}
        wanted = missing(self.state(snapshot), places, there)
        if not wanted:
            return
        started, size = time.monotonic(), sum(one.bytes for one in wanted.values())
        try:
            self.objects.download({one.key: self.root / path for path, one in wanted.items()})
        except FileNotFoundError:
            raise WarehouseError(
                f"{self.address}: a table of {snapshot} was replaced or pruned while it was read; run the same again"
            ) from None
        except OSError as error:
            raise self._unwritable(error) from error
        log.info("fetched %d files, %.1f MB, in %.1f s from %s", len(wanted), size / 1e6, time.monotonic() - started, self.address)

    def commit(self, snapshot: Snapshot, base: State, staging: Path, moves: Mapping[str, Path], away: Sequence[Path], run: str) -> State:
        """Write staged tables into the store; all of them appear there at once, or none does.

        Args:
            snapshot: whose tables they are.
            base: the state that they were made from.
            staging: the folder that holds them.
            moves: name of a folder in it: where it will be in the copy.
            away: texts (the publication mark) that go with the same write.
            run: id of the step's run.

        Returns:
            The state that the store has now; the copy has not yet, see `showing`.

        Raises:
            BusyError: another run has written tables of the snapshot since `base`, or has taken over the lease of this one.
            WarehouseError: the store does not do it; its tables are what they were.
        """
        places = {name: self.path(target) for name, target in moves.items()}
        files: dict[str, Stored] = {}
        texts: dict[str, str] = {}
        uploads: dict[str, Path] = {}
        for name, place in places.items():
            for file in files_below(staging / name):
                path = f"{place}/{file.relative_to(staging / name).as_posix()}"
                if file.name == MANIFEST:
                    texts[path] = file.read_text(encoding="utf-8")
                else:
                    files[path] = Stored(key_of(path, run), file.stat().st_size)
                    uploads[files[path].key] = file
        started = time.monotonic()
        self.objects.upload(uploads)
        self._see_that_they_are_there(places.values(), files)
        gone = [self.path(file) for file in away]
        state = self._write(snapshot, base, lambda now: now.after(places.values(), files, texts, gone))
        size = sum(one.bytes for one in files.values())
        log.info("wrote %d files, %.1f MB, in %.1f s to %s", len(files), size / 1e6, time.monotonic() - started, self.address)
        self._tidy(snapshot, state, places.values())
        return state

    def write_text(self, snapshot: Snapshot, file: Path, text: str) -> None:
        """Write a publication mark into the store, if the tables are still those that the last `pull` has seen."""
        path = self.path(file)
        state = self._write(snapshot, self.state(snapshot), lambda now: now.after((), {}, {path: text}))
        with self.showing(snapshot, state):
            pass

    def forget(self, snapshot: Snapshot) -> None:
        """Take a whole snapshot out of the store, checkpoints too: out of every reader's sight first."""
        before = self.state(snapshot)
        state = self._write(snapshot, before, lambda now: State(now.number + 1, now.id + "-pruned"))
        name = f"wiki={snapshot.wiki}/snapshot={snapshot.date}"
        places = [f"{table}/{name}" for table in (*TABLES, *FOLDERS, "_checkpoints")]
        with self.showing(snapshot, state):
            self.objects.delete(sorted({one.key for one in before.files.values()}))
            for place in places:
                self.objects.delete(self.objects.list(place))
            *older, newest_one = sorted(self.objects.list(states_prefix(snapshot)))
            self.objects.delete(older)  # first: the highest that is there counts
            self.objects.delete([newest_one])

    def follow_checkpoints(self, folder: Path) -> None:
        """Bring the newest checkpoints of the store into a folder of the copy, and copy those that appear there, until `stop_following`."""
        if self._followed is None:
            copies = CheckpointCopies(self.objects, self.path(folder), folder)
            copies.start()
            self._followed = copies  # nothing is to be stopped that could not start

    def stop_following(self) -> None:
        """Copy the checkpoints that have just appeared, and no more."""
        if self._followed:
            self._followed.stop()
            self._followed = None

    def stored(self, snapshot: Snapshot, folder: Path) -> list[Stored]:
        """The objects of a folder of the copy, in the order of their files' names there.

        Raises:
            WarehouseError: there is none.
        """
        place = self.path(folder)
        files = missing(self.state(snapshot), [place], {})
        if not files:
            raise WarehouseError(f"{self.address}: {place} was pruned while it was read; run the same again")
        return [files[path] for path in sorted(files)]

    def size(self, snapshot: Snapshot) -> int:
        """Bytes of a snapshot's files in the store."""
        return sum(one.bytes for one in self.state(snapshot).files.values())

    def leftovers(self) -> dict[str, int]:
        """Objects that are of no table, and their bytes: what dead runs have left. Those of the last day may be of a run at work."""
        old = datetime.now(UTC) - timedelta(seconds=_SECONDS_OF_A_STEP)
        there = {key: found.bytes for key, found in self.objects.list().items() if found.written < old}
        return {key: there[key] for key in unnamed(there, map(self.state, self._snapshots()))}

    @contextmanager
    def showing(self, snapshot: Snapshot, state: State) -> Iterator[None]:
        """In the block the copy is brought to a state that the store has; other processes see it before or after."""
        with self._locked():
            yield
            show(self.root, snapshot, state)
            self._remember(snapshot, state, "")

    def _write(self, snapshot: Snapshot, base: State, make: Callable[[State], State]) -> State:
        """Make the next state, on top of what others have published or withdrawn meanwhile, but not of tables they have written."""
        for _ in range(_ATTEMPTS):
            number = newest(self.objects.list(states_prefix(snapshot))).get(snapshot, 0)
            now = self._read(snapshot, number) if number else State()
            if now.manifests() != base.manifests():
                raise BusyError(
                    f"{self.address}: another run has written tables of {snapshot} meanwhile; what this one has made is not kept. "
                    "See to it that one run at a time works on a snapshot, then run the same again"
                )
            see_that_it_is_ours(self.objects, snapshot)
            state = make(now)
            if self.objects.create(state_key(snapshot, state.number), state.to_json()):
                return state
            with suppress(FileNotFoundError):
                if self._read(snapshot, state.number).id == state.id:  # it was ours; the answer was lost
                    return state
        raise BusyError(f"{self.address}: {snapshot} is written by others again and again; try again later")

    def _read(self, snapshot: Snapshot, number: int) -> State:
        key = state_key(snapshot, number)
        return State.from_json(self.objects.read(key), f"{self.address}/{key}")

    def _see_that_they_are_there(self, places: Iterable[str], files: Mapping[str, Stored]) -> None:
        """Raise WarehouseError unless the store has all files in their whole length."""
        there = {key: found.bytes for place in places for key, found in self.objects.list(place).items()}
        lost = sorted(one.key for one in files.values() if there.get(one.key) != one.bytes)
        if lost:
            raise WarehouseError(
                f"{self.address}: {len(lost)} of {len(files)} files that were written are not there or cut off ({lost[0]}); "
                "another run, or `bookspace prune`, may have removed them; run the same again"
            )

    def _tidy(self, snapshot: Snapshot, state: State, places: Iterable[str]) -> None:
        """Remove what the new state has replaced and what failed runs have left beside it; that it fails harms nobody."""
        try:
            there = [key for place in places for key in self.objects.list(place)]
            self.objects.delete(unnamed(there, [state]))
            old = [key for key in self.objects.list(states_prefix(snapshot)) if key < state_key(snapshot, state.number - 1)]
            self.objects.delete(old)  # the one before stays, for who has just listed it
        except (WarehouseError, OSError) as error:
            log.warning("%s: files that were replaced are still there (%s); `bookspace prune` removes them", self.address, error)

    def _unwritable(self, error: OSError) -> WarehouseError:
        return WarehouseError(
            f"{self.root}: the local copy of {self.address} cannot be written ({error.strerror or error}); "
            "free space, mend its permissions, or name another folder with --set warehouse_cache=FOLDER"
        )

    def path(self, file: Path) -> str:
        """Where a file or folder of the copy is in the warehouse."""
        return file.relative_to(self.root).as_posix()

    def _record(self, snapshot: Snapshot) -> Path:
        return self.root / _OURS / f"wiki={snapshot.wiki}" / f"snapshot={snapshot.date}.json"

    def _snapshots(self) -> list[Snapshot]:
        """Those that the copy shows."""
        records = (self.root / _OURS).glob("wiki=*/snapshot=*.json")
        return [Snapshot(one.parent.name.removeprefix("wiki="), one.stem.removeprefix("snapshot=")) for one in records]

    def _recorded(self, snapshot: Snapshot) -> tuple[str, str, State]:
        """The state that the copy shows, its object, and when that was written; nothing, where nothing is known."""
        file = self._record(snapshot)
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            return str(record["key"]), str(record["written"]), State.from_json(record["state"].encode(), str(file))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, WarehouseError):
            return "", "", State()

    def _remember(self, snapshot: Snapshot, state: State, written: str) -> None:
        record = {"key": state_key(snapshot, state.number), "written": written, "state": state.to_json().decode()}
        write_whole(self._record(snapshot), json.dumps(record))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time changes what the copy shows."""
        lock = self.root / _OURS / "lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("a") as handle:
            with suppress(OSError):  # no locks there: a cache on a shared disk is at its owner's risk
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def cache_folder(address: str, cache: str | None) -> Path:
    """Where the copy of a warehouse lies: in `cache`, or in the user's cache folder, under a name that only this address has."""
    base = Path(cache) if cache else Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "bookspace" / "warehouses"
    return base / hashlib.sha256(address.encode()).hexdigest()[:16]
