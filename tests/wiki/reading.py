"""What the tests of dump files share: a small dump, the ways to pack it, and a file read range by range."""

import bz2
import gzip
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from embedding.errors import DumpError
from embedding.wiki.bzip2 import Damage
from embedding.wiki.dump import ByteRange, check_end, decode, look_at, plan_ranges
from embedding.wiki.pages import cut_pages
from embedding.wiki.stretches import STREAM_END
from tests.conftest import FOOTER, HEADER, page

PAGES = [
    page("Dune (novel)", 1, "{{Infobox book|name=Dune}} by [[Frank Herbert]]"),
    page("Tags", 2, "not tags: <page> </page> </mediawiki> & BZh91AY&SY"),
    page("Empty", 3),
    page("Dune (book)", 4, "#REDIRECT [[Dune (novel)]]", redirect="Dune (novel)"),
    page("Лолита", 5, "Роман 小説 \N{PILE OF POO} " * 8),
    page("Category:Novels", 6, namespace=14),
    page("Long", 7, "".join(chr(33 + i * i % 89) for i in range(400))),
    page("Last", 8, "the end"),
]
WHOLE = (HEADER + "".join(PAGES) + FOOTER).encode()
EXPECTED = [xml.strip().encode() for xml in PAGES]


def blocks(data: bytes, size: int) -> bytes:
    """bz2 streams of `size` bytes each, wherever that cuts the pages: what pbzip2 makes of a file."""
    return b"".join(bz2.compress(data[at : at + size]) for at in range(0, len(data), size))


