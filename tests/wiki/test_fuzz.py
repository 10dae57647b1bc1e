"""Damaged dumps by the thousand: what is lost is counted, what is kept is right, and nothing hangs or breaks.

BOOKSPACE_FUZZ=5000 reads so many dumps of each packing; BOOKSPACE_FUZZ_SEED=17 reads that of one seed. A failure names its seed.
"""

import bz2
import faulthandler
import gzip
import itertools
import json
import os
import random
import resource
import signal
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pyarrow as pa
import pytest

from embedding.errors import DumpError
from embedding.wiki import bzip2, dump, stretches
from embedding.wiki.accounts import FileAccount, RangeReport, balance
from embedding.wiki.dump import TAIL, look_at, plan, read_header
from embedding.wiki.fields import CONTROL, ENTITY, NO_HEAD, NOT_UTF8, OTHER_NAMESPACE
from embedding.wiki.pages import DAMAGED, NO_END, TOO_LONG
from embedding.wiki.reader import RangeReader
from embedding.wiki.site import Site
from embedding.wiki.stretches import BLOCK, Stretch, find_magic
from tests.conftest import FOOTER, HEADER, page
from tests.wiki.reading import gzip_members, one_stream, zst

COUNT = int(os.environ.get("BOOKSPACE_FUZZ", "22"))
SEED = os.environ.get("BOOKSPACE_FUZZ_SEED")
SECONDS = 30  # a dump of some kilobytes is read in a hundredth of that
SIZES: list[tuple[ModuleType, str, list[int]]] = [  # of what is read and decoded at a time: their bounds must not matter
    (stretches, "PIECE", [100, 1000, 1 << 22]),
    (bzip2, "DECODED", [100, 1000, 1 << 22]),
    (bzip2, "AT_ONCE", [1, 1000, 1 << 21]),
    (bzip2, "MOST_AT_ONCE", [1000, 1 << 26]),
    (dump, "CHUNK", [7, 1000, 1 << 20]),
]
REASONS = {CONTROL, ENTITY, NO_HEAD, NOT_UTF8, OTHER_NAMESPACE, DAMAGED, NO_END, TOO_LONG}
BOX = "{{Infobox book|name=x}}"
ALPHABETS = ["abcdefghij ", "абвгдежз ", "書名小説本の ", "\N{PILE OF POO}\N{OPEN BOOK} é", "&<>\"' ", "0123456789 []|=\n"]
Row = dict[str, Any]
Interval = tuple[int, int]


# A dump


@dataclass
class Original:
    """A page as it was written: its XML, and its row; None for one that the job drops."""

    xml: str
    page_id: int
    row: Row | None


