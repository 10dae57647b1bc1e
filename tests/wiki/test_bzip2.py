import bz2
import io
import itertools
import random
import re
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embedding.errors import DumpError
from embedding.wiki import bzip2
from embedding.wiki import stretches as finding
from embedding.wiki.bzip2 import Damage, decode_stretches
from embedding.wiki.dump import check_end, look_at
from embedding.wiki.pages import DAMAGED, TOO_LONG
from embedding.wiki.stretches import BLOCK, STREAM_END, Stretch, find_magic, stretches
from tests.conftest import FOOTER, HEADER, page
from tests.wiki.bz2_samples import SAMPLES, Sample
from tests.wiki.reading import EXPECTED, PAGES, WHOLE, Reading, blocks, one_stream, read_file, read_pages

RANGES = [1 << 30, 700, 190]
EMPTY = bz2.compress(b"")


PLACES = [(WHOLE.index(xml), WHOLE.index(xml) + len(xml)) for xml in EXPECTED]


@pytest.fixture(scope="module")
def big() -> tuple[bytes, list[bytes]]:
    """XML of more than a megabyte that compresses badly, and its pages."""
    rng = random.Random(1)
    letters = "abcdefghijklmnop \N{CYRILLIC SMALL LETTER ZHE}\N{CJK UNIFIED IDEOGRAPH-5C0F}\N{PILE OF POO}"
    pages = [page(f"Page {i}", i, "".join(rng.choices(letters, k=rng.choice([10, 500, 3000, 40_000])))) for i in range(1, 120)]
    return (HEADER + "".join(pages) + FOOTER).encode(), [xml.strip().encode() for xml in pages]


def decoded(data: bytes, start: int = 0, whole_until: int = 0) -> bytes:
    """What the blocks from a byte on hold; none may be damaged."""
    parts = list(decode_stretches(stretches(io.BytesIO(data), start, whole_until)))
    assert not [part for part in parts if isinstance(part, Damage)]
    return b"".join(part for part in parts if isinstance(part, bytes))


# Stretches decoded


