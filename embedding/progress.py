"""How far Spark is: tasks done, rate and time left, in the log while a step works."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
        tracker = spark.sparkContext.statusTracker()
        for stage in sorted(tracker.getActiveStageIds()):
            info = tracker.getStageInfo(stage)
            if info is None or done.is_set():
                continue
            started = first_seen.setdefault(stage, time.monotonic() - seconds)
            log.info("%s: %s", step, describe(stage, info.numCompletedTasks, info.numTasks, time.monotonic() - started))


def describe(stage: int, completed: int, tasks: int, seconds: float) -> str:
    """Tasks done, tasks a second and seconds left of a stage, in words."""
    text = f"stage {stage}, {completed:,} of {tasks:,} tasks"
    if not completed:
        return text
    rate = completed / seconds
    return f"{text}, {rate:.2g} tasks/s, {(tasks - completed) / rate:,.0f} s left"
