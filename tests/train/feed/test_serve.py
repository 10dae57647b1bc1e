"""Every epoch gives exactly the table's rows, once, in a new seeded order, whatever steps, windows and processes, and from any step on."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from embedding.errors import WarehouseError
from embedding.train.feed.files import File
from embedding.train.feed.parquet import READERS, Reader, read_files
from embedding.train.feed.serve import Feed, MemoryFeed, Part, StreamFeed

CPU = torch.device("cpu")


def _rows(count: int, start: int = 0) -> np.ndarray:
    numbers = np.arange(start, start + count, dtype=np.int32)
    return np.stack([numbers % 1000, numbers], 1)


def _epoch(feed: Feed, epoch: int, steps: int, first: int = 0, part: Part | None = None) -> list[list[list[int]]]:
    return [share.tolist() for share in feed.shares(epoch, steps, first, part or Part())]


class _Shelf:
    """Files that are only in memory."""

    def __init__(self, sizes: Sequence[int]) -> None:
        starts = np.cumsum([0, *sizes])
        self.files = [File(Path(f"{number:03}"), size) for number, size in enumerate(sizes)]
        self._rows = {file.path: _rows(file.rows, int(start)) for file, start in zip(self.files, starts, strict=False)}
        self.asked: list[list[Path]] = []

    def read(self, files: Sequence[File]) -> np.ndarray:
        self.asked.append([file.path for file in files])
        return np.concatenate([self._rows[file.path] for file in files])


def _memory(sizes: Sequence[int], window: int, seed: int) -> Feed:
    return MemoryFeed([_rows(sum(sizes))], seed, CPU)


def _stream(sizes: Sequence[int], window: int, seed: int) -> Feed:
    shelf = _Shelf(sizes)
    return StreamFeed([shelf.files], shelf.read, window, seed, CPU)


@pytest.mark.parametrize("make", [_memory, _stream])
@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=9),
    window=st.integers(1, 100),
    steps=st.integers(1, 30),
    first=st.integers(0, 29),
    processes=st.integers(1, 4),
    epoch=st.integers(0, 5),
)
def test_an_epoch_is_the_table_once(
    make: Callable[[Sequence[int], int, int], Feed], sizes: list[int], window: int, steps: int, first: int, processes: int, epoch: int
) -> None:
    feed, first = make(sizes, window, 3), min(first, steps - 1)
    total = sum(sizes)
    shares = _epoch(feed, epoch, steps)
    assert feed.rows(epoch) == total
    assert len(shares) == steps
    assert sorted(row for share in shares for row in share) == sorted(_rows(total).tolist())
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert _epoch(feed, epoch, steps, first) == shares[first:], "from any step on as from the start"
    parts = [_epoch(feed, epoch, steps, first, Part(rank, processes)) for rank in range(processes)]
    for step, share in enumerate(shares[first:]):
        assert [row for part in parts for row in part[step]] == share, "the processes' parts are the share"
        sizes_of_parts = [len(part[step]) for part in parts]
        assert max(sizes_of_parts) - min(sizes_of_parts) <= 1


@pytest.mark.parametrize("make", [_memory, _stream])
def test_orders_differ_between_epochs_and_seeds_and_can_be_repeated(make: Callable[[Sequence[int], int, int], Feed]) -> None:
    sizes = [50] * 8
    orders = [_epoch(make(sizes, 100, seed), epoch, 7) for seed in (0, 1) for epoch in (0, 1, 2)]
    assert len({str(order) for order in orders}) == 6
    assert orders == [_epoch(make(sizes, 100, seed), epoch, 7) for seed in (0, 1) for epoch in (0, 1, 2)]
    flat = [row[1] for share in orders[0] for row in share]
    assert abs(np.corrcoef(flat, np.arange(400))[0, 1]) < 0.5, "not the order of the files"


def test_tables_are_served_in_turn() -> None:
    feed = MemoryFeed([_rows(5), _rows(7, 100)], 1, CPU)
    assert [feed.rows(epoch) for epoch in range(4)] == [5, 7, 5, 7]
    assert {row[1] for share in _epoch(feed, 3, 2) for row in share} == set(range(100, 107))
    shelf = _Shelf([4, 6, 5])
    streamed = StreamFeed([shelf.files[:1], shelf.files[1:]], shelf.read, 100, 1, CPU)
    assert [streamed.rows(epoch) for epoch in range(3)] == [4, 11, 4]
    assert {row[1] for share in _epoch(streamed, 1, 2) for row in share} == set(range(4, 15))


def test_windows_hold_what_fits_and_no_more_is_read_than_is_needed() -> None:
    shelf = _Shelf([10] * 12)
    feed = StreamFeed([shelf.files], shelf.read, 35, 1, CPU)
    assert [len(window) for window in feed.windows(0)] == [3, 3, 3, 3]
    _epoch(feed, 0, 12, first=7)
    assert sum(map(len, shelf.asked)) == 6, "the windows before the seventh step are passed over unread"
    assert [len(window) for window in StreamFeed([shelf.files], shelf.read, 1, 1, CPU).windows(0)] == [1] * 12


def test_an_epoch_that_is_left_early_leaves_no_thread() -> None:
    before = threading.active_count()
    shelf = _Shelf([10] * 12)
    shares = StreamFeed([shelf.files], shelf.read, 10, 1, CPU).shares(0, 12, 0, Part())
    next(shares)
    shares.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert len(shelf.asked) < 12


@pytest.mark.parametrize("more", [-1, 1])
def test_rows_lost_or_doubled_on_the_way_are_an_error(more: int) -> None:
    shelf = _Shelf([10] * 4)

    def read(files: Sequence[File]) -> np.ndarray:
        rows = shelf.read(files)
        return rows[:more] if more < 0 else np.concatenate([rows, rows[:more]])

    with pytest.raises(WarehouseError, match=r"rows .*of an epoch.* were read; run train_embedding again|more rows than"):
        _epoch(StreamFeed([shelf.files], read, 10, 1, CPU), 0, 4)


def test_an_error_of_the_reading_thread_comes_through() -> None:
    def read(files: Sequence[File]) -> np.ndarray:
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        _epoch(StreamFeed([_Shelf([10]).files], read, 10, 1, CPU), 0, 1)


@pytest.mark.parametrize("reader", READERS)
def test_real_files_are_streamed_as_they_are_held_in_memory(tmp_path: Path, reader: Reader) -> None:
    files = []
    for number in range(6):
        rows = _rows(300 + number, 1000 * number)
        pq.write_table(pa.table({"book_id": rows[:, 0], "link_id": rows[:, 1]}), tmp_path / f"{number}.parquet", row_group_size=128)
        files.append(File(tmp_path / f"{number}.parquet", len(rows)))
    feed = StreamFeed([files], lambda some: read_files(some, reader), 700, 1, CPU)
    for epoch in range(3):
        found = np.concatenate([np.array(share) for share in _epoch(feed, epoch, 11)])
        assert (found[np.argsort(found[:, 1])] == read_files(files, "pyarrow")).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_is_served_exactly_the_table_too() -> None:
    shelf, gpu = _Shelf([50] * 6), torch.device("cuda")
    for feed in (MemoryFeed([_rows(300)], 1, gpu), StreamFeed([shelf.files], shelf.read, 100, 1, gpu)):
        shares = list(feed.shares(0, 7, 0, Part()))
        assert all(share.device.type == "cuda" for share in shares)
        assert sorted(row for share in shares for row in share.tolist()) == sorted(_rows(300).tolist())
