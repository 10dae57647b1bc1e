"""One run at a time works on a snapshot."""

import errno
import fcntl
import json
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from embedding.errors import BusyError, WarehouseError

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)  # what a file system without locks says
log = logging.getLogger("bookspace")


@contextmanager
def locked(file: Path, what: str, wait: bool = False) -> Iterator[None]:
    """Hold a lock while the block runs. The kernel gives it back when the process ends, however it ends.

    Args:
        file: the lock; made when it is not there, and left behind.
        what: what is locked, for the messages.
        wait: for whoever holds it, instead of giving up.

    Raises:
        BusyError: another process holds it.
        WarehouseError: the file cannot be made.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = file.open("a+", encoding="utf-8")
    except OSError as error:
        raise WarehouseError(f"{file}: cannot be made ({error.strerror}); mend the permissions, or give another --warehouse") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                log.warning("%s: no locks on this file system; see to it that only one run at a time works on %s", file, what)
            elif not wait:
                raise BusyError(
                    f"{what} is being worked on by {_holder(file)}; wait until it has ended (--wait does), or stop it"
                ) from None
            else:
                log.info("waiting for %s, who is at work on %s", _holder(file), what)
                fcntl.flock(handle, fcntl.LOCK_EX)
        handle.truncate(0)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        handle.write(json.dumps({"process": os.getpid(), "host": platform.node(), "since": now}))
        handle.flush()
        yield


def is_locked(file: Path) -> bool:
    """Does anybody hold the lock? Yes, too, of a file that may not be read; no, with a warning, where there are no locks."""
    try:
        with file.open(encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except (BlockingIOError, PermissionError):  # NFS says the latter of a lock, too
        return True
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        # Nobody can hold it, and the file lies there for good: taken for a lock, `prune` would never remove anything. What a step is
        # writing has a folder in `_staging`, by which `prune` keeps its snapshot there too.
        log.warning("%s: no locks on this file system; see to it that no run is at work on what is removed", file)
    return False


def _holder(file: Path) -> str:
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
        return f"process {facts['process']} on {facts['host']} since {facts['since']}"
    except (OSError, ValueError, KeyError):  # it has just begun
        return "another process"
