import bz2
import gzip
import itertools
import random
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embedding.errors import DumpError
from embedding.wiki import dump
from embedding.wiki import stretches as finding
from embedding.wiki.bzip2 import Damage
from embedding.wiki.dump import ByteRange, DumpFile, check_end, decode, kind_of, look_at, plan_ranges, read_header
from embedding.wiki.pages import DAMAGED
from embedding.wiki.stretches import BLOCK
from tests.conftest import FOOTER, HEADER, multistream
from tests.wiki.reading import (
    EXPECTED,
    PACKINGS,
    PAGES,
    WHOLE,
    Reading,
    blocks,
    find_bits,
    gzip_members,
    one_stream,
    outcome,
    read_file,
    read_ranges,
    read_span,
    zst,
)

MULTISTREAM = multistream(PAGES, per_stream=2)
STARTS = [match.start() for match in re.finditer(rb"BZh91AY&SY", MULTISTREAM)]
PACKED = {**{name: pack(WHOLE) for name, pack in PACKINGS.items()}, "multistream.bz2": MULTISTREAM}
SPLIT = ["xml", "multistream.bz2", "pbzip2", "one.bz2", "streams.bz2"]
UNSPLIT = ["gz", "zst", "frames.zst"]
TAGS = [WHOLE.index(tag) + i for tag in (b"<page>", b"</page>", "Лолита".encode(), "\N{PILE OF POO}".encode()) for i in range(1, 8)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dumps")


def test_the_small_dump_is_what_the_tests_take_it_for() -> None:
    assert len(STARTS) == 6
    assert [len(find_bits(PACKED[name], BLOCK)) for name in ("bz2", "pbzip2", "one.bz2", "streams.bz2")] == [1, 13, 13, 20]
    assert [PACKED[name].count(b"BZh9") for name in ("bz2", "pbzip2", "one.bz2", "streams.bz2")] == [1, 13, 1, 4]
    assert all(bz2.decompress(PACKED[name]) == WHOLE for name in ("bz2", "pbzip2", "one.bz2", "streams.bz2", "multistream.bz2"))
    assert gzip.decompress(PACKED["gz"]) == WHOLE
    assert PACKED["frames.zst"].count(b"\x28\xb5\x2f\xfd") == 3


# Every page exactly once, in order


@pytest.mark.parametrize("packing", PACKED)
def test_every_split_size_gives_every_page_once(packing: str, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(PACKED[packing])
    size = len(PACKED[packing])
    for range_bytes in [1, 7, 31, 64, *range(100, size, 167), size - 1, size, size + 1]:
        assert read_file(path, range_bytes) == Reading(EXPECTED), f"ranges of {range_bytes} bytes"


@settings(max_examples=20)
@given(block=st.integers(60, 3000), range_bytes=st.integers(10, 3000))
@example(block=9, range_bytes=3000)
@example(block=len(WHOLE) - 3, range_bytes=1)  # the last stream is `i>\n`
@example(block=len(WHOLE) - 1, range_bytes=1)  # the last stream is a newline
@example(block=len(WHOLE) - 1, range_bytes=10_000)
@pytest.mark.parametrize("pack", [blocks, one_stream])
def test_pages_that_straddle_blocks_come_once(pack: Callable[[bytes, int], bytes], block: int, range_bytes: int, folder: Path) -> None:
    path = folder / "straddling.bz2"
    path.write_bytes(pack(WHOLE, block))
    assert read_file(path, range_bytes) == Reading(EXPECTED)


@settings(max_examples=25)
@given(cuts=st.sets(st.integers(1, len(WHOLE) - 1) | st.sampled_from(TAGS), max_size=12), range_bytes=st.integers(1, 2000))
@example(cuts={WHOLE.index(b"</mediawiki>") + i for i in (0, 3)}, range_bytes=1)
@example(cuts={WHOLE.index(b"<page>") + i for i in (0, 1, 5, 6)}, range_bytes=1)
@example(cuts={WHOLE.index(b"</page>") + i for i in (0, 1, 6, 7)}, range_bytes=1)
@example(cuts=set(TAGS), range_bytes=50)
@pytest.mark.parametrize("streams", [True, False])
def test_blocks_may_begin_anywhere(streams: bool, cuts: set[int], range_bytes: int, folder: Path) -> None:
    bounds = [0, *sorted(cuts), len(WHOLE)]
    path = folder / "cut.bz2"
    pieces = [WHOLE[begin:end] for begin, end in itertools.pairwise(bounds)]
    path.write_bytes(b"".join(map(bz2.compress, pieces)) if streams else one_stream(WHOLE, sorted(cuts)))
    assert read_file(path, range_bytes) == Reading(EXPECTED)


@settings(max_examples=25)
@given(count=st.integers(0, len(PAGES)), per_stream=st.integers(1, 4), range_bytes=st.integers(1, 2000))
def test_any_number_of_pages_a_stream(count: int, per_stream: int, range_bytes: int, folder: Path) -> None:
    path = folder / "some.bz2"
    path.write_bytes(multistream(PAGES[:count], per_stream))
    assert read_file(path, range_bytes) == Reading(EXPECTED[:count])


@pytest.mark.parametrize("chunk", [1, 7, 10, 64])
@pytest.mark.parametrize("packing", PACKED)
def test_bounds_of_the_read_buffer_do_not_matter(packing: str, chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "dump"
    path.write_bytes(PACKED[packing])
    monkeypatch.setattr(dump, "CHUNK", chunk)
    monkeypatch.setattr(finding, "PIECE", chunk)
    for range_bytes in (500, 100_000):
        assert read_file(path, range_bytes) == Reading(EXPECTED)


@pytest.mark.parametrize("packing", SPLIT)
def test_work_is_shared_between_the_ranges(packing: str, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(PACKED[packing])
    ranges = read_ranges(path, len(PACKED[packing]) // 5)
    assert sum(bool(pages) for pages in ranges) > 2
    assert all(len(pages) <= 4 for pages in ranges)


def test_a_range_stops_behind_its_last_page(tmp_path: Path) -> None:
    """What lies behind is not even looked at: a task reads its own part of a file, and not the rest."""
    path = tmp_path / "dump.bz2"
    path.write_bytes(MULTISTREAM[: STARTS[4]] + b"BZh91AY&SY" + b"damaged" * 100)
    first = ByteRange(str(path), "bz2", 0, STARTS[2])
    assert read_span(first) == EXPECTED[:2]
    assert [type(event) for event in decode(first)].count(Damage) == 1  # whoever reads on finds it


# Plans


@given(size=st.integers(1, 10**6), range_bytes=st.integers(1000, 10**7), kind=st.sampled_from(["bz2", "xml"]))
def test_ranges_cover_every_byte_once(size: int, range_bytes: int, kind: dump.Kind) -> None:
    spans = plan_ranges(DumpFile("dump", kind, size), range_bytes)
    assert [span.start for span in spans] == [0, *(span.end for span in spans[:-1])]
    assert spans[-1].end == size
    assert all(0 < span.end - span.start <= range_bytes for span in spans)


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_what_cannot_be_split_is_one_range(kind: dump.Kind) -> None:
    assert plan_ranges(DumpFile("dump", kind, 1000), 10) == [ByteRange("dump", kind, 0, 1000)]


# Kinds


@pytest.mark.parametrize(
    ("packing", "kind"),
    [("xml", "xml"), ("multistream.bz2", "bz2"), ("one.bz2", "bz2"), ("gz", "gz"), ("zst", "zst"), ("frames.zst", "zst")],
)
def test_kind_is_told_by_the_first_bytes_and_not_by_the_name(packing: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "dump.7z"
    path.write_bytes(PACKED[packing])
    assert kind_of(str(path)) == kind


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"\n  ", b'<?xml version="1.0"?>\n'])
def test_plain_xml_may_begin_otherwise(start: bytes, tmp_path: Path) -> None:
    path = tmp_path / "dump.xml"
    path.write_bytes(start + WHOLE)
    assert kind_of(str(path)) == "xml"
    assert read_file(path, 100) == Reading(EXPECTED)
    assert b"<siteinfo>" in read_header(look_at(str(path)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "packed with 7z"),
        (b"PK\x03\x04\x00", "packed with zip"),
        (b"\xfd7zXZ\x00", "packed with xz"),
        (b"{}", "is no Wikipedia dump"),
        (b"BZ", "is no Wikipedia dump"),
        (bytes(5000), "is no Wikipedia dump"),
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
    header = read_header(look_at(str(path)))
    assert WHOLE.startswith(header)
    assert b"</siteinfo>" in header
    assert b"<page>" not in header


@pytest.mark.parametrize("pack", [blocks, one_stream])
def test_read_header_of_small_blocks(pack: Callable[[bytes, int], bytes], tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    path.write_bytes(pack(WHOLE, 5))
    header = read_header(look_at(str(path)))
    assert WHOLE.startswith(header)
    assert b"</siteinfo>" in header


@pytest.mark.parametrize("pack", [bytes, bz2.compress, gzip.compress, zst])
@pytest.mark.parametrize(
    "content", [b"<html><page></page></html>", b"<html>" + b" " * 200_000 + b"<mediawiki><page>", b"<mediawiki><siteinfo>"]
)
def test_what_holds_no_dump_has_no_header(content: bytes, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(pack(content))
    with pytest.raises(DumpError, match=f"{re.escape(str(path))}: is (no Wikipedia dump|cut off)"):
        read_header(look_at(str(path)))


def test_a_header_without_end_is_not_read_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dump, "LONGEST_HEADER", 100_000)
    monkeypatch.setattr(dump, "CHUNK", 10_000)
    path = tmp_path / "dump.xml"
    path.write_bytes(b"<mediawiki>" + bytes(1_000_000))
    decoded = []

    def watched(span: ByteRange) -> Iterator[dump.Event]:
        for event in decode(span):
            decoded.append(event)
            yield event

    monkeypatch.setattr(dump, "decode", watched)
    with pytest.raises(DumpError, match="is no Wikipedia dump"):
        read_header(look_at(str(path)))
    assert len(decoded) < 15


@pytest.mark.parametrize("packing", ["multistream.bz2", "one.bz2", "gz"])
def test_damage_before_the_first_page(packing: str, tmp_path: Path) -> None:
    """Without its header, nothing is known of a wiki."""
    path = tmp_path / "dump"
    data = PACKED[packing]
    path.write_bytes(data[:60] + bytes([data[60] ^ 0xFF]) + data[61:])
    with pytest.raises(DumpError, match=f"{re.escape(str(path))}: is damaged at byte \\d+, before its first page "):
        read_header(look_at(str(path)))


# Files cut off


def _refused(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    pages, message = outcome(path, 500)
    assert message, f"cut off at {len(data)}: {len(pages)} pages and no error"
    assert message.startswith(f"{path}: ")
    return message


@pytest.mark.parametrize("packing", ["multistream.bz2", "pbzip2", "one.bz2", "streams.bz2"])
def test_bz2_cut_off_at_any_byte(packing: str, tmp_path: Path) -> None:
    """It is found out before anything is read."""
    path = tmp_path / "dump.bz2"
    data = PACKED[packing]
    ends = {match.start() for match in re.finditer(b"BZh9", data)}
    for size in {*range(30), *range(30, len(data), 7), *ends, *range(len(data) - 60, len(data))}:
        message = _refused(path, data[:size])
        if size < 3:
            assert "is no Wikipedia dump" in message
        elif size in ends:
            assert "is cut off: it ends before </mediawiki>" in message
        elif not {*range(size - 9, size)} & ends:  # or the last whole stream is followed by what is no block
            assert f"is cut off at byte {size}: its last bzip2 stream has no end" in message
        if size >= 3:
            with pytest.raises(DumpError, match="is cut off"):
                check_end(look_at(str(path)))


@pytest.mark.parametrize("filler", [bytes(3000), b"\xff" * 300])
@pytest.mark.parametrize("packing", ["multistream.bz2", "pbzip2", "one.bz2", "xml"])
def test_a_broken_download_for_which_room_was_made_at_first(packing: str, filler: bytes, tmp_path: Path) -> None:
    data = PACKED[packing]
    for size in range(40, len(data) - 13, 127):
        assert "is cut off" in _refused(tmp_path / "dump", data[:size] + filler)


def test_xml_cut_off_at_any_byte(tmp_path: Path) -> None:
    path = tmp_path / "dump.xml"
    for size in range(1, len(WHOLE.rstrip()), 7):
        assert _refused(path, WHOLE[:size]) == f"{path}: is cut off: it ends before </mediawiki>; download it again"


@pytest.mark.parametrize("packing", UNSPLIT)
def test_gz_and_zst_cut_off_at_any_byte(packing: str, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    data = PACKED[packing]
    magic = re.escape(data[:3])
    parts = {match.start() for match in re.finditer(magic, data)}
    assert len(parts) == {"gz": 3, "zst": 1, "frames.zst": 3}[packing]
    for size in {*range(0, len(data), 3), *parts, *range(len(data) - 12, len(data))}:
        message = _refused(path, data[:size])
        if size > 4 and not {*range(size - 8, size + 1)} & parts:
            assert f"is cut off at byte {size}, inside its {'gzip stream' if packing == 'gz' else 'zstd frame'}" in message
        elif size > 4:
            assert "is cut off" in message or "is damaged" in message


@pytest.mark.parametrize("pack", [*PACKINGS.values(), lambda data: multistream([data.decode()], 1)[len(bz2.compress(HEADER.encode())) :]])
@pytest.mark.parametrize(
    "content", [WHOLE.removesuffix(FOOTER.encode()), WHOLE[: WHOLE.rindex(b"</page>")], HEADER.encode()], ids=["footer", "page", "pages"]
)
def test_xml_without_its_end(content: bytes, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "dump"
    data = pack(content)
    if not data.endswith(bz2.compress(FOOTER.encode())):
        assert _refused(path, data) == f"{path}: is cut off: it ends before </mediawiki>; download it again"


@pytest.mark.parametrize("end", [b"", b"\n\n", b" \r\n" * 200])
@pytest.mark.parametrize("packing", PACKINGS)
def test_white_space_behind_the_end_of_the_xml(packing: str, end: bytes, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(PACKINGS[packing](WHOLE.rstrip() + end))
    assert outcome(path, 500) == (EXPECTED, None)


# Damage: what is lost is told, and the rest is read. Of bz2, test_bzip2.py tells more.


@pytest.mark.parametrize("packing", UNSPLIT)
def test_a_damaged_byte_of_a_gz_or_zst_dump(packing: str, tmp_path: Path) -> None:
    """What was decoded before it is read, nothing behind it; a length that was damaged may look like a file cut off."""
    path = tmp_path / "dump"
    data = PACKED[packing]
    damaged, rng = 0, random.Random(packing)
    for at in range(4, len(data), 3):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :])
        try:
            reading = read_file(path)
        except DumpError as error:
            reading = str(error)
        if isinstance(reading, str):
            assert reading.startswith(f"{path}: is cut off at byte {len(data)}, ")
        elif reading.damages:
            (damage,) = reading.damages
            assert reading.pages == EXPECTED[: len(reading.pages)]
            assert reading.lost in ([], [DAMAGED])
            assert damage.end == len(data)
            assert re.fullmatch(r"its (gzip stream|zstd frame) is damaged before byte \d+ \(.+\)", damage.reason)
            damaged += 1
        else:
            assert reading == Reading(EXPECTED)
    assert damaged > len(data) // 3 * 0.8


def test_a_zst_dump_without_checksums(tmp_path: Path) -> None:
    """Of the damage, what breaks the format is found; no more can be."""
    path = tmp_path / "dump.zst"
    data = zst(WHOLE, 2, checksum=False)
    path.write_bytes(data)
    assert read_file(path) == Reading(EXPECTED)
    damaged = 0
    for at in range(4, len(data), 31):
        path.write_bytes(data[:at] + b"\xff" * 8 + data[at + 8 :])
        try:
            damaged += bool(read_file(path).damages)
        except DumpError:
            damaged += 1
    assert damaged > 5


def test_members_before_a_damaged_one_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dump, "CHUNK", 50)
    data = bytearray(gzip_members(WHOLE, 4))
    third = [match.start() for match in re.finditer(rb"\x1f\x8b\x08", data)][2]
    data[third + 30] ^= 0xFF
    path = tmp_path / "dump.gz"
    path.write_bytes(data)
    reading = read_file(path)
    whole = WHOLE[: -(-len(WHOLE) // 4) * 2]
    assert reading.pages[: whole.count(b"</page>")] == EXPECTED[: whole.count(b"</page>")]
    assert [(damage.start, damage.end) for damage in reading.damages] == [(third, len(data))]


def test_gzip_damage_is_found_by_its_checksum_too(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(WHOLE, compresslevel=0, mtime=0))
    data[data.index(b"Frank")] ^= 1
    with pytest.raises((OSError, zlib.error)):
        gzip.decompress(data)
    path = tmp_path / "dump.gz"
    path.write_bytes(data)
    (damage,) = read_file(path).damages
    assert damage.start == 0
    assert damage.reason.startswith(f"its gzip stream is damaged before byte {len(data)} ")


def test_garbage_behind_the_last_gzip_stream(tmp_path: Path) -> None:
    path = tmp_path / "dump.gz"
    path.write_bytes(PACKED["gz"] + b"<html>404 Not Found</html>")
    reading = read_file(path)
    assert reading.pages == EXPECTED
    assert [(damage.start, damage.end) for damage in reading.damages] == [(len(PACKED["gz"]), path.stat().st_size)]


def test_a_page_that_runs_into_a_damaged_block(tmp_path: Path) -> None:
    """It is lost to the range in which it begins; the damage is told by the range in which that lies."""
    data = bytearray(PACKED["pbzip2"])
    starts = [match.start() for match in re.finditer(b"BZh9", data)]
    data[starts[6] + 20] ^= 0xFF
    path = tmp_path / "dump.bz2"
    path.write_bytes(data)
    owner = ByteRange(str(path), "bz2", 0, starts[6])
    whole = WHOLE[: 6 * 300].count(b"</page>")
    assert WHOLE[: 6 * 300].count(b"<page>") == whole + 1
    assert read_span(owner) == [*EXPECTED[:whole], DAMAGED]
    before_the_end = list(itertools.takewhile(lambda event: event is not None, decode(owner)))
    assert not [event for event in before_the_end if isinstance(event, Damage)]
    behind = ByteRange(str(path), "bz2", starts[6], len(data))
    assert Damage(starts[6] + 4, starts[7] + 4, "its bzip2 data is damaged") in list(decode(behind))
