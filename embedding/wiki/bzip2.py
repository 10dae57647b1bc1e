"""bz2 files decoded, each block on its own.

So a file of one stream is read in parallel as well as one of many, and a damaged block costs itself alone.
"""

import bz2
import contextlib
import io
import itertools
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from embedding.wiki.stretches import BLOCK, HEADER_BITS, LONGEST_BLOCK, MAGIC_BITS, STREAM_END, Stretch, find_magic, stretches

AT_ONCE = 1 << 21  # bytes given to the decoder together
MOST_AT_ONCE = 1 << 26  # bytes that they may decode to, or they are taken one by one: 45 MB of one letter are a block of 40 bytes
DECODED = 1 << 22  # bytes taken from the decoder at a time
TAIL = 64  # bytes at a stretch's end in which a stream's end and the next one's header lie
_CRC_BITS = 32
_EMPTY_STREAM_BITS = HEADER_BITS + MAGIC_BITS + _CRC_BITS


@dataclass(frozen=True)
class Damage:
    """Bytes [start, end) of a file that could not be decoded, and why."""

    start: int
    end: int
    reason: str


def decode_stretches(found: Iterable[Stretch]) -> Iterator[bytes | Damage]:
    """What the stretches hold, in order; Damage where a block is lost. Every byte that is given passed the checksum of its block."""
    waiting = iter(found)
    while batch := _next_batch(waiting):
        chunks = _decode(batch)
        yield from _one_by_one(batch) if chunks is None else chunks


