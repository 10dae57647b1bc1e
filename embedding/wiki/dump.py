"""Dump files: how they are packed, how they split into byte ranges, and what the ranges hold.

bz2 of one stream or of many and plain XML are read in parallel, gz and zst by one task a file. Source:
https://meta.wikimedia.org/wiki/Data_dumps/Dump_format.
"""

import itertools
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from embedding.errors import DumpError
from embedding.wiki import bzip2
from embedding.wiki.bzip2 import Damage
from embedding.wiki.files import open_file, size_of

CHUNK = 1 << 20
TAIL = 4096  # bytes at a dump's end in which its last tag stands
LONGEST_HEADER = 64 << 20
END = b"</mediawiki>"
Kind = Literal["bz2", "gz", "zst", "xml"]
Event = bytes | Damage | None


@dataclass(frozen=True)
class DumpFile:
    """A file, how it is packed, and its length in bytes: what is asked for once and needed by all that follows."""

    path: str
    kind: Kind
    size: int


@dataclass(frozen=True)
class ByteRange:
    """What one task reads: the pages that start in the bz2 blocks (of plain XML: the bytes) that start in [start, end)."""

    path: str
    kind: Kind
    start: int
    end: int


def look_at(path: str) -> DumpFile:
    """A dump file before it is read.

    Raises:
        DumpError: it is none, or its length is not to be known.
    """
    return DumpFile(path, kind_of(path), size_of(path))


def kind_of(path: str) -> Kind:
    """How a file is packed, told by its first bytes and not by its name.

    Raises:
        DumpError: it is neither bz2, gz, zst nor XML.
    """
    with open_file(path) as file:
        head = file.read(4096)
    kinds: dict[bytes, Kind] = {b"BZh": "bz2", b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst"}
    kind = next((kind for magic, kind in kinds.items() if head.startswith(magic)), None)
    if kind or head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return kind or "xml"
    packers = {b"7z\xbc\xaf": "7z", b"PK\x03\x04": "zip", b"\xfd7zXZ": "xz"}
    packer = next((name for magic, name in packers.items() if head.startswith(magic)), None)
    if packer:
        raise DumpError(f"{path}: packed with {packer}, which is not read; take the same dump as bz2, or unpack it")
    raise DumpError(
        f"{path}: is no Wikipedia dump ({'it is empty' if not head else 'neither bzip2, gzip, zstd nor XML'}); give a pages-articles file"
    )


def plan(files: Iterable[DumpFile], range_bytes: int) -> list[ByteRange]:
    """The byte ranges of all files, a task each.

    Raises:
        DumpError: a file is cut off.
    """
    spans = []
    for file in files:
        check_end(file)
        spans += plan_ranges(file, range_bytes)
    return spans


def plan_ranges(file: DumpFile, range_bytes: int) -> list[ByteRange]:
    """Split a file into ranges of about `range_bytes` that together cover every byte once, where it can be split."""
    count = max(1, -(-file.size // range_bytes)) if file.kind in ("bz2", "xml") else 1
    bounds = [file.size * i // count for i in range(count + 1)]
    return [ByteRange(file.path, file.kind, start, end) for start, end in itertools.pairwise(bounds)]


def check_end(file: DumpFile) -> None:
    """Find out before any work whether a file was cut off, as a broken download leaves it. Of gz and zst, their one task finds it out.

    Raises:
        DumpError: it was.
    """
    if file.kind not in ("bz2", "xml"):
        return
    with open_file(file.path) as opened:
        if file.kind == "bz2":
            tail = bzip2.read_tail(opened, file.size, TAIL)
        else:
            opened.seek(max(0, file.size - TAIL))
            tail = opened.read(TAIL)
    if tail is None:
        raise DumpError(f"{file.path}: is cut off at byte {file.size}: its last bzip2 stream has no end; download the file again")
    if END not in tail:
        raise _cut_off(file.path)


def read_header(file: DumpFile) -> bytes:
    """The bytes of a dump file before its first page, with `<siteinfo>`.

    Raises:
        DumpError: the file is no dump, or is cut off or damaged before its first page.
    """
    header = b""
    for chunk in decode(ByteRange(file.path, file.kind, 0, file.size)):
        if isinstance(chunk, Damage):
            raise DumpError(f"{file.path}: is damaged at byte {chunk.start}, before its first page ({chunk.reason}); download it again")
        header += chunk or b""
        if b"<mediawiki" not in header[: 1 << 16]:
            if len(header) >= 1 << 16:
                break
            continue
        page = header.find(b"<page>")
        if page >= 0 or b"</siteinfo>" in header or END in header:
            return header if page < 0 else header[:page]
        if len(header) > LONGEST_HEADER:
            break
    raise DumpError(f"{file.path}: is no Wikipedia dump (no <mediawiki> element at its start); give a pages-articles file")


def decode(span: ByteRange) -> Iterator[Event]:
    """What a range holds, in chunks, and Damage where something is lost; None where the range ends; then what lies behind it.

    A page may run over the end of a range, so its reader goes on behind the None until the page is whole. Where the file itself ends,
    the chunks end.

    Raises:
        DumpError: a file that cannot be split (gz, zst) is cut off.
    """
    with open_file(span.path) as file:
        if span.kind == "bz2":
            yield from bzip2.read_range(file, span.start, span.end)
        elif span.kind == "xml":
            yield from _decode_plain(file, span)
        else:
            yield from _until_the_end(_decode_gz(file, span) if span.kind == "gz" else _decode_zst(file, span), span.path)


def _decode_plain(file: BinaryIO, span: ByteRange) -> Iterator[Event]:
    file.seek(span.start)
    left = span.end - span.start
    while left > 0 and (chunk := file.read(min(CHUNK, left))):
        left -= len(chunk)
        yield chunk
    yield None
    while chunk := file.read(CHUNK):
        yield chunk


def _decode_gz(file: BinaryIO, span: ByteRange) -> Iterator[Event]:
    member, start, data = zlib.decompressobj(zlib.MAX_WBITS | 16), 0, b""
    while data := data or file.read(CHUNK):
        if member.eof:
            start = file.tell() - len(data)
            member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            chunk = member.decompress(data, CHUNK)
        except zlib.error as error:
            yield Damage(start, span.end, f"its gzip stream is damaged before byte {file.tell()} ({error})")
            return
        if chunk:
            yield chunk
        data = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise DumpError(f"{span.path}: is cut off at byte {span.end}, inside its gzip stream; download it again")


def _decode_zst(file: BinaryIO, span: ByteRange) -> Iterator[Event]:
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferedInputStream(pa.PythonFile(file, "r"), CHUNK), "zstd") as unpacked:
        while True:
            try:
                chunk = unpacked.read(CHUNK)
            except OSError as error:
                if "Truncated" in str(error):
                    raise DumpError(f"{span.path}: is cut off at byte {span.end}, inside its zstd frame; download it again") from None
                yield Damage(0, span.end, f"its zstd frame is damaged before byte {file.tell()} ({' '.join(str(error).split())})")
                return
            if not chunk:
                return
            yield chunk


def _until_the_end(events: Iterator[Event], path: str) -> Iterator[Event]:
    """The events; an error behind them when the last tag of a dump has not come, unless damage has swallowed it."""
    tail, damaged = b"", False
    for event in events:
        yield event
        if isinstance(event, bytes):
            tail, damaged = (tail + event)[-TAIL:], False
        damaged = damaged or isinstance(event, Damage)
    if not damaged and END not in tail:
        raise _cut_off(path)


def _cut_off(path: str) -> DumpError:
    return DumpError(f"{path}: is cut off: it ends before {END.decode()}; download it again")
