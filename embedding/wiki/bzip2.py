"""bz2 files as rows of blocks, each decoded on its own.

A bz2 file is a row of streams, a stream a row of blocks of at most 900,000 bytes before compression. A block begins, at any bit, with
a 48-bit magic number, and holds all that is needed to decode it but the stream's header. So a file of one stream is read in parallel
as well as one of many, and a damaged block costs itself alone. Source: the format of J. Seward as bzip2recover.c of bzip2 1.0.8 reads
it; https://github.com/dsnet/compress/blob/master/doc/bzip2-format.pdf.
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

PIECE = 1 << 22  # bytes read at a time, decoded at a time
LONGEST_BLOCK = 1 << 21  # no block takes more bytes: 900,000 that do not compress, and what bzip2 adds to them
AT_ONCE = 1 << 21  # bytes given to the decoder together
MOST_AT_ONCE = 1 << 26  # bytes that they may decode to, or they are taken one by one: 45 MB of one letter are a block of 40 bytes
TAIL = 64  # bytes at a stretch's end in which a stream's end and the next one's header lie
BLOCK, STREAM_END = 0x314159265359, 0x177245385090
_MAGIC_BITS, _CRC_BITS, _HEADER_BITS = 48, 32, 32
_EMPTY_STREAM_BITS = _HEADER_BITS + _MAGIC_BITS + _CRC_BITS


@dataclass(frozen=True)
class Damage:
    """Bytes [start, end) of a file that could not be decoded, and why."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True)
class Stretch:
    """A block: from its magic number to the next one's, or to the end of the file. Or a whole stream: from its header to the next one's.

    Attributes:
        start: bit of the file at which it begins.
        end: bit at which it ends.
        data: its bytes, from the one that holds the first bit on; of one that is too long for a block, the first LONGEST_BLOCK.
        whole: it is a stream.
    """

    start: int
    end: int
    data: bytes
    whole: bool = False


def _patterns(magic: int) -> list[tuple[int, bytes]]:
    """The whole bytes among the 48 bits when they begin `shift` bits into a byte, for each of the eight shifts."""
    return [(0, magic.to_bytes(6, "big"))] + [(shift, (magic << (8 - shift)).to_bytes(7, "big")[1:6]) for shift in range(1, 8)]


_BLOCK_PATTERNS, _STREAM_END_PATTERNS = _patterns(BLOCK), _patterns(STREAM_END)


def _find_first_blocks(data: bytes, start: int) -> list[int]:
    """Bytes of `data` at which a block begins that begins a byte, as the first one of a stream does; in the bytes from `start` on."""
    found, pattern = [], _BLOCK_PATTERNS[0][1]
    place = data.find(pattern, start)
    while place >= 0:
        found.append(place)
        place = data.find(pattern, place + 1)
    return found


def find_magic(data: bytes, magic: int, start: int = 0, end: int | None = None) -> list[int]:
    """Bits of `data` at which the 48 bits of BLOCK or STREAM_END stand, those in the bytes from `start` to `end`."""
    end = len(data) if end is None else end
    found = []
    for shift, pattern in _BLOCK_PATTERNS if magic == BLOCK else _STREAM_END_PATTERNS:
        inner = 1 if shift else 0  # the pattern begins in the byte behind the one that holds the first bit
        place = data.find(pattern, start + inner, end)
        while place >= 0:
            first = place - inner
            if int.from_bytes(data[first : first + 7].ljust(7, b"\0"), "big") >> (8 - shift) & ((1 << _MAGIC_BITS) - 1) == magic:
                found.append(first * 8 + shift)
            place = data.find(pattern, place + 1, end)
    return sorted(bit for bit in found if bit + _MAGIC_BITS <= end * 8)


def stretches(file: BinaryIO, start: int, whole_until: int = 0) -> Iterator[Stretch]:
    """The stretches of a file whose first bit lies in the byte `start` or behind it, in order.

    Blocks are looked for at every bit, which takes eight passes. Streams are looked for in one, and are given whole where they end
    before the byte `whole_until`.
    """
    file.seek(start)
    base, held, searched = start, b"", 0  # held: the bytes from `base` on, of which the first `searched` hold no mark
    begin, whole, head = -1, False, b""  # of the stretch under way; head: its first bytes, when it is too long to be held
    at_end = False
    while not at_end:
        piece = file.read(PIECE)
        at_end = not piece
        held += piece
        marks, searched = _marks(held, searched, whole_until - base, at_end)
        for bit, streams in marks:
            place = base * 8 + bit
            if place == begin:  # its last byte was the last one held, and it was found then
                continue
            if begin >= 0:
                end = place + _HEADER_BITS * (streams - whole)  # a stream ends before the header of the next one, a block behind it
                yield Stretch(begin, end, head or held[begin // 8 - base : -(-end // 8) - base], whole)
            begin, whole, head = place, streams, b""
        if begin >= 0 and not whole and not head and base + searched - begin // 8 > LONGEST_BLOCK:
            head = held[begin // 8 - base :][:LONGEST_BLOCK]
        done = searched if begin < 0 or head else begin // 8 - base
        held, base, searched = held[done:], base + done, searched - done
    if begin >= 0:
        yield Stretch(begin, (base + len(held)) * 8, head or held, whole)


def _marks(held: bytes, searched: int, whole_until: int, at_end: bool) -> tuple[list[tuple[int, bool]], int]:
    """Where stretches begin: bits, and whether a whole stream begins there; and up to which byte this is settled."""
    streams = [place - 4 for place in _find_first_blocks(held, searched + 4) if held[place - 4 : place - 1] == b"BZh"]
    marks = []
    done = searched
    for here, following in itertools.pairwise(streams):
        if following <= whole_until:
            marks += [(bit, False) for bit in find_magic(held, BLOCK, done, here)] + [(here * 8, True)]
            done = following
    settled = len(held)
    if streams and not at_end and streams[-1] < whole_until and len(held) - streams[-1] <= LONGEST_BLOCK:
        settled = streams[-1]  # the stream that begins here may yet be whole
    marks += [(bit, False) for bit in find_magic(held, BLOCK, done, settled)]
    return marks, settled if at_end or settled < len(held) else max(done, settled - 6)


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
    if start == 0 and (first is None or first.start > _HEADER_BITS):
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
        if not ends or ends[-1] + _MAGIC_BITS + _CRC_BITS > size * 8:
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
                while chunk := reader.read(PIECE):
                    chunks.append(chunk)
                    size += len(chunk)
                    if size > MOST_AT_ONCE:
                        return None
                last = max(reader.available_block_offsets(), default=0)  # the end of the last stream; the decoder passes over what follows
        except Exception:  # whatever C++ throws at damaged data; libbz2 has the last word
            return None
    return chunks if -(-(last + _MAGIC_BITS + _CRC_BITS) // 8) == len(data) else None


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
    rest = stretch.end - ends[0] - (len(ends) - 1) * _EMPTY_STREAM_BITS - _MAGIC_BITS - _CRC_BITS
    return ends[0] if rest <= 7 + _HEADER_BITS else None


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
    checksum = int.from_bytes(block[_MAGIC_BITS // 8 : (_MAGIC_BITS + _CRC_BITS) // 8], "big")
    end_bits = ((int(data[whole]) >> (8 - rest) if rest else 0) << _MAGIC_BITS | STREAM_END) << _CRC_BITS | checksum
    end_length = rest + _MAGIC_BITS + _CRC_BITS
    padding = -end_length % 8
    return b"BZh9" + block + (end_bits << padding).to_bytes((end_length + padding) // 8, "big")
