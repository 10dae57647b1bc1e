"""One run at a time works on a snapshot in an object store: who does says so in an object, and writes it again every few seconds.

The claims on a snapshot are numbered, `_locks/wiki=<dbname>/snapshot=<YYYYMMDD>/<number>.json`, and the highest number counts. To take one
is to create the next number, which a store lets only one do, whatever others have seen before. A holder writes nothing but its own
number again, so who was taken over takes nothing back. The highest is never removed, only marked as free: numbers rise for ever.

A store gives nothing back when its holder dies, so a claim that is not renewed is over. Its age is told by the store's clock, beside an
object that is written to see it, or by the time that one has looked on: what the clocks of machines say does not matter.

That two runs harm none of each other's tables is the numbered states' doing (`state.py`). A run that was taken over is told at its commit.
"""

import json
import logging
import os
import platform
import re
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from embedding.errors import BookspaceError, BusyError, WarehouseError
from embedding.manifest import Snapshot
from embedding.remote.objects import Objects
from embedding.remote.state import LOCKS

RENEWED = 20.0  # seconds between two renewals
OVER = 120.0  # seconds after the last of them
_LOOK = 5.0  # seconds between two looks of who waits
_BOOT, _PROCESSES = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
_NEVER = datetime.min.replace(tzinfo=UTC)
log = logging.getLogger("bookspace")


@contextmanager
def leased(objects: Objects, snapshot: Snapshot, wait: bool = False) -> Iterator[None]:
    """Hold the lease of a snapshot while the block runs.

    Args:
        objects: the warehouse's.
        snapshot: which.
        wait: for whoever holds it, instead of giving up.

    Raises:
        BusyError: another run holds it.
        WarehouseError: the store cannot be written.
    """
    ours, watch, said = _Lease(objects, snapshot), _Watch(objects, snapshot), False
    while True:
        last = _last(objects, snapshot)
        left = 0.0 if last.is_free() else watch.left(last)
        if left <= 0:
            if ours.take(last.number + 1):
                break
        elif not wait:
            raise BusyError(
                f"{objects.address}: snapshot {snapshot} is being worked on by {last.holder()}; wait until it has ended (--wait does), or "
                f"stop it; if it is dead, its claim is over in {left:.0f} s"
            )
        else:
            if not said:
                log.info("waiting for %s, who is at work on %s", last.holder(), snapshot)
            said = True
            time.sleep(min(left, _LOOK))
    _held.append(ours)
    try:
        ours.renewing.start()
        yield
    finally:
        _held.remove(ours)
        ours.give_back()


def seconds_left(objects: Objects, snapshot: Snapshot) -> float:
    """How long the lease of a snapshot holds if it is not renewed; 0: nobody has it.

    Who may not write into the store cannot see its clock, and is told that a lease has just been renewed.
    """
    last = _last(objects, snapshot)
    if last.is_free():
        return 0.0
    try:
        return _Watch(objects, snapshot).left(last)
    except (WarehouseError, OSError):
        return OVER


def see_that_it_is_ours(objects: Objects, snapshot: Snapshot) -> None:
    """Raise BusyError if this process holds the lease of a snapshot and another run has taken it over."""
    for lease in [one for one in _held if (one.objects, one.snapshot) == (objects, snapshot)]:
        if lost := lease.lost():
            raise BusyError(lost)


@dataclass(frozen=True)
class _Claim:
    """The claim that counts: its number (0: there was never one), when it was last written (the store's clock), what it says."""

    number: int = 0
    written: datetime = _NEVER
    says: Mapping[str, Any] = field(default_factory=dict)

    def holder(self) -> str:
        """Whose it is, in words."""
        says = self.says
        return f"process {says['process']} on {says.get('host')} since {says.get('since')}" if "process" in says else "another run"

    def is_free(self) -> bool:
        """Has its run ended? Given back, or a process that is gone, which can be told only where its number means the same process."""
        here, process = _here(), self.says.get("process")
        if self.number == 0 or self.says.get("free") is True:
            return True
        if not all(here.values()) or not here.items() <= self.says.items() or not isinstance(process, int):
            return False
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):
            return False
        return False


