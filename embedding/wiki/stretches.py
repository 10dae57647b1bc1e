"""Where in a bz2 file its streams and blocks lie.

A bz2 file is a row of streams, a stream a row of blocks of at most 900,000 bytes before compression. A block begins, at any bit, with
a 48-bit magic number, and holds all that is needed to decode it but the stream's header. Source: the format of J. Seward as
bzip2recover.c of bzip2 1.0.8 reads it; https://github.com/dsnet/compress/blob/master/doc/bzip2-format.pdf.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

PIECE = 1 << 22  # bytes read at a time
LONGEST_BLOCK = 1 << 21  # no block takes more bytes: 900,000 that do not compress, and what bzip2 adds to them
BLOCK, STREAM_END = 0x314159265359, 0x177245385090
MAGIC_BITS, HEADER_BITS = 48, 32


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
            if int.from_bytes(data[first : first + 7].ljust(7, b"\0"), "big") >> (8 - shift) & ((1 << MAGIC_BITS) - 1) == magic:
                found.append(first * 8 + shift)
            place = data.find(pattern, place + 1, end)
    return sorted(bit for bit in found if bit + MAGIC_BITS <= end * 8)


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
                end = place + HEADER_BITS * (streams - whole)  # a stream ends before the header of the next one, a block behind it
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
