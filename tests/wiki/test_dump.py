import bz2
import gzip
import io
import itertools
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embedding.errors import DumpError
from embedding.wiki import dump
from embedding.wiki.dump import STREAM_START, ByteRange, decode, find_files, find_stream, kind_of, plan_ranges, read_header
from embedding.wiki.pages import split_pages
from tests.conftest import FOOTER, HEADER, multistream
from tests.wiki.reading import EXPECTED, PAGES, WHOLE, blocks, gzip_members, outcome, read_pages, read_ranges

MULTISTREAM = multistream(PAGES, per_stream=2)
STARTS = [match.start() for match in STREAM_START.finditer(MULTISTREAM)]
PACKED = {"xml": WHOLE, "bz2": MULTISTREAM, "pbzip2": blocks(WHOLE, 300), "one.bz2": bz2.compress(WHOLE), "gz": gzip_members(WHOLE, 3)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dumps")


def test_the_small_dump_is_what_the_tests_take_it_for() -> None:
    assert len(STARTS) == 6
    assert bz2.decompress(MULTISTREAM) == WHOLE
    assert bz2.decompress(PACKED["pbzip2"]) == WHOLE
    assert gzip.decompress(PACKED["gz"]) == WHOLE


# Every page exactly once, in order


@pytest.mark.parametrize("packing", PACKED)
def test_every_split_size_gives_every_page_once(packing: str, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(PACKED[packing])
    size = len(PACKED[packing])
    for range_bytes in [1, *range(2, 300, 3), *range(300, size, 97), size - 1, size, size + 1]:
        assert read_pages(path, range_bytes) == EXPECTED, f"ranges of {range_bytes} bytes"


@settings(max_examples=40)
@given(block=st.integers(16, 3000), range_bytes=st.integers(1, 3000))
@example(block=len(WHOLE) - 3, range_bytes=1)  # the last stream is `i>\n`
@example(block=len(WHOLE) - 1, range_bytes=1)  # the last stream is a newline
@example(block=len(WHOLE) - 1, range_bytes=10_000)
def test_pages_that_straddle_streams_come_once(block: int, range_bytes: int, folder: Path) -> None:
    path = folder / "straddling.bz2"
    path.write_bytes(blocks(WHOLE, block))
    assert read_pages(path, range_bytes) == EXPECTED


@settings(max_examples=40)
@given(cuts=st.sets(st.integers(1, len(WHOLE) - 1), max_size=12), range_bytes=st.integers(1, 2000))
@example(cuts={WHOLE.index(b"</mediawiki>") + i for i in (0, 3)}, range_bytes=1)
@example(cuts={WHOLE.index(b"<page>") + i for i in (0, 1, 5, 6)}, range_bytes=1)
@example(cuts={WHOLE.index(b"</page>") + i for i in (0, 1, 6, 7)}, range_bytes=1)
def test_streams_may_begin_anywhere(cuts: set[int], range_bytes: int, folder: Path) -> None:
    bounds = [0, *sorted(cuts), len(WHOLE)]
    path = folder / "cut.bz2"
    path.write_bytes(b"".join(bz2.compress(WHOLE[begin:end]) for begin, end in itertools.pairwise(bounds)))
    assert read_pages(path, range_bytes) == EXPECTED


@settings(max_examples=40)
@given(count=st.integers(0, len(PAGES)), per_stream=st.integers(1, 4), range_bytes=st.integers(1, 2000))
def test_any_number_of_pages_a_stream(count: int, per_stream: int, range_bytes: int, folder: Path) -> None:
    path = folder / "some.bz2"
    path.write_bytes(multistream(PAGES[:count], per_stream))
    assert read_pages(path, range_bytes) == EXPECTED[:count]


@pytest.mark.parametrize("chunk", [1, 7, 10, 11, 64])
@pytest.mark.parametrize("packing", PACKED)
def test_bounds_of_the_read_buffer_do_not_matter(packing: str, chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "dump"
    path.write_bytes(PACKED[packing])
    monkeypatch.setattr(dump, "CHUNK", chunk)
    for range_bytes in (97, 500, 100_000):
        assert read_pages(path, range_bytes) == EXPECTED


def test_work_is_shared_between_the_ranges_of_a_multistream_dump(tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    path.write_bytes(MULTISTREAM)
    ranges = read_ranges(path, STARTS[2] - STARTS[1])
    assert sum(bool(pages) for pages in ranges) > 1
    assert all(len(pages) <= 4 for pages in ranges)


def test_a_range_stops_behind_its_last_page(tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    path.write_bytes(MULTISTREAM[: STARTS[4]] + b"BZh91AY&SY" + b"damaged" * 100)
    first = ByteRange(str(path), "bz2", 0, STARTS[2])
    assert list(split_pages(decode(first), str(path))) == EXPECTED[:2]


def test_empty_streams_are_passed_over(tmp_path: Path) -> None:
    empty = bz2.compress(b"")
    pieces = [MULTISTREAM[begin:end] for begin, end in zip(STARTS, [*STARTS[1:], None], strict=True)]
    path = tmp_path / "dump.bz2"
    path.write_bytes(empty.join(pieces) + empty)
    for range_bytes in range(1, len(MULTISTREAM), 41):
        assert read_pages(path, range_bytes) == EXPECTED


@pytest.mark.parametrize("chunk", [1, 9, 10, 11, 100, 1 << 20])
def test_find_stream_agrees_with_a_search_of_the_whole_file(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dump, "CHUNK", chunk)
    file = io.BytesIO(MULTISTREAM)
    for start in range(0, len(MULTISTREAM), 1 if chunk > 99 else 37):
        for end in (start + 1, start + 10, start + 250, len(MULTISTREAM)):
            expected = next((at for at in STARTS if start <= at < end), None)
            assert find_stream(file, start, end) == expected


# Plans


@given(size=st.integers(1, 10**6), range_bytes=st.integers(1000, 10**7), kind=st.sampled_from(["bz2", "xml"]))
def test_ranges_cover_every_byte_once(size: int, range_bytes: int, kind: dump.Kind) -> None:
    spans = plan_ranges("dump", kind, size, range_bytes)
    assert [span.start for span in spans] == [0, *(span.end for span in spans[:-1])]
    assert spans[-1].end == size
    assert all(0 < span.end - span.start <= range_bytes for span in spans)


def test_gz_is_one_range() -> None:
    assert plan_ranges("dump", "gz", 1000, 10) == [ByteRange("dump", "gz", 0, 1000)]


# Files


def test_find_files(tmp_path: Path) -> None:
    names = ["w-pages2.xml.bz2", "w-pages1.xml.bz2", "w-multistream-index.xml.bz2", "w.sql.gz", "w.xml.gz", "w.xml"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "folder.xml").mkdir()

    def found(dump_name: str) -> list[str]:
        return [Path(name).name for name in find_files(dump_name)]

    assert found(str(tmp_path)) == ["w-pages1.xml.bz2", "w-pages2.xml.bz2", "w.xml", "w.xml.gz"]
    assert found(str(tmp_path / "w-pages*.bz2")) == ["w-pages1.xml.bz2", "w-pages2.xml.bz2"]
    assert found(str(tmp_path / "w.sql.gz")) == ["w.sql.gz"]


@pytest.mark.parametrize("name", ["missing.xml.bz2", "*.xml", "."])
def test_no_dump_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(DumpError, match=re.escape(str(tmp_path))):
        find_files(str(tmp_path / name))


@pytest.mark.parametrize(("packing", "kind"), [("xml", "xml"), ("bz2", "bz2"), ("one.bz2", "bz2"), ("gz", "gz")])
def test_kind_is_told_by_the_first_bytes_and_not_by_the_name(packing: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "dump.7z"
    path.write_bytes(PACKED[packing])
    assert kind_of(str(path)) == kind


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"\n  ", b'<?xml version="1.0"?>\n'])
def test_plain_xml_may_begin_otherwise(start: bytes, tmp_path: Path) -> None:
    path = tmp_path / "dump.xml"
    path.write_bytes(start + WHOLE)
    assert kind_of(str(path)) == "xml"
    assert read_pages(path, 100) == EXPECTED
    assert b"<siteinfo>" in read_header(str(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "packed with 7z"),
        (b"\x28\xb5\x2f\xfd\x00", "packed with zstd"),
        (b"PK\x03\x04\x00", "packed with zip"),
        (b"\xfd7zXZ\x00", "packed with xz"),
        (b"{}", "is no Wikipedia dump"),
        (b"BZ", "is no Wikipedia dump"),
    ],
)
def test_what_is_no_dump_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "dump.xml.bz2"
    path.write_bytes(content)
    with pytest.raises(DumpError, match=f"{re.escape(str(path))}: .*{message}"):
        kind_of(str(path))


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(DumpError, match=f"{re.escape(str(tmp_path))}: cannot be read"):
        kind_of(str(tmp_path))


# The header


@pytest.mark.parametrize("packing", PACKED)
def test_read_header(packing: str, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(PACKED[packing])
    header = read_header(str(path))
    assert WHOLE.startswith(header)
    assert b"</siteinfo>" in header
    assert b"<page>" not in header


def test_read_header_of_small_streams(tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    path.write_bytes(blocks(WHOLE, 5))
    assert b"</siteinfo>" in read_header(str(path))


@pytest.mark.parametrize("pack", [bytes, bz2.compress, gzip.compress])
@pytest.mark.parametrize("content", [b"<html><page></page></html>", b"<html>" + b" " * 200_000 + b"<mediawiki><page>"])
def test_what_holds_no_dump_has_no_header(content: bytes, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(pack(content))
    with pytest.raises(DumpError, match=f"{re.escape(str(path))}: is no Wikipedia dump"):
        read_header(str(path))


# Damage: an error that names the file and the byte, never fewer pages

RANGES = [1 << 30, 500, 90]


@pytest.mark.parametrize("range_bytes", [*RANGES, 11])
def test_multistream_cut_off_at_any_byte(range_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    for size in range(0, len(MULTISTREAM), 1 if range_bytes == 500 else 3):
        path.write_bytes(MULTISTREAM[:size])
        pages, message = outcome(path, range_bytes)
        assert message, f"cut off at {size}: {len(pages)} pages and no error"
        assert message.startswith(f"{path}: ")
        if size < 4:
            assert "is no Wikipedia dump" in message
        elif size in STARTS:
            assert "is cut off: it ends before </mediawiki>" in message
        else:
            stream = max(start for start in STARTS if start < size)
            assert f"is cut off at byte {size}: the bzip2 stream at byte {stream} has no end" in message


@pytest.mark.parametrize("range_bytes", [*RANGES, 11])
@pytest.mark.parametrize("packing", ["xml", "pbzip2"])
def test_other_packings_cut_off_at_any_byte(packing: str, range_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    data = PACKED[packing]
    for size in range(0, len(data), 7 if range_bytes < 100 else 3):
        path.write_bytes(data[:size])
        pages, message = outcome(path, range_bytes)
        if packing == "xml" and size >= len(data.rstrip()):
            assert pages == EXPECTED  # a newline is all that is missing
        else:
            assert message, f"cut off at {size}: {len(pages)} pages and no error"
            assert message.startswith(f"{path}: ")


def test_gz_cut_off_at_any_byte(tmp_path: Path) -> None:
    path = tmp_path / "dump.gz"
    data = PACKED["gz"]
    members = [match.start() for match in re.finditer(rb"\x1f\x8b\x08", data)]
    assert len(members) == 3
    for size in range(len(data)):
        path.write_bytes(data[:size])
        pages, message = outcome(path, 100)
        assert message, f"cut off at {size}: {len(pages)} pages and no error"
        assert message.startswith(f"{path}: ")
        if size > 2 and not {size, size - 1} & {*members}:
            assert f"is cut off at byte {size}, inside its gzip stream" in message


@pytest.mark.parametrize(("mask", "range_bytes"), [(0xFF, 1 << 30), (0x01, 500), (0x20, 90)])
def test_a_damaged_byte_of_a_multistream_dump(mask: int, range_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    found = 0
    for at in range(len(MULTISTREAM)):
        path.write_bytes(MULTISTREAM[:at] + bytes([MULTISTREAM[at] ^ mask]) + MULTISTREAM[at + 1 :])
        pages, message = outcome(path, range_bytes)
        if message is None:
            assert pages == EXPECTED, f"damaged at {at}: {len(pages)} pages and no error"
        else:
            found += 1
            assert message.startswith(f"{path}: ")
            stream = max(start for start in STARTS if start <= at)
            assert at < 4 or f"byte {stream} " in message
    assert found > 0.9 * len(MULTISTREAM)


@pytest.mark.parametrize("at", STARTS[1:])
def test_a_range_whose_first_stream_has_lost_its_start(at: int, tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    path.write_bytes(MULTISTREAM[: at + 4] + b"?" + MULTISTREAM[at + 5 :])
    message = f"{re.escape(str(path))}: what follows at byte {at} is no bzip2 stream"
    before = ByteRange(str(path), "bz2", 0, at)
    with pytest.raises(DumpError, match=message):
        list(split_pages(decode(before), str(path)))


def test_a_damaged_byte_of_a_gz_dump(tmp_path: Path) -> None:
    path = tmp_path / "dump.gz"
    data = PACKED["gz"]
    found = 0
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        pages, message = outcome(path, 100)
        if message is None:
            assert pages == EXPECTED, f"damaged at {at}: {len(pages)} pages and no error"
        else:
            found += 1
            assert message.startswith(f"{path}: ")
    assert found > 0.9 * len(data)


@pytest.mark.parametrize("range_bytes", [*RANGES, 11])
@pytest.mark.parametrize("garbage", [b"\n", b"\0", b"<html>404 Not Found</html>", b"BZh9 no stream", b"BZhx", bytes(3000)])
def test_garbage_behind_the_last_stream(garbage: bytes, range_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    path.write_bytes(MULTISTREAM + garbage)
    _, message = outcome(path, range_bytes)
    assert message
    assert message.startswith(f"{path}: ")
    assert f"at byte {len(MULTISTREAM)} " in message


def test_garbage_behind_the_last_gzip_stream(tmp_path: Path) -> None:
    path = tmp_path / "dump.gz"
    path.write_bytes(PACKED["gz"] + b"<html>404 Not Found</html>")
    with pytest.raises(DumpError, match=f"{re.escape(str(path))}: its gzip stream is damaged before byte {path.stat().st_size} "):
        read_pages(path)


@pytest.mark.parametrize("pack", [bytes, bz2.compress, gzip.compress, lambda data: blocks(data, 300)])
@pytest.mark.parametrize("range_bytes", [1 << 30, 300, 20])
def test_xml_without_its_end(pack: Callable[[bytes], bytes], range_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(pack(WHOLE.removesuffix(FOOTER.encode())))
    assert outcome(path, range_bytes) == ((), f"{path}: is cut off: it ends before </mediawiki>; download it again")
    path.write_bytes(pack(WHOLE[: WHOLE.rindex(b"</page>")]))
    assert outcome(path, range_bytes) == ((), f"{path}: is cut off: it ends inside a page; download it again")
    path.write_bytes(pack(HEADER.encode()))
    assert outcome(path, range_bytes) == ((), f"{path}: is cut off: it ends before </mediawiki>; download it again")


def test_a_page_that_runs_into_a_damaged_stream(tmp_path: Path) -> None:
    data = bytearray(PACKED["pbzip2"])
    starts = [match.start() for match in STREAM_START.finditer(data)]
    data[starts[6] + 20] ^= 0xFF
    path = tmp_path / "dump.bz2"
    path.write_bytes(data)
    owner = ByteRange(str(path), "bz2", 0, starts[6])
    with pytest.raises(DumpError, match=f"the bzip2 stream at byte {starts[6]} is damaged"):
        list(split_pages(decode(owner), str(path)))


def test_gzip_damage_is_found_by_its_checksum_too(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(WHOLE, compresslevel=0, mtime=0))
    data[data.index(b"Frank")] ^= 1
    with pytest.raises((OSError, zlib.error)):
        gzip.decompress(data)
    path = tmp_path / "dump.gz"
    path.write_bytes(data)
    with pytest.raises(DumpError, match=f"{re.escape(str(path))}: its gzip stream is damaged before byte {len(data)} "):
        read_pages(path)
