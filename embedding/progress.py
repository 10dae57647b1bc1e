"""How far a step is: Spark's tasks, or a loop's rounds, with rate and time left, in the log while it works."""

import io
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SECONDS_BETWEEN_LINES = 15.0
log = logging.getLogger("bookspace")


@contextmanager
def logged_progress(step: str, session: Callable[[], "SparkSession | None"], seconds: float = SECONDS_BETWEEN_LINES) -> Iterator[None]:
    """Log the running stage every few seconds until the block ends.

    Args:
        step: named in each line.
        session: the Spark session, or None as long as there is none.
        seconds: between two lines.
    """
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(step, session, seconds, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(step: str, session: Callable[[], "SparkSession | None"], seconds: float, done: threading.Event) -> None:
    first_seen: dict[int, float] = {}
    while not done.wait(seconds):
        spark = session()
        if spark is None:
            continue
        from py4j.protocol import Py4JError

        try:
            tracker = spark.sparkContext.statusTracker()
            for stage in sorted(tracker.getActiveStageIds()):
                info = tracker.getStageInfo(stage)
                if info is None or done.is_set():
                    continue
                started = first_seen.setdefault(stage, time.monotonic() - seconds)
                log.info("%s: %s", step, describe(stage, info.numCompletedTasks, info.numTasks, time.monotonic() - started))
        except (OSError, Py4JError):  # the JVM is gone: the step that needs it tells so
            return


def describe(stage: int, completed: int, tasks: int, seconds: float) -> str:
    """Tasks done, tasks a second and seconds left of a stage, in words."""
    text = f"stage {stage}, {completed:,} of {tasks:,} tasks"
    if not completed:
        return text
    rate = completed / seconds
    return f"{text}, {rate:.2g} tasks/s, {(tasks - completed) / rate:,.0f} s left"


def bar_options(what: str) -> dict[str, Any]:
    """Options of a tqdm bar that says how far `what` is: a bar on a terminal, else a line in the log every few seconds.

    tqdm's own documentation has this way of logging; what ends before the first line is due logs nothing.
    """
    if sys.stderr.isatty():
        return {"desc": what, "mininterval": 1}
    line = "{desc}: {n_fmt} of {total_fmt}, {rate_fmt}, {remaining} left"
    return {
        "desc": what, "mininterval": SECONDS_BETWEEN_LINES, "delay": SECONDS_BETWEEN_LINES, "miniters": 1, "dynamic_ncols": False,
        "file": _Log(), "bar_format": line,
    }  # fmt: skip


class _Log(io.TextIOBase):
    """A file whose lines go to the log."""

    def write(self, text: str) -> int:
        if text.strip():
            log.info("%s", text.strip())
        return len(text)