def _one_by_one(batch: Iterable[Stretch]) -> Iterator[bytes | Damage]:
    waiting = deque(batch)
    while waiting:
        stretch = waiting.popleft()
        chunks, end = _decode([stretch]), stretch.end
        if chunks is None and stretch.whole:
            waiting.extendleft(reversed(_blocks_of(stretch)))
            continue
        if chunks is None:
            chunks, end = _decode_alone(stretch)
        if chunks is None and waiting and not waiting[0].whole:
            # 48 bits inside a block may look like the magic number: once in 1,400 dumps of 25 GB.
            joined = Stretch(stretch.start, waiting[0].end, stretch.data[: stretch.end // 8 - stretch.start // 8] + waiting[0].data)
            chunks = _decode([joined])
            if chunks is not None:
                waiting.popleft()
                end = stretch.end
        yield from chunks or ()
        if end < stretch.end:
            yield Damage(end // 8, -(-stretch.end // 8), "its bzip2 data is damaged")


def read_range(file: BinaryIO, start: int, end: int) -> Iterator[bytes | Damage | None]:
    """What the blocks that begin in the bytes [start, end) hold; None; then, as long as it is asked for, what those behind hold."""
    found = stretches(file, start, end)
    first = next(found, None)
    if start == 0 and (first is None or first.start > HEADER_BITS):
        yield Damage(0, first.start // 8 + 4 * first.whole if first else end, "it holds no bzip2 block")
    behind: list[Stretch] = []

    def owned() -> Iterator[Stretch]:
        for stretch in itertools.chain([first] if first else [], found):
            if stretch.start >= end * 8:
                behind.append(stretch)
                return
            yield stretch

    yield from decode_stretches(owned())
    yield None
    for stretch in itertools.chain(behind, found):
        yield from decode_stretches([stretch])


def read_tail(file: BinaryIO, size: int, wanted: int) -> bytes | None:
    """The last bytes that a file of `size` bytes holds, `wanted` or more; None when no block ends its last stream.

    Where a block is damaged, what lies behind it is all there is.
    """
    start = size
    while start > 0:
        start = max(0, start - LONGEST_BLOCK)
        found = list(stretches(file, start))
        ends = _stream_ends(found[-1]) if found else []
        if not ends or ends[-1] + MAGIC_BITS + _CRC_BITS > size * 8:
            return None
        tail = b""
        for stretch in reversed(found):
            parts = list(decode_stretches([stretch]))
            tail = b"".join(part for part in parts if isinstance(part, bytes)) + tail
            if len(tail) >= wanted or any(isinstance(part, Damage) for part in parts):
                return tail
    return tail if size else b""


def _blocks_of(stretch: Stretch) -> list[Stretch]:
    """The blocks of a whole stream; a block alone."""
    if not stretch.whole:
        return [stretch]
    origin = stretch.start // 8
    data = stretch.data + b"BZh9"  # the header that follows, which belongs to the last block where blocks are looked for
    bits = [*find_magic(stretch.data, BLOCK), len(data) * 8]
    return [Stretch(origin * 8 + bit, origin * 8 + end, data[bit // 8 : -(-end // 8)]) for bit, end in itertools.pairwise(bits)]


def _next_batch(waiting: Iterator[Stretch]) -> list[Stretch]:
    """Stretches to decode together."""
    batch, size = [], 0
    for stretch in waiting:
        batch.append(stretch)
        size += len(stretch.data)
        if size >= AT_ONCE:
            break
    return batch


def _decode(batch: Sequence[Stretch]) -> list[bytes] | None:
    """What the stretches hold; None when one of them is damaged or has something else behind it, or they hold too much."""
    from indexed_bzip2 import IndexedBzip2File

    streams = []
    for stretch in batch:
        end = None if stretch.whole else _block_end(stretch)
        if end is None and not stretch.whole:
            return None
        streams.append(stretch.data if end is None else _as_stream(stretch, end))
    data = b"".join(streams)
    chunks, size = [], 0
    with _in_memory(data) as file:
        try:
            with IndexedBzip2File(file, parallelization=1) as reader:
                while chunk := reader.read(DECODED):
                    chunks.append(chunk)
                    size += len(chunk)
                    if size > MOST_AT_ONCE:
                        return None
                last = max(reader.available_block_offsets(), default=0)  # the end of the last stream; the decoder passes over what follows
        except Exception:  # whatever C++ throws at damaged data; libbz2 has the last word
            return None
    return chunks if -(-(last + MAGIC_BITS + _CRC_BITS) // 8) == len(data) else None


@contextlib.contextmanager
def _in_memory(data: bytes) -> Iterator[int | BinaryIO]:
    """The data as a file: one of the system where there is such a thing, which takes the decoder a third of the memory."""
    if not hasattr(os, "memfd_create"):
        yield io.BytesIO(data)
        return
    descriptor = os.memfd_create("bz2")
    try:
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _decode_alone(stretch: Stretch) -> tuple[list[bytes] | None, int]:
    """What a block holds, and the bit up to which all is well; None and its first bit when it is damaged."""
    expected = _block_end(stretch)
    for end in [expected, *_stream_ends(stretch)]:  # behind its stream's end, anything may be wrong
        if end is not None:
            decoder = bz2.BZ2Decompressor()
            with contextlib.suppress(OSError):
                data = decoder.decompress(_as_stream(stretch, end))
                if decoder.eof and not decoder.unused_data:  # or the block ends earlier, and another stream follows it
                    return [data], stretch.end if end == expected else end
    return None, stretch.start


def _stream_ends(stretch: Stretch, start: int = 0) -> list[int]:
    """Bits of the file at which a stream ends in this stretch, those in its bytes from `start` on."""
    return [stretch.start // 8 * 8 + bit for bit in find_magic(stretch.data, STREAM_END, start)]


def _block_end(stretch: Stretch) -> int | None:
    """The bit behind the block, when nothing but a stream's end and the next one's header can lie between it and the next block."""
    if stretch.end > (stretch.start // 8 + len(stretch.data)) * 8:
        return None  # longer than any block
    ends = _stream_ends(stretch, max(0, len(stretch.data) - TAIL))
    if not ends:
        return stretch.end
    rest = stretch.end - ends[0] - (len(ends) - 1) * _EMPTY_STREAM_BITS - MAGIC_BITS - _CRC_BITS
    return ends[0] if rest <= 7 + HEADER_BITS else None


def _as_stream(stretch: Stretch, end: int) -> bytes:
    """The block of a stretch, up to the bit `end` of the file, as a bz2 stream: header, block, and an end with the block's checksum."""
    shift = stretch.start % 8
    length = end - stretch.start
    data: NDArray[np.uint8] = np.frombuffer(stretch.data, np.uint8, -(-(shift + length) // 8))
    if shift:
        moved: NDArray[np.uint8] = np.left_shift(data, shift)
        moved[:-1] |= np.right_shift(data[1:], 8 - shift)
        data = moved
    whole, rest = divmod(length, 8)
    block = data[:whole].tobytes()
    checksum = int.from_bytes(block[MAGIC_BITS // 8 : (MAGIC_BITS + _CRC_BITS) // 8], "big")
    end_bits = ((int(data[whole]) >> (8 - rest) if rest else 0) << MAGIC_BITS | STREAM_END) << _CRC_BITS | checksum
    end_length = rest + MAGIC_BITS + _CRC_BITS
    padding = -end_length % 8
    return b"BZh9" + block + (end_bits << padding).to_bytes((end_length + padding) // 8, "big")
