"""Tables served epoch by epoch: exactly their rows, once, in a new seeded order, cut into the shares of the steps.

What an epoch serves follows from seed, epoch and step alone, so a training can go on at any step without having kept anything else.
"""

import hashlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embedding.errors import WarehouseError
from embedding.train.feed.files import File

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """Whose part of every share is wanted, when several processes train together."""

    rank: int = 0
    processes: int = 1

    def of(self, low: int, high: int) -> tuple[int, int]:
        """The rank's part of the rows from `low` to before `high`; no part is larger than another by more than one row."""
        rows = high - low
        return low + rows * self.rank // self.processes, low + rows * (self.rank + 1) // self.processes


class Feed(Protocol):
    """A table of pairs that is served epoch by epoch."""

    def rows(self, epoch: int) -> int:
        """Number of rows of an epoch, all processes together."""

    def shares(self, epoch: int, steps: int, first: int, part: Part) -> Iterator[Tensor]:
        """This process's part of the share of every step from `first` on, int32, shape (rows, 2), on the training's device.

        The shares of all steps together are the epoch's rows; none is larger by more than one row.
        """


def share(rows: int, steps: int, step: int) -> tuple[int, int]:
    """From which row to before which one the share of a step reaches."""
    return rows * step // steps, rows * (step + 1) // steps


class MemoryFeed:
    """Tables on the device, shuffled whole.

    Args:
        tables: served in turn, one an epoch; int32, shape (rows, 2).
        seed: of the orders.
        device: where they are kept.
    """

    def __init__(self, tables: Sequence[NDArray[np.int32]], seed: int, device: torch.device) -> None:
        self._tables = [_packed(torch.from_numpy(table), device) for table in tables]
        self._seed, self._device = seed, device

    def rows(self, epoch: int) -> int:
        """Number of rows of an epoch."""
        return len(self._tables[epoch % len(self._tables)])

    def shares(self, epoch: int, steps: int, first: int, part: Part) -> Iterator[Tensor]:
        """See `Feed`."""
        table = self._tables[epoch % len(self._tables)]
        order = _order(len(table), self._device, self._seed, epoch)
        for step in range(first, steps):
            low, high = part.of(*share(len(table), steps, step))
            yield _unpacked(table[order[low:high]])


class StreamFeed:
    """Tables too large for the device, read anew every epoch: files in a seeded order, and their rows shuffled in windows.

    While one window is served a thread reads the next.

    Args:
        tables: the files of each, served in turn, one an epoch.
        read: gives the rows of files, int32, shape (rows, 2), or raises if they are not as many as promised.
        window: rows that are shuffled together; a file with more is a window of its own.
        seed: of the orders.
        device: where rows are served.
    """

    def __init__(
        self,
        tables: Sequence[Sequence[File]],
        read: Callable[[Sequence[File]], NDArray[np.int32]],
        window: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self._tables, self._read, self._window, self._seed, self._device = tables, read, window, seed, device

    def rows(self, epoch: int) -> int:
        """Number of rows of an epoch, by the footers."""
        return sum(file.rows for file in self._tables[epoch % len(self._tables)])

    def windows(self, epoch: int) -> list[list[File]]:
        """The files of each window of an epoch, in the order in which they are served."""
        files = self._tables[epoch % len(self._tables)]
        result: list[list[File]] = []
        room = 0
        for place in _order(len(files), torch.device("cpu"), self._seed, epoch, "files").tolist():
            if not result or files[place].rows > room:
                result.append([])
                room = self._window
            result[-1].append(files[place])
            room -= files[place].rows
        return result

    def shares(self, epoch: int, steps: int, first: int, part: Part) -> Iterator[Tensor]:
        """See `Feed`.

        Raises:
            WarehouseError: other rows came than the footers promised.
        """
        total = self.rows(epoch)
        passed = share(total, steps, first)[0]
        before = 0  # rows in front of the first window that is needed
        wanted: list[tuple[int, list[File]]] = []
        for number, files in enumerate(self.windows(epoch)):
            rows = sum(file.rows for file in files)
            if not wanted and before + rows <= passed:
                before += rows
            else:
                wanted.append((number, files))
        with _ahead((number, self._on_device(self._read(files))) for number, files in wanted) as arrived:
            windows = (packed[_order(len(packed), self._device, self._seed, epoch, number)] for number, packed in arrived)
            rest, at = torch.empty(0, dtype=torch.int64, device=self._device), before  # rows that were read, and the first one's place
            for step in range(first, steps):
                low, high = share(total, steps, step)
                while at + len(rest) < high:
                    window = next(windows, None)
                    if window is None:
                        raise WarehouseError(f"{at + len(rest):,} rows of an epoch of {total:,} were read; run train_embedding again")
                    served = min(max(low - at, 0), len(rest))
                    rest, at = torch.cat([rest[served:], window]), at + served
                mine, end = part.of(low, high)
                yield _unpacked(rest[mine - at : end - at])
            if next(windows, None) is not None or at + len(rest) != total:
                raise WarehouseError(f"more rows than the {total:,} of an epoch were read; run train_embedding again")

    def _on_device(self, rows: NDArray[np.int32]) -> Tensor:
        held = torch.from_numpy(rows)
        return _packed(held.pin_memory() if self._device.type == "cuda" else held, self._device)


def _packed(rows: Tensor, device: torch.device) -> Tensor:
    """A row of two int32 as one int64, so that one number is moved where two were."""
    return rows.reshape(-1).view(torch.int64).to(device, non_blocking=True)


def _unpacked(packed: Tensor) -> Tensor:
    return packed.view(torch.int32).view(-1, 2)


def _order(rows: int, device: torch.device, *seeds: object) -> Tensor:
    """A permutation that the seeds determine, drawn on the device."""
    number = int.from_bytes(hashlib.sha256(repr(seeds).encode()).digest()[:8], "big") >> 1
    return torch.randperm(rows, generator=torch.Generator(device).manual_seed(number), device=device)


class _ahead(Iterator[T]):
    """What an iterable gives, the next one fetched by a thread while the last one is used; an error in the thread is raised here."""

    def __init__(self, source: Iterable[T]) -> None:
        self._source = source
        self._ready: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(maxsize=1)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._fetch, daemon=True)

    def __enter__(self) -> "_ahead[T]":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def __next__(self) -> T:
        there, value = self._ready.get()
        if there:
            return value  # type: ignore[return-value]
        self._put(False, value)  # for whoever asks once more
        if isinstance(value, BaseException):
            raise value
        raise StopIteration

    def _fetch(self) -> None:
        try:
            for one in self._source:
                if not self._put(True, one):
                    return
            self._put(False, None)
        except BaseException as error:
            self._put(False, error)

    def _put(self, there: bool, value: T | BaseException | None) -> bool:
        """Hand something over; False when nobody wants it any more."""
        while not self._stopped.is_set():
            try:
                self._ready.put((there, value), timeout=0.05)
                return True
            except queue.Full:
                continue
        return False