def _text(rng: random.Random, length: int) -> str:
    return "".join("".join(rng.choices(rng.choice(ALPHABETS), k=20)) for _ in range(length // 20))


def _original(rng: random.Random, page_id: int, length: int) -> Original:
    kind = rng.choice(["article"] * 5 + ["book"] * 3 + ["redirect", "redirect", "talk", "template", "history"])
    title = f"{_text(rng, 20).strip() or 'T'}{page_id}".replace("\n", " ")
    text = _text(rng, rng.randrange(length))
    namespace, redirect = 0, None
    if kind in ("book", "history"):
        text = f"{text}{BOX}{text[: len(text) // 3]}"
    elif kind == "redirect":
        redirect = f"Article {rng.randrange(99)}"
    elif kind == "template":
        namespace, redirect, title = 10, "Template:Infobox other", f"Template:Box {page_id}"
    elif kind == "talk":
        namespace, title = 1, f"Talk:{page_id}"
    xml = page(title, page_id, text, namespace, redirect)
    if kind == "history":
        dates = [f"20{number:02}-01-01T00:00:00Z" for number in range(1, rng.randrange(2, 5))]
        old = [f"<revision><id>{page_id}1</id>\n<timestamp>{date}</timestamp><text>Old {BOX}</text></revision>\n" for date in dates]
        place = xml.index("<revision>")
        xml = xml[:place] + "".join(old) + xml[place:]
    row = {
        "page_id": page_id,
        "namespace": namespace,
        "title": title,
        "redirect_target": redirect,
        "redirect_namespace": None if redirect is None else namespace,
        "revision_id": page_id * 10,
        "revision_timestamp": datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
        "wikitext": text if BOX in text and redirect is None and namespace == 0 else None,
    }
    return Original(xml, page_id, None if kind == "talk" else row)


# Its packings, in units that are read independently of each other


@dataclass
class Packed:
    """A packed dump.

    Attributes:
        parts: bytes that lie one behind the other in the file: streams, members or frames.
        xml: how many bytes of XML each of them holds.
        units: of the file, what is lost together if one byte of it is damaged: bytes of the file, and bytes of XML.
        aligned: a page lies in one part alone.
    """

    parts: list[bytes]
    xml: list[int]
    units: list[tuple[Interval, Interval]]
    aligned: bool = False


def _bounds(lengths: Sequence[int]) -> list[Interval]:
    return list(itertools.pairwise([0, *itertools.accumulate(lengths)]))


def _in_parts(parts: list[bytes], pieces: Sequence[bytes], aligned: bool = False) -> Packed:
    xml = [len(piece) for piece in pieces]
    return Packed(parts, xml, list(zip(_bounds([len(part) for part in parts]), _bounds(xml), strict=True)), aligned)


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def _multistream(rng: random.Random, pages: Sequence[bytes], whole: bytes) -> Packed:
    count = rng.randrange(1, 8)
    pieces = [HEADER.encode(), *(b"".join(pages[at : at + count]) for at in range(0, len(pages), count)), FOOTER.encode()]
    return _in_parts([bz2.compress(piece, rng.randrange(1, 10)) for piece in pieces], pieces, aligned=True)


def _pbzip2(rng: random.Random, pages: Sequence[bytes], whole: bytes) -> Packed:
    pieces = _pieces(whole, rng.choice([50, 300, 1000, 5000]))
    return _in_parts([bz2.compress(piece) for piece in pieces], pieces)


def _small_blocks(rng: random.Random, pages: Sequence[bytes], whole: bytes) -> Packed:
    size = rng.choice([200, 700, 3000])
    return _one_stream(one_stream(whole, size), [len(piece) for piece in _pieces(whole, size)])


def _big_blocks(rng: random.Random, pages: Sequence[bytes], whole: bytes) -> Packed:
    data = bz2.compress(whole, 1)
    marks = [*find_magic(data, BLOCK), len(data) * 8]
    blocks = [Stretch(begin, end, data[begin // 8 : -(-end // 8)]) for begin, end in itertools.pairwise(marks)]
    return _one_stream(data, [sum(len(part) for part in bzip2.decode_stretches([block]) if isinstance(part, bytes)) for block in blocks])


def _one_stream(data: bytes, xml: list[int]) -> Packed:
    marks = [0, *(bit // 8 for bit in find_magic(data, BLOCK)[1:]), len(data)]
    assert len(marks) == len(xml) + 1
    return Packed([data], [sum(xml)], list(zip(itertools.pairwise(marks), _bounds(xml), strict=True)))


def _gz(rng: random.Random, pages: Sequence[bytes], whole: bytes) -> Packed:
    count = rng.randrange(1, 5)
    pieces = _pieces(whole, -(-len(whole) // count))
    if count == 1 and rng.random() < 0.3:
        return _in_parts([gzip.compress(whole, 0)], [whole])
    parts = [gzip_members(piece, 1) for piece in pieces]
    return _in_parts(parts, pieces)


def _zst(rng: random.Random, pages: Sequence[bytes], whole: bytes) -> Packed:
    pieces = _pieces(whole, -(-len(whole) // rng.randrange(1, 4)))
    return _in_parts([zst(piece) for piece in pieces], pieces)


def _plain(rng: random.Random, pages: Sequence[bytes], whole: bytes) -> Packed:
    pieces = [HEADER.encode(), *pages, FOOTER.encode()]
    return _in_parts(pieces, pieces, aligned=True)


PACKINGS: dict[str, Callable[[random.Random, Sequence[bytes], bytes], Packed]] = {
    "multistream": _multistream,
    "one stream, small blocks": _small_blocks,
    "one stream, big blocks": _big_blocks,
    "pbzip2": _pbzip2,
    "gz": _gz,
    "zst": _zst,
    "xml": _plain,
}
CHECKED = {"multistream", "one stream, small blocks", "one stream, big blocks", "pbzip2"}  # every block has its checksum


# Damage


@dataclass
class Damaged:
    """Damaged bytes, and which bytes of the undamaged ones that concerns."""

    data: bytes
    places: list[Interval]


def _place(rng: random.Random, size: int) -> int:
    """A byte: anywhere, or near an end, where the marks are."""
    near = min(size - 1, rng.randrange(40))
    return rng.choice([rng.randrange(size)] * 6 + [near, size - 1 - near])


def _stretch(rng: random.Random, size: int) -> Interval:
    start = _place(rng, size)
    return start, min(size, start + rng.choice([1, rng.randrange(1, 20), rng.randrange(1, max(2, size // 3))]))


def _flip_bits(rng: random.Random, data: bytes) -> Damaged:
    damaged, places = bytearray(data), []
    for _ in range(rng.choice([1, 1, 1, rng.randrange(1, 20)])):
        place = _place(rng, len(data))
        damaged[place] ^= 1 << rng.randrange(8)
        places.append((place, place + 1))
    return Damaged(bytes(damaged), places)


def _change_bytes(rng: random.Random, data: bytes) -> Damaged:
    damaged, places = bytearray(data), []
    for _ in range(rng.choice([1, rng.randrange(1, 20)])):
        place = _place(rng, len(data))
        damaged[place] = rng.randrange(256)
        places.append((place, place + 1))
    return Damaged(bytes(damaged), places)


def _zero(rng: random.Random, data: bytes) -> Damaged:
    begin, end = _stretch(rng, len(data))
    return Damaged(data[:begin] + bytes(end - begin) + data[end:], [(begin, end)])


def _noise(rng: random.Random, data: bytes) -> Damaged:
    begin, end = _stretch(rng, len(data))
    return Damaged(data[:begin] + rng.randbytes(end - begin) + data[end:], [(begin, end)])


def _remove(rng: random.Random, data: bytes) -> Damaged:
    begin, end = _stretch(rng, len(data))
    return Damaged(data[:begin] + data[end:], [(begin, end)])


def _insert(rng: random.Random, data: bytes) -> Damaged:
    begin = _place(rng, len(data))
    what = rng.choice(
        [rng.randbytes(rng.randrange(1, 3000)), bytes(rng.randrange(1, 3000)), b"BZh91AY&SY", b"1AY&SY" * 3, b"BZh9\x17rE8P\x90"]
    )
    return Damaged(data[:begin] + what + data[begin:], [(max(0, begin - 1), begin + 1)])


def _append(rng: random.Random, data: bytes) -> Damaged:
    what = [
        rng.randbytes(rng.randrange(1, 5000)),
        bytes(rng.randrange(1, 5000)),
        b"\n",
        b"<html>404</html>",
        b"BZh91AY&SY" + rng.randbytes(99),
    ]
    return Damaged(data + rng.choice(what), [(len(data) - 1, len(data))])


def _cut(rng: random.Random, data: bytes) -> Damaged:
    size = rng.choice([rng.randrange(len(data)), len(data) - 1 - min(len(data) - 1, rng.randrange(30))])
    return Damaged(data[:size], [(size, len(data))])


def _head(rng: random.Random, data: bytes) -> Damaged:
    size = min(len(data), rng.randrange(1, 30))
    start = rng.choice([b"", bytes(size), rng.randbytes(size), data[rng.randrange(size) : size]])
    return Damaged(start + data[size:], [(0, size)])


BYTES = [_flip_bits, _flip_bits, _flip_bits, _change_bytes, _zero, _noise, _remove, _insert, _append, _cut, _head]


def _shuffle(rng: random.Random, parts: list[bytes]) -> list[bytes]:
    return rng.sample(parts, len(parts))


def _swap(rng: random.Random, parts: list[bytes]) -> list[bytes]:
    inner = parts[1:-1]
    rng.shuffle(inner)
    return [*parts[:1], *inner, *parts[-1:]] if len(parts) > 1 else parts


def _double(rng: random.Random, parts: list[bytes]) -> list[bytes]:
    at = rng.randrange(len(parts))
    return [*parts[:at], parts[at], *parts[at:]]


def _drop(rng: random.Random, parts: list[bytes]) -> list[bytes]:
    at = rng.randrange(len(parts))
    return [*parts[:at], *parts[at + 1 :]]


PARTS = [_shuffle, _swap, _double, _drop]
SNIPPETS = [
    b"&nbsp;", b"&#0;", b"&#xD800;", b"&#9999999;", b"&#99999999999;", b"&", b"&lol9;", b"&lt", b"\x00", b"\x08\x1b", b"\r\n", b"\x7f",
    b"<page>", b"<page>\n<title>", b"</page>", b"<page></page>", b"<page/>", b"<title></title>", b"<id>", b"<ns>1</ns>", b"<text",
    b"<text>", b"</text>", b"<text />", b"<revision>", b"</revision>", b"<", b"<<", b"< b", b"<ref>", b">", b'"', b"<!--", b"-->",
    b"<![CDATA[", b"]]>", b"<?xml?>", b"<redirect title=", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf",
    b"{{Infobox book|", b"</mediawiki>",
]  # fmt: skip
VALUES = [b"", b"-1", b"9" * 30, b"1e9", b" 7 ", b"x", b"\xff", b"0x10", "٣".encode(), b"\n", b"<b>", b"&lt;", b"2024-13-99T99:99:99Z"]


def _damage_page(rng: random.Random, page: bytes) -> bytes:
    """Break the XML of one page, and of it alone."""
    how = rng.randrange(6)
    place = rng.randrange(len(page))
    if how == 0:
        return page[:place] + rng.choice(SNIPPETS) + page[place:]
    if how == 1:
        tags = [at for at in range(len(page)) if page[at : at + 1] in (b"<", b">", b"/")]
        place = rng.choice(tags) + rng.randrange(2)
        return page[:place] + rng.choice([b"", b"?", b" ", b"<"]) + page[place + 1 :]
    if how == 2:
        return page[:place] + page[place + rng.randrange(1, 200) :] + b"\n"
    if how == 3:
        tag = rng.choice([b"title", b"ns", b"id", b"timestamp", b"text", b"revision", b"page"])
        begin, end = page.find(b"<" + tag), page.rfind(b"</" + tag + b">")
        inner = page.find(b">", begin) + 1
        return rng.choice(
            [page[:inner] + rng.choice(VALUES) + page[end:], page[:begin] + page[end + len(tag) + 3 :], page[:inner] + page[begin:]]
        )
    if how == 4:
        return page.replace(rng.choice([b"</page>", b"<page>", b"</text>", b"</revision>", b"<ns>", b"\n"]), rng.choice([b"", b" ", b"\r"]))
    return bytes(rng.choice([byte, byte, byte, rng.randrange(256)]) if at > place else byte for at, byte in enumerate(page))


# A case


@dataclass
class Case:
    """A damaged dump, and what may become of it.

    Attributes:
        originals: pages as they were written.
        data: the file.
        what: the damage, in words.
        safe: indices of pages that must be kept, unless the file is refused.
        refusable: it may be refused.
        excuse: with these words it may be refused at any rate.
        right: what is kept must be as it was written, and once.
        told: what is missing must be counted.
        whole: it must be refused if anything is missing.
    """

    originals: list[Original]
    data: bytes
    what: str
    range_bytes: int
    safe: set[int] = field(default_factory=set)
    refusable: bool = True
    excuse: str | None = None
    right: bool = False
    told: bool = False
    whole: bool = False


def make_case(packing: str, seed: int) -> Case:
    rng = random.Random(f"{packing} {seed}")
    big = packing == "one stream, big blocks"
    originals = [_original(rng, number, 10_000 if big else 600) for number in rng.sample(range(1, 99), rng.randrange(20, 40))]
    pages = [original.xml.encode() for original in originals]
    how = rng.choice(["bytes"] * 5 + ["xml"] * 3 + ["parts", "parts", "several", "nothing"])
    hurt = set(range(len(pages)))
    if how == "xml":
        hurt = set(rng.sample(range(len(pages)), rng.choice([1, 1, 2])))
        pages = [_damage_page(rng, page) if number in hurt else page for number, page in enumerate(pages)]
    whole = HEADER.encode() + b"".join(pages) + FOOTER.encode()
    packed = PACKINGS[packing](rng, pages, whole)
    data = b"".join(packed.parts)
    most = 6 if big else 60  # ranges
    range_bytes = rng.choice([1 << 30, max(1, len(data) // rng.randrange(1, 1 + most // 2)), rng.randrange(len(data) // most, len(data))])
    case = Case(originals, data, how, range_bytes)
    checked = packing in CHECKED
    if how in ("xml", "nothing"):
        case.safe, case.refusable = set(range(len(pages))) - (hurt if how == "xml" else set()), False
        case.right = case.told = how == "nothing"
    elif how == "bytes":
        damage = rng.choice(BYTES)
        case.what = damage.__name__.strip("_")
        damaged = damage(rng, data)
        case.data = damaged.data
        case.right, case.told, case.whole = checked, checked or packing == "gz", damage is _cut
        if packing != "zst":
            case.safe, case.refusable = _far_from(damaged.places, packed, pages, len(whole), to_the_end=packing == "gz")
            case.refusable |= damage is _cut
            case.excuse = "inside its gzip stream" if packing == "gz" else None  # damaged deflate may seem to go on behind the end
    elif how == "several":
        for damage in rng.choices(BYTES, k=rng.randrange(2, 5)):
            if case.data:
                case.data = damage(rng, case.data).data
        case.right = checked and packed.aligned
    else:
        shuffle = rng.choice(PARTS)
        case.what = shuffle.__name__.strip("_")
        parts = shuffle(rng, packed.parts)
        case.data = b"".join(parts)
        case.right = packed.aligned and shuffle is not _double
    return case


def _far_from(places: list[Interval], packed: Packed, pages: Sequence[bytes], size: int, to_the_end: bool) -> tuple[set[int], bool]:
    """Pages that damage in these places must not touch, and whether it may make the dump one that is refused.

    Damage to a mark between two units costs both; with `to_the_end`, it costs all that follows.
    """
    touched = {n for n, ((begin, end), _) in enumerate(packed.units) if any(begin < last and first < end for first, last in places)}
    near = {n + by for n in touched for by in (-1, 0, 1)} | set(range(min(touched), len(packed.units) if to_the_end else 0))
    lost = [packed.units[n][1] for n in near if 0 <= n < len(packed.units)]
    bounds = [(begin + len(HEADER.encode()), end + len(HEADER.encode())) for begin, end in _bounds([len(page) for page in pages])]
    safe = {n for n, (begin, end) in enumerate(bounds) if not any(begin < last and first < end for first, last in lost)}
    return safe, any(first < bounds[0][0] or (last > size - TAIL and not to_the_end) for first, last in lost)


# Reading it


def read(path: Path, range_bytes: int) -> tuple[list[Row], FileAccount]:
    """The rows of a dump, as the job reads it, and its account.

    Raises:
        DumpError: it is refused.
    """
    site = Site.from_header(read_header(look_at(str(path))), str(path))
    spans = plan([look_at(str(path))], range_bytes)
    reader = RangeReader(site, ["Infobox book"], frozenset([0]), max_damaged=1 << 40)
    rows, reports = [], []
    for span in spans:
        report = RangeReport(span.path, span.start, span.end)
        rows += [row for batch in reader.read(span, report) for row in batch.to_pylist()]
        reports.append(report)
    (account,) = balance(spans, reports, 1 << 40)
    return rows, account


def faults(case: Case, path: Path) -> tuple[str, list[str]]:
    """How the reading of a case ended, in a word, and what is wrong with that."""
    path.write_bytes(case.data)
    try:
        rows, account = read(path, case.range_bytes)
    except DumpError as error:
        excused = case.refusable or (case.excuse and case.excuse in str(error))
        found = [] if excused else [f"refused: {error}"]
        if "\n" in str(error) or not str(error).startswith(f"{path}: "):
            found.append(f"not one line that names the file: {error!r}")
        return "refused", found
    found = []
    if account.pages != account.kept + account.dropped.total() or account.kept != len(rows):
        found.append(f"does not add up: {account}")
    if not set(account.dropped) <= REASONS:
        found.append(f"dropped for unknown reasons: {account.dropped}")
    if any(not 0 <= damage.start < damage.end <= len(case.data) for damage in account.damages):
        found.append(f"damage outside the file: {account.damages}")
    written = {original.page_id: original.row for original in case.originals}
    kept = Counter(row["page_id"] for row in rows if row == written.get(row["page_id"]))
    wrong = [row["page_id"] for row in rows if row["page_id"] in written and row != written[row["page_id"]]]
    missing = [original.page_id for original in case.originals if original.row and not kept[original.page_id]]
    if case.right and (wrong or max(kept.values(), default=0) > 1):
        found.append(f"kept otherwise than written: {wrong}; or twice: {kept.most_common(1)}")
    lost = [number for number in case.safe if case.originals[number].row and case.originals[number].page_id in missing]
    if lost:
        found.append(
            f"lost, though far from the damage: pages {lost} of {len(case.originals)}, damages {account.damages}, {account.dropped}"
        )
    counted = bool(account.damages) or account.dropped.total() > account.dropped[OTHER_NAMESPACE]
    if case.told and (missing or wrong) and not counted:
        found.append(f"nothing is counted, though {missing} are missing and {wrong} are wrong")
    if case.whole and (missing or wrong):
        found.append(f"not refused, though {missing} are missing and {wrong} are wrong")
    if not missing and not wrong:
        return "all kept" if not account.damages else "all kept, damage counted", found
    return "loss counted" if counted else "loss not counted", found


@contextmanager
def deadline(seconds: int) -> Iterator[None]:
    """Break off what takes longer; the whole process, if it does so where no Python runs."""

    def break_off(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, break_off)
    signal.alarm(seconds)
    faulthandler.dump_traceback_later(4 * seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("packing", PACKINGS)
def test_damaged_dumps(packing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = [int(SEED)] if SEED else range(COUNT)
    outcomes: Counter[tuple[str, str]] = Counter()
    failed = []
    usual = [(module, name, getattr(module, name)) for module, name, _ in SIZES]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in seeds:
        case = make_case(packing, seed)
        for module, name, sizes in SIZES:
            monkeypatch.setattr(module, name, random.Random(f"{name} {seed}").choice(sizes))
        try:
            with deadline(SECONDS):
                outcome, found = faults(case, tmp_path / "dump")
        except Exception as error:
            outcome, found = "broken", [f"{type(error).__name__}: {error}"]
        for module, name, size in usual:
            monkeypatch.setattr(module, name, size)
        outcomes[case.what, outcome] += 1
        failed += [f"BOOKSPACE_FUZZ_SEED={seed} ({case.what}, ranges of {case.range_bytes} bytes): {fault}" for fault in found]
    for (what, outcome), count in sorted(outcomes.items()):
        print(f"{packing}: {what}: {outcome}: {count}")
    assert not failed, "\n".join(failed[:20])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000, "kilobytes of memory"


# Dumps made to do harm, read in a process of their own whose time and memory are bounded

MEGABYTES = 300
READ = """
import json, re, resource, sys
from embedding.errors import DumpError
from tests.wiki.test_fuzz import read
from pathlib import Path
for path in sys.argv[1:]:
    try:
        rows, account = read(Path(path), 1 << 25)
        print(json.dumps([[row["page_id"] for row in rows], account.facts()]))
    except DumpError as error:
        print(json.dumps(["refused", str(error)]))
status = Path("/proc/self/status")  # there, unlike in getrusage, the memory of the process that started this one does not count
print(re.search("VmHWM:\\s+(\\d+)", status.read_text())[1] if status.exists() else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
BEFORE, _, AFTER = page("Long", 2, "X").partition("X<")
LINE = b"All happy families are alike; every unhappy family is unhappy in its own way.\n"


def _write(path: Path, packer: Any, text: bytes, times: int) -> Path:
    """A dump of three pages, whose second one holds a text so many times; written without holding it all."""
    with path.open("wb") as file:
        for piece in [
            (HEADER + page("A", 1) + BEFORE).encode(),
            *itertools.repeat(text, times),
            ("<" + AFTER + page("B", 3) + FOOTER).encode(),
        ]:
            file.write(packer.compress(piece))
        file.write(packer.flush())
    return path


class _NotPacked:
    def compress(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def _write_zst(path: Path, text: bytes, times: int) -> Path:
    _write(plain := path.with_suffix(".plain"), _NotPacked(), text, times)
    with pa.OSFile(str(plain)) as source, pa.CompressedOutputStream(str(path), "zstd") as packed:
        while chunk := source.read(1 << 20):
            packed.write(chunk)
    return path


def _tags(path: Path, piece: bytes) -> Path:
    path.write_bytes(
        bz2.compress((HEADER + page("A", 1)).encode() + piece * ((1 << 20) // len(piece)) + (page("B", 3) + FOOTER).encode(), 1)
    )
    return path


def _marks(path: Path, piece: bytes) -> Path:
    path.write_bytes(bz2.compress((HEADER + page("A", 1)).encode()) + piece * 500 + bz2.compress((page("B", 3) + FOOTER).encode()))
    return path


HOSTILE: dict[str, Callable[[Path], Path]] = {
    "one letter in bz2": lambda path: _write(path, bz2.BZ2Compressor(), b"a" * 1_000_000, 110),
    "one letter in gz": lambda path: _write(path, zlib.compressobj(1, wbits=31), b"a" * 1_000_000, 110),
    "long page in plain XML": lambda path: _write(path, _NotPacked(), LINE * 10_000, 130),
    "long page in gz": lambda path: _write(path, zlib.compressobj(1, wbits=31), LINE * 10_000, 130),
    "long page in zst": lambda path: _write_zst(path, LINE * 10_000, 130),
    "<page>": lambda path: _tags(path, b"<page>"),
    "<page><text": lambda path: _tags(path, b"<page><text"),
    "<page><text></text>": lambda path: _tags(path, b"<page><text></text>"),
    "<page></page>": lambda path: _tags(path, b"<page></page>"),
    "<page>, </page>": lambda path: _tags(path, b"<page>\n<title>x</title>\n" + b"<text>" * 50 + b"</page>"),
    "blocks": lambda path: _marks(path, b"1AY&SY"),
    "streams": lambda path: _marks(path, b"BZh91AY&SY"),
    "ends": lambda path: _marks(path, b"\x17rE8P\x90"),
    "empty streams": lambda path: _marks(path, bz2.compress(b"")),
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, tuple[list[int], dict[str, Any]]], float]:
    """Of each hostile dump, the pages that are kept and the account; and the megabytes that all this took."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = [write(folder / str(number)) for number, write in enumerate(HOSTILE.values())]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", READ, *paths], capture_output=True, text=True, check=False, cwd=root, timeout=120)
    assert done.returncode == 0, done.stderr
    *read, peak = map(json.loads, done.stdout.splitlines())
    return dict(zip(HOSTILE, read, strict=True)), peak / 1024


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_dump_costs_what_is_hostile_in_it(hostile: tuple[dict[str, Any], float], name: str) -> None:
    kept, account = hostile[0][name]
    assert kept == [1, 3]
    assert account["pages"] == 2 + sum(account["dropped"].values())
    if "in " in name:
        assert account["dropped"] == {TOO_LONG: 1}
        assert account["decoded"] > 100_000_000
    assert account["damaged"] == {"blocks": 500, "streams": 500, "ends": 1}.get(name, 0)


def test_hostile_dumps_do_not_fill_the_memory(hostile: tuple[dict[str, Any], float]) -> None:
    assert hostile[1] < MEGABYTES


LOL = "<!DOCTYPE m [<!ENTITY lol0 'lol'>" + "".join(f"<!ENTITY lol{n} '{f'&lol{n - 1};' * 10}'>" for n in range(1, 10)) + "]>\n"


def test_entities_of_a_doctype_are_not_believed(tmp_path: Path) -> None:
    pages = [page("A", 1), page("X", 2), page("C", 3, BOX + " X"), page("D", 4, redirect="X"), page("E", 5, "X"), page("F", 6, BOX)]
    harmed = [pages[0], *(xml.replace("X", "&lol9;") for xml in pages[1:5]), pages[5]]
    path = tmp_path / "dump.xml"
    path.write_text(LOL + HEADER + "".join(harmed) + FOOTER)
    rows, account = read(path, 1 << 20)
    assert [row["page_id"] for row in rows] == [1, 5, 6], "of a page that calls no infobox, the text is not read"
    assert account.dropped == {ENTITY: 3}


@pytest.mark.parametrize("harm", [HEADER.replace("Talk", "&lol9;"), HEADER.replace("<siteinfo>", f"<siteinfo>{LOL}")])
def test_entities_in_the_header_are_an_error(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "dump.xml"
    path.write_text(LOL + harm + page("A", 1) + FOOTER)
    with pytest.raises(DumpError, match=f"^{path}: its <siteinfo> is damaged"):
        read(path, 1 << 20)
