"""Dump files: which there are, how they split into byte ranges, and their decoded bytes.

A multistream dump is a row of bz2 streams of about 100 pages each. Every stream starts on a byte boundary with the ten bytes
`BZh91AY&SY` (level, then the magic number of a block), so a byte range finds its own streams without the index file. Source:
https://en.wikipedia.org/wiki/Wikipedia:Database_download#Should_I_get_multistream? and the bzip2 format of J. Seward.
"""

import bz2
import glob
import gzip
import io
import itertools
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from embedding.errors import DumpError

CHUNK = 1 << 20
TAIL = 256  # bytes at a file's end that no range begins in, so that none is left with a piece of `</mediawiki>`
STREAM_START = re.compile(rb"BZh[1-9]1AY&SY")
_EMPTY_STREAM = re.compile(rb"BZh[1-9]\x17rE8P\x90")
Kind = Literal["bz2", "gz", "xml"]


@dataclass(frozen=True)
class ByteRange:
    """What one task reads: the pages that start in the streams (of plain XML: the bytes) that start in [start, end)."""

    path: str
    kind: Kind
    start: int
    end: int


def find_files(dump: str) -> list[str]:
    """The dump files named by a file, a folder or a glob, sorted by name; index files of multistream dumps are left out.

    Raises:
        DumpError: there is none.
    """
    path = Path(dump)
    if path.is_file():
        return [str(path)]
    names = path.glob("*.xml*") if path.is_dir() else map(Path, glob.glob(dump))  # noqa: PTH207 - may be absolute
    files = sorted(str(name) for name in names if name.is_file() and "-index" not in name.name)
    if not files:
        what = "holds no dump file (*.xml, *.xml.bz2, *.xml.gz)" if path.is_dir() else "no such file"
        raise DumpError(f"{dump}: {what}; give --dump a file from https://dumps.wikimedia.org, a folder of such files or a glob")
    return files


