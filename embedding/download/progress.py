"""How far a download is: bytes, rate and time left, in the log while it runs."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS_BETWEEN_LINES = 15.0
log = logging.getLogger("bookspace")


class Progress:
    """Bytes of all files together; counted by several threads."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._there = 0
        self._received = 0
        self._lock = threading.Lock()

    def found(self, count: int) -> None:
        """Bytes that were there before."""
        with self._lock:
            self._there += count

    def received(self, count: int) -> None:
        """Bytes that came over the network."""
        with self._lock:
            self._there += count
            self._received += count

    def lost(self, count: int) -> None:
        """Bytes that were thrown away."""
        with self._lock:
            self._there -= count

    @contextmanager
    def logged(self, name: str, seconds: float = SECONDS_BETWEEN_LINES) -> Iterator[None]:
        """Log a line every few seconds until the block ends."""
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(name, seconds, done), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def _watch(self, name: str, seconds: float, done: threading.Event) -> None:
        then, before = time.monotonic(), 0
        while not done.wait(seconds):
            with self._lock:
                there, received = self._there, self._received
            now = time.monotonic()
            log.info("%s: %s", name, describe(there, self._total, (received - before) / (now - then)))
            then, before = now, received


def describe(there: int, total: int, rate: float) -> str:
    """Bytes that are there, bytes a second and time left, in words."""
    text = f"{in_words(there)} of {in_words(total)}, {in_words(rate)}/s"
    if rate <= 0:
        return text
    minutes, seconds = divmod(round((total - there) / rate), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{text}, " + (f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s") + " left"


def in_words(count: float) -> str:
    """A number of bytes, short."""
    power = 0
    while count >= 999.5 and power < 4:
        count, power = count / 1000, power + 1
    return f"{count:.3g} {('B', 'kB', 'MB', 'GB', 'TB')[power]}"