@pytest.mark.parametrize(("piece", "at_once"), [(1, 1), (7, 700), (64, 1), (1000, 1500), (1 << 22, 1 << 21)])
@pytest.mark.parametrize("name", SAMPLES)
def test_whole_streams_hold_what_their_blocks_hold(name: str, piece: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = SAMPLES[name].data
    monkeypatch.setattr(finding, "PIECE", piece)
    monkeypatch.setattr(bzip2, "AT_ONCE", at_once)
    monkeypatch.setattr(finding, "LONGEST_BLOCK", 450)  # longer than any block here, and shorter than the streams of some samples
    assert decoded(data) == WHOLE
    streams = [match.start() for match in re.finditer(rb"BZh9", data)]
    for whole_until in {0, streams[-1] - 1, streams[-1], streams[len(streams) // 2] + 3, len(data)}:
        assert decoded(data, whole_until=whole_until) == WHOLE, f"whole until {whole_until}"
        found = list(stretches(io.BytesIO(data), 0, whole_until))
        assert all(stretch.data == data[stretch.start // 8 : -(-stretch.end // 8)] for stretch in found)
        assert all(stretch.end <= whole_until * 8 and stretch.start % 8 == stretch.end % 8 == 0 for stretch in found if stretch.whole)
        count, most = sum(stretch.whole for stretch in found), max(0, sum(start <= whole_until for start in streams) - 1)
        if piece > len(data):
            assert count == most
        elif piece > 10 and name in ("multistream", "pbzip2"):
            assert most // 2 <= count <= most, "a header that two pieces share is found as a block; streams that they share are found"


def test_streams_that_are_longer_than_any_block(tmp_path: Path, big: tuple[bytes, list[bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of such a stream is found while the end of the next one is not yet read."""
    whole, pages = big
    monkeypatch.setattr(finding, "LONGEST_BLOCK", 1 << 17)
    path = tmp_path / "dump.bz2"
    path.write_bytes(b"".join(bz2.compress(whole[at : at + 800_000], 1) for at in range(0, len(whole), 800_000)))
    for piece in (1 << 17, 1 << 18, 700_000, 1 << 22):
        monkeypatch.setattr(finding, "PIECE", piece)
        assert read_file(path) == Reading(pages)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", SAMPLES)
def test_empty_streams_are_passed_over(name: str, count: int, tmp_path: Path) -> None:
    data = SAMPLES[name].data
    starts = [match.start() for match in re.finditer(rb"BZh9", data)]
    parts = [data[begin:end] for begin, end in zip(starts, [*starts[1:], None], strict=True)]
    path = tmp_path / "dump.bz2"
    path.write_bytes((EMPTY * count).join(parts) + EMPTY * count)
    for range_bytes in (1 << 30, 700, 97):
        assert read_file(path, range_bytes) == Reading(EXPECTED)


def test_a_level_of_compression_is_as_good_as_another(tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    path.write_bytes(b"".join(bz2.compress(WHOLE[at : at + 500], 1 + at // 500 % 9) for at in range(0, len(WHOLE), 500)))
    for range_bytes in RANGES:
        assert read_file(path, range_bytes) == Reading(EXPECTED)


@pytest.mark.parametrize("split", [100, 403, 900])
def test_a_false_magic_number_inside_a_block(split: int) -> None:
    """It splits a stretch in two, which are joined again; what surrounds it is not touched."""
    data = SAMPLES["one stream"].data
    found = list(stretches(io.BytesIO(data), 0))
    for number in (0, 4, len(found) - 1):
        stretch = found[number]
        false = stretch.start + split
        halves = [
            Stretch(stretch.start, false, data[stretch.start // 8 : -(-false // 8)]),
            Stretch(false, stretch.end, data[false // 8 : -(-stretch.end // 8)]),
        ]
        parts = list(decode_stretches([*found[:number], *halves, *found[number + 1 :]]))
        assert not [part for part in parts if isinstance(part, Damage)]
        assert b"".join(part for part in parts if isinstance(part, bytes)) == WHOLE


# One stream of many blocks


def test_one_stream_is_shared_between_ranges(tmp_path: Path, big: tuple[bytes, list[bytes]]) -> None:
    whole, pages = big
    data = one_stream(whole)
    found = find_magic(data, BLOCK)
    assert len(found) > 10
    path = tmp_path / "dump.bz2"
    path.write_bytes(data)
    for range_bytes in (1 << 30, 400_000, 100_003, 45_000, 20_000):
        assert read_file(path, range_bytes) == Reading(pages), f"ranges of {range_bytes} bytes"


def test_a_bit_is_flipped_in_one_big_stream(tmp_path: Path, big: tuple[bytes, list[bytes]]) -> None:
    whole, pages = big
    data = one_stream(whole)
    starts = find_magic(data, BLOCK)
    lengths = [len(b"".join(decode_stretches([stretch]))) for stretch in stretches(io.BytesIO(data), 0)]  # type: ignore[arg-type]
    cuts = [0, *itertools.accumulate(lengths)]
    assert cuts[-1] == len(whole)
    path = tmp_path / "dump.bz2"
    for number, inside in [(0, 60), (3, 5000), (4, 100_000), (7, 200)]:
        path.write_bytes(flipped(data, starts[number] + inside))
        reading = read_file(path, 150_000)
        assert reading.pages == [xml for xml in pages if not _touches(whole, xml, cuts[number], cuts[number + 1])]
        assert reading.damages == [Damage(starts[number] // 8, -(-starts[number + 1] // 8), "its bzip2 data is damaged")]


def _touches(whole: bytes, xml: bytes, begin: int, end: int) -> bool:
    at = whole.index(xml)
    return at < end and begin < at + len(xml)


# Damage: never an error, never a page that is not one of the dump, never a page lost without a word


def flipped(data: bytes, bit: int) -> bytes:
    return data[: bit // 8] + bytes([data[bit // 8] ^ 0x80 >> bit % 8]) + data[bit // 8 + 1 :]


def read_damaged(path: Path, data: bytes, range_bytes: int) -> Reading | None:
    """What a damaged file gives; None if it is refused as cut off. What must hold of every reading is checked."""
    path.write_bytes(data)
    try:
        check_end(look_at(str(path)))
    except DumpError:
        return None
    reading = read_file(path, range_bytes)
    assert reading.pages == [xml for xml in EXPECTED if xml in reading.pages], "every page is one of the dump, once, in order"
    assert reading.damages or reading.pages == EXPECTED, "nothing is lost without a word"
    assert len(reading.lost) <= len(EXPECTED) - len(reading.pages)
    assert set(reading.lost) <= {DAMAGED}
    return reading


def expect_flip(case: Sample, bit: int, reading: Reading | None) -> None:
    """Of a file with one wrong bit, all but the pages of the damaged block are there; if the bit was in its magic number, also but
    those of the block before it."""
    block = max((number for number, start in enumerate(case.blocks) if start <= bit), default=0)
    if reading is None:
        assert block == len(case.blocks) - 1, "only what ends the file may look like a file cut off"
        return
    first = block - (bit - case.blocks[block] < 48)
    begin, end = case.cuts[max(0, first)], case.cuts[block + 1]
    assert {xml for xml, (a, z) in zip(EXPECTED, PLACES, strict=True) if z <= begin or end <= a} <= {*reading.pages}
    assert reading.pages == EXPECTED or any(damage.start <= bit // 8 < damage.end for damage in reading.damages)
    assert len(reading.damages) <= 2


@pytest.mark.parametrize("name", SAMPLES)
def test_a_flipped_bit_anywhere(name: str, tmp_path: Path) -> None:
    case, harmless = SAMPLES[name], 0
    bits = range(24, len(case.data) * 8, len(case.data) * 8 // 45 | 1)
    for number, bit in enumerate(bits):
        reading = read_damaged(tmp_path / "dump.bz2", flipped(case.data, bit), RANGES[number % 3])
        expect_flip(case, bit, reading)
        harmless += reading == Reading(EXPECTED)
    assert harmless < len(bits) // 3


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("what", ["magic", "checksum", "end of the block before"])
def test_a_flipped_bit_where_a_block_begins_or_ends(name: str, what: str, tmp_path: Path) -> None:
    case = SAMPLES[name]
    for number, block in enumerate((1, len(case.blocks) - 2)):
        first = {"magic": 0, "checksum": 48, "end of the block before": -32 - 7 - 80}[what] + case.blocks[block]
        for bit in range(first + number, first + (48 if what == "magic" else 32 if what == "checksum" else 119), 11):
            reading = read_damaged(tmp_path / "dump.bz2", flipped(case.data, bit), RANGES[bit % 3])
            expect_flip(case, bit, reading)
            assert reading is not None
            assert reading.damages or what.startswith("end")


@pytest.mark.parametrize("name", ["multistream", "pbzip2"])
def test_a_damaged_header_or_checksum_of_a_stream_costs_nothing(name: str, tmp_path: Path) -> None:
    """A block is decoded without them, and has a checksum of its own."""
    case = SAMPLES[name]
    for block in (1, len(case.blocks) - 2):
        (end,) = find_magic(case.data, STREAM_END, case.blocks[block] // 8, case.blocks[block + 1] // 8)
        for bit in range(end + 48, end + 80, 9):
            assert read_damaged(tmp_path / "dump.bz2", flipped(case.data, bit), RANGES[bit % 3]) == Reading(EXPECTED)
        for bit in range(case.blocks[block] - 32, case.blocks[block], 7):
            assert read_damaged(tmp_path / "dump.bz2", flipped(case.data, bit), RANGES[bit % 3]) == Reading(EXPECTED)


def test_a_stream_that_has_lost_its_start_is_not_lost_in_silence(tmp_path: Path) -> None:
    """The stream before it ends well, and the decoder would stop there, content."""
    case = SAMPLES["pbzip2"]
    for range_bytes in RANGES:
        reading = read_damaged(tmp_path / "dump.bz2", flipped(case.data, case.blocks[4]), range_bytes)
        assert reading is not None
        (damage,) = reading.damages
        assert case.blocks[4] // 8 - 16 < damage.start < case.blocks[4] // 8
        assert damage.end == case.blocks[5] // 8
        assert reading.pages != EXPECTED


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_that_has_lost_its_start(name: str, tmp_path: Path) -> None:
    case = SAMPLES[name]
    for range_bytes in RANGES:
        reading = read_damaged(tmp_path / "dump.bz2", flipped(case.data, case.blocks[0] + 9), range_bytes)
        assert reading is not None
        assert reading.damages == [Damage(0, case.blocks[1] // 8, "it holds no bzip2 block")]
        assert reading.pages == [xml for xml, (begin, _) in zip(EXPECTED, PLACES, strict=True) if begin >= case.cuts[1]]


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("what", ["zeros", "noise", "a part is missing", "something is put in", "several"])
def test_greater_damage(name: str, what: str, tmp_path: Path) -> None:
    """What the ranges find, together, is the same whatever the ranges."""
    case, rng, read = SAMPLES[name], random.Random(what), 0
    for length in (1, 40, 300, 900):
        at = rng.randrange(4, len(case.data) * 3 // 4)
        data = bytearray(case.data)
        if what == "several":
            for bit in rng.sample(range(32, len(data) * 6), 4):
                data[bit // 8] ^= 0x80 >> bit % 8
        elif what == "something is put in":
            data[at:at] = rng.randbytes(length)
        else:
            data[at : at + length] = {"zeros": bytes(length), "noise": rng.randbytes(length)}.get(what, b"")
        readings = [read_damaged(tmp_path / "dump.bz2", data, range_bytes) for range_bytes in RANGES]
        assert all(reading == readings[0] for reading in readings), f"{length} bytes at {at}"
        if readings[0] is not None:
            read += 1
            if what in ("zeros", "noise"):
                last = max(block for block, start in enumerate(case.blocks) if start < (at + length) * 8)
                untouched = {xml for xml, (begin, _) in zip(EXPECTED, PLACES, strict=True) if begin >= case.cuts[last + 1]}
                assert untouched <= {*readings[0].pages}
    assert read >= 3


@pytest.mark.parametrize("garbage", [b"\n", b"\0\0", b"<html>404 Not Found</html>", bytes(3000), EMPTY[:7]])
@pytest.mark.parametrize("name", ["multistream", "pbzip2", "streams of blocks"])
def test_garbage_between_two_streams(name: str, garbage: bytes, tmp_path: Path) -> None:
    data = SAMPLES[name].data
    starts = [match.start() for match in re.finditer(rb"BZh9", data)]
    for at in (starts[1], starts[-1]):
        readings = [read_damaged(tmp_path / "dump.bz2", data[:at] + garbage + data[at:], range_bytes) for range_bytes in RANGES]
        assert all(reading == readings[0] for reading in readings)
        assert readings[0] is not None
        (damage,) = readings[0].damages
        assert damage.start <= at + 1
        assert at + len(garbage) <= damage.end <= at + len(garbage) + 4
        lost = {*EXPECTED} - {*readings[0].pages}
        assert len(lost) <= 1, "no block is lost; a page that straddles the place may be"


@pytest.mark.parametrize("garbage", [b"\n", b"1234", b"12345", b"<html>404 Not Found</html>"])
def test_damage_is_the_same_wherever_the_range_begins_that_holds_it(garbage: bytes) -> None:
    """In a stream of which it has the last blocks alone, or before a stream that it has whole."""
    case = SAMPLES["streams of blocks"]
    second = case.data.index(b"BZh9", 1)
    data = case.data[:second] + garbage + case.data[second:]
    found = set()
    for start in range(0, case.blocks[2] // 8, 40):
        for end in (second - 1, second + len(garbage) + 200, len(data)):
            events = itertools.takewhile(lambda event: event is not None, bzip2.read_range(io.BytesIO(data), start, end))
            found.add(tuple(event for event in events if isinstance(event, Damage)))
    assert len(found) == 1
    assert len(found.pop()) == 1


@pytest.mark.parametrize("garbage", [b"<html>404 Not Found</html>", bytes(3000), b"BZh9 no stream"])
@pytest.mark.parametrize("name", SAMPLES)
def test_garbage_behind_the_last_stream(name: str, garbage: bytes, tmp_path: Path) -> None:
    size = len(SAMPLES[name].data)
    for range_bytes in RANGES:
        reading = read_damaged(tmp_path / "dump.bz2", SAMPLES[name].data + garbage, range_bytes)
        assert reading == Reading(EXPECTED, [], [Damage(reading.damages[0].start, size + len(garbage), "its bzip2 data is damaged")])
        assert size - 11 <= reading.damages[0].start <= size, "the last block is well; of what follows, its stream's end is told too"


@pytest.mark.parametrize("garbage", [b"\n", b"\r\n", b"\0"])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_newline_behind_the_last_stream_is_no_damage(name: str, garbage: bytes, tmp_path: Path) -> None:
    for range_bytes in RANGES:
        assert read_damaged(tmp_path / "dump.bz2", SAMPLES[name].data + garbage, range_bytes) == Reading(EXPECTED)


@pytest.mark.parametrize("longest", [450, 1 << 21])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_long_hole(name: str, longest: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is longer than any block, no more than a block is held."""
    for module in (bzip2, finding):
        monkeypatch.setattr(module, "LONGEST_BLOCK", longest)
    monkeypatch.setattr(finding, "PIECE", 200)
    case = SAMPLES[name]
    at = case.blocks[3] // 8 + 20
    data = case.data[:at] + bytes(3000) + case.data[at:]
    reading = read_damaged(tmp_path / "dump.bz2", data, 700)
    assert reading is not None
    assert [(damage.start, damage.end) for damage in reading.damages] == [(case.blocks[3] // 8, -(-case.blocks[4] // 8) + 3000)]
    assert max(len(stretch.data) for stretch in stretches(io.BytesIO(data), 0)) <= max(longest, 4000)
    assert longest > 4000 or all(len(stretch.data) <= longest for stretch in stretches(io.BytesIO(data), 0))


def test_a_file_without_blocks_is_damaged_from_its_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    path.write_bytes(b"BZh9" + bytes(500))
    assert read_file(path, 1 << 30).damages == [Damage(0, 504, "it holds no bzip2 block")]


# Blocks that hold far more than they take


def test_long_runs_of_one_letter(tmp_path: Path) -> None:
    """45 MB in a block of 40 bytes: one of them is decoded at a time, and the pages around it are there."""
    bomb = page("Bomb", 1, "a" * 45_000_000).encode()
    path = tmp_path / "dump.bz2"
    parts = [HEADER.encode(), PAGES[0].encode(), bomb, PAGES[-1].encode(), FOOTER.encode()]
    path.write_bytes(b"".join(bz2.compress(part) for part in parts))
    assert path.stat().st_size < 5000
    assert read_file(path) == Reading([EXPECTED[0], EXPECTED[-1]], [TOO_LONG])


@pytest.mark.parametrize("pack", [lambda data: blocks(data, 2_000_000), lambda data: one_stream(data, 2_000_000)])
def test_runs_are_not_decoded_together(pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bzip2, "MOST_AT_ONCE", 3_000_000)
    monkeypatch.setattr(bzip2, "DECODED", 1 << 18)
    data, size = pack(bytes(40_000_000)), 0
    tracemalloc.start()
    try:
        for part in decode_stretches(stretches(io.BytesIO(data), 0, len(data))):
            assert isinstance(part, bytes)
            size += len(part)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 40_000_000
    assert peak < 15_000_000


# The end of a file


@pytest.mark.parametrize("longest", [450, 1 << 21])
@pytest.mark.parametrize("wanted", [1, 20, 1000, 10_000])
@pytest.mark.parametrize("name", SAMPLES)
def test_read_tail(name: str, wanted: int, longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (bzip2, finding):
        monkeypatch.setattr(module, "LONGEST_BLOCK", longest)
    data = SAMPLES[name].data
    tail = bzip2.read_tail(io.BytesIO(data), len(data), wanted)
    assert tail is not None
    assert WHOLE.endswith(tail)
    assert len(tail) >= min(wanted, len(WHOLE))


@pytest.mark.parametrize("name", SAMPLES)
def test_read_tail_of_a_damaged_file(name: str) -> None:
    """What stands before a damaged block is not taken for what stands before the end."""
    case = SAMPLES[name]
    data = flipped(case.data, case.blocks[-2] + 100)
    assert bzip2.read_tail(io.BytesIO(data), len(data), 3000) == WHOLE[case.cuts[-2] :]
    assert bzip2.read_tail(io.BytesIO(b""), 0, 3000) == b""


class CountingFile(io.BytesIO):
    read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.read_bytes += len(data)
        return data


@pytest.mark.parametrize("name", SAMPLES)
def test_zeros_behind_a_broken_download_are_not_searched_to_the_last(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file for which room was made at first, any part may be missing."""
    for module in (bzip2, finding):
        monkeypatch.setattr(module, "LONGEST_BLOCK", 450)
    data = SAMPLES[name].data[:-50] + bytes(100_000)
    file = CountingFile(data)
    assert bzip2.read_tail(file, len(data), 100) is None
    assert file.read_bytes < 2000


def test_pages_come_before_what_follows_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A range asks for no more than its last page needs."""
    path = tmp_path / "dump.bz2"
    path.write_bytes(SAMPLES["pbzip2"].data)
    asked: list[Stretch] = []
    found = bzip2.stretches

    def watched(*arguments: object) -> Iterator[Stretch]:
        for stretch in found(*arguments):  # type: ignore[arg-type]
            asked.append(stretch)
            yield stretch

    monkeypatch.setattr(bzip2, "stretches", watched)
    assert read_pages(path, 1 << 30) == EXPECTED
    once = len(asked)
    asked.clear()
    assert read_pages(path, 400) == EXPECTED
    assert len(asked) < 4 * once