def gzip_members(data: bytes, count: int) -> bytes:
    """A gz file of several members, one behind the other."""
    size = -(-len(data) // count)
    return b"".join(gzip.compress(data[at : at + size], mtime=0) for at in range(0, len(data), size))


def zst(data: bytes, frames: int = 1, checksum: bool = True) -> bytes:
    """A zst file of one frame or of several, each with its checksum, as the zstd command writes them."""
    size = max(1, -(-len(data) // frames))
    return b"".join(_zst_frame(data[at : at + size], checksum) for at in range(0, len(data), size))


def _zst_frame(data: bytes, checksum: bool) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(data)
    frame = bytes(sink.getvalue())
    if not checksum:
        return frame
    return frame[:4] + bytes([frame[4] | 4]) + frame[5:] + (_xxh64(data) & 0xFFFFFFFF).to_bytes(4, "little")


def _xxh64(data: bytes) -> int:
    """Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md."""
    p1, p2, p3, p4, p5 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
    mask = (1 << 64) - 1

    def turned(value: int, bits: int) -> int:
        return (value << bits | (value & mask) >> (64 - bits)) & mask

    def mixed(lane: int, value: int) -> int:
        return turned((lane + value * p2) & mask, 31) * p1 & mask

    lanes, at = [(p1 + p2) & mask, p2, 0, -p1 & mask], 0
    for at in range(0, len(data) // 32 * 32, 32):
        lanes = [mixed(lane, value) for lane, value in zip(lanes, struct.unpack_from("<4Q", data, at), strict=True)]
    if len(data) >= 32:
        hashed, at = sum(map(turned, lanes, (1, 7, 12, 18))) & mask, at + 32
        for lane in lanes:
            hashed = ((hashed ^ mixed(0, lane)) * p1 + p4) & mask
    else:
        hashed = p5
    hashed = (hashed + len(data)) & mask
    for form, prime, bits, other, plus in (("<Q", 0, 27, p1, p4), ("<I", p1, 23, p2, p3), ("<B", p5, 11, p1, 0)):
        while len(data) - at >= struct.calcsize(form):
            (value,) = struct.unpack_from(form, data, at)
            hashed = (turned(hashed ^ (value * prime & mask if prime else mixed(0, value)), bits) * other + plus) & mask
            at += struct.calcsize(form)
            if form == "<I":
                break
    for shift, prime in ((33, p2), (29, p3), (32, 1)):
        hashed = (hashed ^ hashed >> shift) * prime & mask
    return hashed


def one_stream(data: bytes, block: int | Sequence[int] | None = None) -> bytes:
    """ONE bz2 stream of many blocks: of `block` bytes each, or cut at the places given.

    bzip2 makes blocks of 100,000 bytes and more, which it does here by default; smaller ones are moved into one stream bit by bit.
    """
    if block is None:
        return bz2.compress(data, 1)
    places = list(range(0, len(data), block)) if isinstance(block, int) else sorted({0, *block} - {len(data)})
    bits, checksum = format(int.from_bytes(b"BZh9", "big"), "b").zfill(32), 0
    for begin, end in zip(places, [*places[1:], len(data)], strict=True):
        own = "".join(format(byte, "08b") for byte in bz2.compress(data[begin:end]))
        (last,) = [at for at in range(len(own) - 87, len(own) - 79) if int(own[at : at + 48], 2) == STREAM_END]
        bits += own[32:last]
        checksum = (checksum << 1 | checksum >> 31) & 0xFFFFFFFF ^ int(own[80:112], 2)
    bits += format(STREAM_END << 32 | checksum, "080b")
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "xml": bytes,
    "bz2": bz2.compress,
    "pbzip2": lambda data: blocks(data, 300),
    "one.bz2": lambda data: one_stream(data, 300),
    "streams.bz2": lambda data: b"".join(one_stream(data[at : at + 1000], 200) for at in range(0, len(data), 1000)),
    "gz": lambda data: gzip_members(data, 3),
    "zst": zst,
    "frames.zst": lambda data: zst(data, 3),
}


def find_bits(data: bytes, magic: int) -> list[int]:
    """Bits at which 48 bits stand, found the simple way."""
    bits = "".join(format(byte, "08b") for byte in data)
    return [match.start() for match in re.finditer(f"(?={magic:048b})", bits)]


def ranges_of(path: Path, range_bytes: int = 1 << 30) -> list[ByteRange]:
    """The ranges that a file is read in."""
    return plan_ranges(look_at(str(path)), range_bytes)


def read_ranges(path: Path, range_bytes: int = 1 << 30) -> list[list[bytes]]:
    """The pages of every range of a file, as tasks of a cluster would read them: each on its own; lost pages are left out."""
    return [[item for item in read_span(span) if isinstance(item, bytes)] for span in ranges_of(path, range_bytes)]


def read_span(span: ByteRange) -> list[bytes | str]:
    """The pages of a range; for a lost one, the reason."""
    return [item if isinstance(item, str) else item.buffer[item.begin : item.end] for item in cut_pages(decode(span))]


def read_pages(path: Path, range_bytes: int = 1 << 30) -> list[bytes]:
    """The pages of a file, range after range."""
    return [raw for pages in read_ranges(path, range_bytes) for raw in pages]


@dataclass
class Reading:
    """What the ranges of a file give together."""

    pages: list[bytes] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    damages: list[Damage] = field(default_factory=list)


def read_file(path: Path, range_bytes: int = 1 << 30) -> Reading:
    """The pages of a file, the reasons of those that are lost, and its damages, each counted by the range that it begins in."""
    reading = Reading()

    def watched(span: ByteRange) -> Iterator[bytes | Damage | None]:
        own = True
        for event in decode(span):
            own = own and event is not None
            if own and isinstance(event, Damage):
                reading.damages.append(event)
            yield event

    for span in ranges_of(path, range_bytes):
        for item in cut_pages(watched(span)):
            if isinstance(item, str):
                reading.lost.append(item)
            else:
                reading.pages.append(item.buffer[item.begin : item.end])
    return reading


def outcome(path: Path, range_bytes: int) -> tuple[Sequence[bytes], str | None]:
    """The pages of a file and None; or none and the message, of a file that is refused before it is read or while it is read."""
    try:
        check_end(look_at(str(path)))
        return read_pages(path, range_bytes), None
    except DumpError as error:
        return (), str(error)
