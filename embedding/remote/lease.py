"""One run at a time works on a snapshot in an object store: who does says so in an object, and says it again every few seconds.

A store gives no lock back when its holder dies, so a lease that is not renewed is over. It only keeps two runs from doing the same work:
that they harm none of each other's tables is the numbered states' doing (`state.py`).
"""

import json
import logging
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from embedding.errors import BookspaceError, BusyError
from embedding.manifest import Snapshot
from embedding.remote.objects import Objects
from embedding.remote.state import LOCKS

RENEWED = 20.0  # seconds between two renewals
OVER = 120.0  # seconds after the last of them
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
    key, ours = lease_key(snapshot), _Lease(objects, lease_key(snapshot))
    said = False
    while not objects.create(key, ours.content()) and _holder(objects, key) != ours.id:
        left = seconds_left(objects, snapshot)
        holder = _read(objects, key)
        if left <= 0 or _is_dead(holder):
            objects.delete([key])
        elif not wait:
            raise BusyError(
                f"{objects.address}: snapshot {snapshot} is being worked on by {_named(holder)}; wait until it has ended (--wait does), or "
                f"stop it; if it is dead, its claim is over in {left:.0f} s"
            )
        else:
            if not said:
                log.info("waiting for %s, who is at work on %s", _named(holder), snapshot)
            said = True
            time.sleep(min(left, 5.0))
    ours.renewing.start()
    try:
        yield
    finally:
        ours.ended.set()
        ours.renewing.join()
        with suppress(BookspaceError, OSError):
            if _holder(objects, key) == ours.id:
                objects.delete([key])


def lease_key(snapshot: Snapshot) -> str:
    """The object of a lease."""
    return f"{LOCKS}/wiki={snapshot.wiki}/snapshot={snapshot.date}.json"


def seconds_left(objects: Objects, snapshot: Snapshot) -> float:
    """How long the lease of a snapshot holds if it is not renewed; 0: nobody has it."""
    found = objects.list(f"{LOCKS}/wiki={snapshot.wiki}").get(lease_key(snapshot))
    if found is None:
        return 0.0
    return max(0.0, (found.written + timedelta(seconds=OVER) - datetime.now(UTC)).total_seconds())


class _Lease:
    """A lease of this process, and the thread that renews it."""

    def __init__(self, objects: Objects, key: str) -> None:
        self.id, self.since = uuid.uuid4().hex, datetime.now(UTC).isoformat(timespec="seconds")
        self.ended = threading.Event()
        self.renewing = threading.Thread(target=self._renew, args=(objects, key), name="lease", daemon=True)

    def content(self) -> bytes:
        return json.dumps({"id": self.id, "process": os.getpid(), "host": platform.node(), "since": self.since}).encode()

    def _renew(self, objects: Objects, key: str) -> None:
        while not self.ended.wait(RENEWED):
            try:
                objects.write(key, self.content())
            except BookspaceError as error:
                log.warning("%s; another run may begin on the same snapshot", error)


def _read(objects: Objects, key: str) -> dict[str, Any]:
    with suppress(FileNotFoundError, ValueError):
        content = json.loads(objects.read(key))
        return content if isinstance(content, dict) else {}
    return {}


def _holder(objects: Objects, key: str) -> object:
    return _read(objects, key).get("id")


def _named(holder: dict[str, Any]) -> str:
    return f"process {holder.get('process')} on {holder.get('host')} since {holder.get('since')}"


def _is_dead(holder: dict[str, Any]) -> bool:
    """Was it a process of this machine that is gone? Of others nothing can be told."""
    if holder.get("host") != platform.node() or not isinstance(holder.get("process"), int):
        return False
    try:
        os.kill(holder["process"], 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