def kind_of(path: str) -> Kind:
    """How a file is packed, told by its first bytes and not by its name.

    Raises:
        DumpError: it is neither bz2, gz nor XML.
    """
    with _open(path) as file:
        head = file.read(4096)
    if re.match(rb"BZh[1-9]", head):
        return "bz2"
    if head.startswith(b"\x1f\x8b"):
        return "gz"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return "xml"
    packers = {b"7z\xbc\xaf": "7z", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip", b"\xfd7zXZ": "xz"}
    packer = next((name for magic, name in packers.items() if head.startswith(magic)), None)
    if packer:
        raise DumpError(f"{path}: packed with {packer}, which is not read; unpack it, or pack it with bzip2 or gzip")
    raise DumpError(
        f"{path}: is no Wikipedia dump ({'it is empty' if not head else 'neither bzip2, gzip nor XML'}); give a pages-articles file"
    )


def plan_ranges(path: str, kind: Kind, size: int, range_bytes: int) -> list[ByteRange]:
    """Split a file of `size` bytes into ranges of about `range_bytes` that together cover every byte once. gz does not split."""
    count = 1 if kind == "gz" else max(1, -(-size // range_bytes))
    bounds = [size * i // count for i in range(count + 1)]
    return [ByteRange(path, kind, start, end) for start, end in itertools.pairwise(bounds)]


def read_header(path: str) -> bytes:
    """The bytes of a dump file before its first page, with `<siteinfo>`.

    Raises:
        DumpError: the file is no dump, or is cut off before its first page.
    """
    header = b""
    kind = kind_of(path)
    for chunk in decode(ByteRange(path, kind, 0, Path(path).stat().st_size)):
        header += chunk or b""
        if b"<mediawiki" not in header[: 1 << 16]:
            if len(header) >= 1 << 16:
                break
            continue
        page = header.find(b"<page>")
        if page >= 0 or b"</siteinfo>" in header or b"</mediawiki>" in header:
            return header if page < 0 else header[:page]
        if len(header) > 64 * CHUNK:
            break
    raise DumpError(f"{path}: is no Wikipedia dump (no <mediawiki> element at its start); give a pages-articles file")


def decode(span: ByteRange) -> Iterator[bytes | None]:
    """The decoded bytes of a range in chunks; None where the range ends; then, as long as they are asked for, the bytes behind it.

    A page may run over the end of a range, so its reader goes on behind the None until the page is whole. Where the file itself
    ends, the chunks end; without a None before it when the range is the file's last.

    Raises:
        DumpError: a stream is damaged or the file is cut off.
    """
    with _open(span.path) as file:
        if span.kind == "bz2":
            yield from _decode_bz2(file, span)
        elif span.kind == "gz":
            yield from _decode_gz(file, span)
        else:
            yield from _decode_plain(file, span)


def _open(path: str) -> BinaryIO:
    try:
        return open(path, "rb", buffering=0)  # noqa: PTH123 - closed by the caller
    except OSError as error:
        raise DumpError(f"{path}: cannot be read: {error.strerror}") from None


def _decode_plain(file: BinaryIO, span: ByteRange) -> Iterator[bytes | None]:
    size = file.seek(0, io.SEEK_END)
    start, end = (size if place and size - place < TAIL else place for place in (span.start, span.end))
    if start == size:
        yield None
    file.seek(start)
    left = end - start
    while left > 0 and (chunk := file.read(min(CHUNK, left))):
        left -= len(chunk)
        yield chunk
    if chunk := file.read(CHUNK):
        yield None
        yield chunk
    while chunk := file.read(CHUNK):
        yield chunk


def _decode_gz(file: BinaryIO, span: ByteRange) -> Iterator[bytes | None]:
    with gzip.GzipFile(fileobj=file) as unpacked, io.BufferedReader(unpacked, CHUNK) as reader:
        try:
            while chunk := reader.read(CHUNK):
                yield chunk
        except EOFError:
            raise DumpError(f"{span.path}: is cut off at byte {file.tell()}, inside its gzip stream; download it again") from None
        except (zlib.error, gzip.BadGzipFile) as error:
            raise DumpError(f"{span.path}: its gzip stream is damaged before byte {file.tell()} ({error}); download it again") from None


def find_stream(file: BinaryIO, start: int, end: int) -> int | None:
    """The byte at which the first bz2 stream in [start, end) starts, or None."""
    file.seek(start)
    tail, at = b"", start
    while at < end and (chunk := file.read(CHUNK)):
        found = STREAM_START.search(tail + chunk)
        if found:
            position = at - len(tail) + found.start()
            return position if position < end else None
        at += len(chunk)
        tail = (tail + chunk)[-9:]
        if at >= end:  # the ten bytes may begin before the end and run over it
            found = STREAM_START.search(tail + file.read(9))
            position = at - len(tail) + found.start() if found else end
            return position if position < end else None
    return None


def _decode_bz2(file: BinaryIO, span: ByteRange) -> Iterator[bytes | None]:
    size = file.seek(0, io.SEEK_END)
    stream = 0 if span.start == 0 else find_stream(file, span.start, span.end)
    if stream is None or (stream and size - stream < TAIL):
        yield None
        return
    file.seek(stream)
    decoder, data, inside = bz2.BZ2Decompressor(), b"", True
    while True:
        try:
            chunk = decoder.decompress(data, CHUNK)
        except (OSError, ValueError) as error:
            raise DumpError(f"{span.path}: the bzip2 stream at byte {stream} is damaged ({error}); download the file again") from None
        if chunk:
            yield chunk
        if decoder.eof:
            data = decoder.unused_data
            while len(data) < 10 and (more := file.read(CHUNK)):
                data += more
            if not data:
                return
            stream = file.tell() - len(data)
            # The range behind searches for its first stream: one that it would not find, because its start is damaged, is found out here.
            if STREAM_START.match(data):
                if inside and stream >= span.end and size - stream >= TAIL:
                    inside = False
                    yield None
            elif not _EMPTY_STREAM.match(data) and (len(data) >= 10 or not b"BZh".startswith(data[:3])):
                raise DumpError(f"{span.path}: what follows at byte {stream} is no bzip2 stream; download the file again")
            decoder = bz2.BZ2Decompressor()
        else:
            data = file.read(CHUNK) if decoder.needs_input else b""
            if decoder.needs_input and not data:
                raise DumpError(
                    f"{span.path}: is cut off at byte {file.tell()}: the bzip2 stream at byte {stream} has no end; download the file again"
                )