class _Lease:
    """A lease of this process, and the thread that renews it."""

    def __init__(self, objects: Objects, snapshot: Snapshot) -> None:
        self.objects, self.snapshot, self._key = objects, snapshot, ""
        since = datetime.now(UTC).isoformat(timespec="seconds")
        self._says = {"id": uuid.uuid4().hex, "process": os.getpid(), **_here(), "since": since}
        self._ended = threading.Event()
        self.renewing = threading.Thread(target=self._renew, name="lease", daemon=True)

    def take(self, number: int) -> bool:
        """Make the claim of a number, and tell whether it is ours and the one that counts; those before it go."""
        self._key = _key(self.snapshot, number)
        # What `create` tells is not asked: its answer may have been lost, and one who was slow may create a number that has gone already.
        self.objects.create(self._key, json.dumps(self._says).encode())
        if self.lost():
            return False
        with suppress(BookspaceError, OSError):
            there = self.objects.list(_folder(self.snapshot))
            now = there[self._key].written
            self.objects.delete(
                key for key, found in there.items()
                if (key < self._key if _is_claim(key) else (now - found.written).total_seconds() > OVER)  # a probe of who was killed
            )  # fmt: skip
        return True

    def lost(self) -> str | None:
        """Who holds the lease in this one's place, in a line; None: nobody."""
        last = _last(self.objects, self.snapshot)
        if last.says.get("id") == self._says["id"]:
            return None
        return (
            f"{self.objects.address}: {last.holder()} has taken over {self.snapshot}, for this run had not renewed its claim for "
            f"{OVER:.0f} s; what this one makes is not kept. Wait until that one has ended (--wait does), then run the same again"
        )

    def give_back(self) -> None:
        """Let the next one begin. Where the store does not do it, the lease ends by itself."""
        self._ended.set()
        if self.renewing.ident is not None:
            self.renewing.join()
        with suppress(BookspaceError, OSError):
            if self.lost() is None:
                self.objects.write(self._key, json.dumps({**self._says, "free": True}).encode())

    def _renew(self) -> None:
        while not self._ended.wait(RENEWED):
            try:
                if lost := self.lost():
                    log.warning("%s", lost)
                    return
                # One that is taken over just here writes a number that counts no more.
                self.objects.write(self._key, json.dumps(self._says).encode())
            except (BookspaceError, OSError) as error:
                log.warning("%s; another run may begin on the same snapshot", error)


class _Watch:
    """For how long the claim that counts has not been renewed, as one knows who looks once or again and again."""

    def __init__(self, objects: Objects, snapshot: Snapshot) -> None:
        self._objects, self._snapshot = objects, snapshot
        self._seen: tuple[int, datetime] | None = None
        self._age = self._at = 0.0

    def left(self, last: _Claim) -> float:
        """Seconds until the claim is over if it is not renewed.

        Raises:
            WarehouseError: the store cannot be written.
        """
        now, seen = time.monotonic(), (last.number, last.written)
        if self._seen is None:
            self._age = _age(self._objects, self._snapshot, last)
        elif seen == self._seen:
            # The time between two looks is short, but where the store did not answer: then the holder could not renew either.
            self._age += min(now - self._at, 2 * _LOOK)
        else:
            self._age = 0.0
        self._seen, self._at = seen, now
        return max(0.0, OVER - self._age)


_held: list[_Lease] = []  # of this process, whose steps each open the warehouse anew


def _folder(snapshot: Snapshot) -> str:
    return f"{LOCKS}/wiki={snapshot.wiki}/snapshot={snapshot.date}"


def _key(snapshot: Snapshot, number: int) -> str:
    return f"{_folder(snapshot)}/{number:08}.json"


def _is_claim(key: str) -> bool:
    return re.fullmatch(r"[0-9]+\.json", key.rpartition("/")[2]) is not None


def _last(objects: Objects, snapshot: Snapshot) -> _Claim:
    """The claim that counts; one that cannot be read is somebody's too."""
    while True:
        there = objects.list(_folder(snapshot))
        key = max(filter(_is_claim, there), default=None)
        if key is None:
            return _Claim()
        try:
            says = json.loads(objects.read(key))
        except FileNotFoundError:  # the next number is there
            continue
        except ValueError:
            says = None
        number = int(key.rpartition("/")[2].removesuffix(".json"))
        return _Claim(number, there[key].written, says if isinstance(says, dict) else {})


def _age(objects: Objects, snapshot: Snapshot, claim: _Claim) -> float:
    """Seconds since a claim was written, both ends told by the store's clock; 0 where it has just been written again."""
    probe = f"{_folder(snapshot)}/probe-{uuid.uuid4().hex}"
    objects.write(probe, b"")
    try:
        there = objects.list(_folder(snapshot))
    finally:
        with suppress(BookspaceError, OSError):  # it goes with the next claim
            objects.delete([probe])
    still, now = there.get(_key(snapshot, claim.number)), there.get(probe)
    return max(0.0, (now.written - claim.written).total_seconds()) if still and now and still.written == claim.written else 0.0


def _here() -> dict[str, str]:
    """Where a number means a process: the machine, since when it runs, and the processes it shows (containers of one name show others).

    What the system does not tell is empty.
    """
    here = {"host": platform.node(), "boot": "", "processes": ""}
    with suppress(OSError):
        here |= {"boot": _BOOT.read_text(encoding="utf-8").strip(), "processes": str(_PROCESSES.readlink())}
    return here
