import io
import itertools
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from embedding.errors import DumpError
from embedding.wiki import reader
from embedding.wiki.accounts import RangeReport, balance
from embedding.wiki.dump import ByteRange
from embedding.wiki.fields import CONTROL, ENTITY, NO_HEAD, NOT_UTF8, OTHER_NAMESPACE
from embedding.wiki.pages import DAMAGED, NO_END
from embedding.wiki.reader import COLUMNS, RangeReader
from embedding.wiki.site import Site
from embedding.wiki.stretches import BLOCK, stretches
from tests.conftest import FOOTER, HEADER, multistream, page
from tests.wiki.reading import PACKINGS, PAGES, WHOLE, find_bits, one_stream, ranges_of

SITE = Site.from_header(HEADER.encode(), "dump", {14: ["Rubrik"]})
BOOKS = RangeReader(SITE, ["Infobox book"], None, max_damaged=1000)


def read_span(span: ByteRange, books: RangeReader = BOOKS) -> tuple[list[dict[str, Any]], RangeReport]:
    report = RangeReport(span.path, span.start, span.end)
    rows = [row for batch in books.read(span, report) for row in batch.to_pylist()]
    return rows, report


def read(path: Path, content: str | bytes | None = None, books: RangeReader = BOOKS) -> tuple[list[dict[str, Any]], RangeReport]:
    """The rows of a file read at once, and the report."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else (HEADER + content + FOOTER).encode())
    (span,) = ranges_of(path)
    return read_span(span, books)


def test_columns(tmp_path: Path) -> None:
    rows, report = read(tmp_path / "dump.xml", WHOLE)
    assert rows[0] == {
        "page_id": 1,
        "namespace": 0,
        "title": "Dune (novel)",
        "redirect_target": None,
        "redirect_namespace": None,
        "revision_id": 10,
        "revision_timestamp": datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
        "wikitext": "{{Infobox book|name=Dune}} by [[Frank Herbert]]",
    }
    assert (rows[3]["redirect_target"], rows[3]["redirect_namespace"]) == ("Dune (novel)", 0)
    assert [row["page_id"] for row in rows] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [row["wikitext"] is None for row in rows] == [False] + [True] * 7
    assert report == RangeReport(str(tmp_path / "dump.xml"), 0, len(WHOLE), pages=8, kept=8, redirects=1, candidates=1, decoded=len(WHOLE))


@pytest.mark.parametrize(("rows", "size", "batches"), [(3, 1 << 20, [3, 3, 2]), (1 << 20, 10, [1, 7]), (1, 1, [1] * 8), (8, 1 << 20, [8])])
def test_batches_are_bounded_in_rows_and_bytes(
    rows: int, size: int, batches: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "ROWS_PER_BATCH", rows)
    monkeypatch.setattr(reader, "BYTES_PER_BATCH", size)
    path = tmp_path / "dump.xml"
    path.write_bytes(WHOLE)
    (span,) = ranges_of(path)
    report = RangeReport(span.path, span.start, span.end)
    found = list(BOOKS.read(span, report))
    assert all(isinstance(batch, pa.RecordBatch) and batch.schema == COLUMNS for batch in found)
    assert [batch.num_rows for batch in found] == batches
    assert sum(batches) == len(PAGES) == report.kept


def test_what_is_counted_as_kept_has_been_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "ROWS_PER_BATCH", 3)
    path = tmp_path / "dump.xml"
    path.write_bytes(WHOLE)
    (span,) = ranges_of(path)
    report, given = RangeReport(span.path, span.start, span.end), 0
    for batch in BOOKS.read(span, report):
        given += batch.num_rows
        assert report.kept == given


def test_a_range_without_pages_gives_no_batch(tmp_path: Path) -> None:
    path = tmp_path / "dump.xml"
    path.write_bytes(WHOLE)
    report = RangeReport(str(path), 0, 100)
    assert list(BOOKS.read(ByteRange(str(path), "xml", 0, 100), report)) == []
    assert report == RangeReport(str(path), 0, 100, decoded=100)


@pytest.mark.parametrize(
    ("stamp", "moment"),
    [
        ("2024-05-06T07:08:09Z", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2001-02-28T23:59:59Z", datetime(2001, 2, 28, 23, 59, 59, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("2023-02-29T00:00:00Z", None),
        ("2024-13-06T07:08:09Z", None),
        ("2024-05-06T25:08:09Z", None),
        ("2024-05-06T07:08:09", None),
        ("2024-05-06", None),
        ("0000-00-00T00:00:00Z", None),
        ("yesterday", None),
        ("", None),
        ("2024-05-06T07:08:09\N{FULLWIDTH LATIN CAPITAL LETTER Z}", None),
    ],
)
def test_timestamps(stamp: str, moment: datetime | None, tmp_path: Path) -> None:
    """One that is none costs no other its own, nor its page."""
    xml = [page(f"P{number}", number) for number in (1, 2, 3)]
    rows, report = read(tmp_path / "dump.xml", xml[0] + xml[1].replace("2024-05-06T07:08:09Z", stamp) + xml[2])
    good = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert [row["revision_timestamp"] for row in rows] == [good, moment, good]
    assert report.dropped.total() == 0


def test_redirects_are_read_by_the_rules_of_the_wiki(tmp_path: Path) -> None:
    found = {
        "Dune": ("Dune", 0),
        "dune_(novel)#Plot": ("Dune (novel)", 0),
        "Category:Novels": ("Category:Novels", 14),
        "Image:A.jpg": ("File:A.jpg", 6),
        "Rubrik:Romane": ("Category:Romane", 14),
        "fr:Dune": ("fr:Dune", None),
        "A|B": ("A|B", None),
        "#Plot": ("#Plot", None),
    }
    rows, _ = read(tmp_path / "dump.xml", "".join(page(f"R{number}", number, redirect=target) for number, target in enumerate(found, 1)))
    assert [(row["redirect_target"], row["redirect_namespace"]) for row in rows] == list(found.values())


def test_what_is_dropped_is_counted_by_its_reason(tmp_path: Path) -> None:
    box = "{{Infobox book|}}"
    xml = [
        page("A", 1, box),
        page("No id", 2).replace("<id>2</id>", ""),
        page("No end", 3).replace("</page>", ""),
        page("Talk:A", 4, namespace=1),
        page("Talk:B", 5, namespace=1),
        page("Talk:C", 6, namespace=1, redirect="A"),
        page("Bad", 7, f"{box} BAD"),
        page("Entity", 8, f"{box} ENTITY"),
        page("Control\tCharacter", 9, box),
        page("Z", 10, box),
    ]
    content = (HEADER + "".join(xml) + FOOTER).encode().replace(b"BAD", b"\xff").replace(b"ENTITY", b"&lol9;")
    rows, report = read(tmp_path / "dump.xml", content, RangeReader(SITE, ["Infobox book"], frozenset([0])))
    assert [row["page_id"] for row in rows] == [1, 6, 10]
    assert report.dropped == {NO_HEAD: 1, NO_END: 1, OTHER_NAMESPACE: 2, NOT_UTF8: 1, ENTITY: 1, CONTROL: 1}
    assert (report.pages, report.kept) == (10, 3)
    balance(ranges_of(tmp_path / "dump.xml"), [report], 0)


def test_a_doctype_is_not_believed(tmp_path: Path) -> None:
    """Neither is the billion of laughs made, nor the file read."""
    doctype = '<!DOCTYPE x [<!ENTITY lol "lol"><!ENTITY lol1 "&lol;&lol;"><!ENTITY xxe SYSTEM "file:///etc/passwd">]>\n'
    xml = [page("A", 1, "{{Infobox book|x}} HERE"), page("B HERE", 2), page("C", 3, "HERE")]
    content = (doctype + HEADER + "".join(xml) + FOOTER).replace("HERE", "&lol1; &xxe;")
    rows, report = read(tmp_path / "dump.xml", content.encode())
    assert [(row["page_id"], row["wikitext"]) for row in rows] == [(3, None)]
    assert report.dropped == {ENTITY: 2}


def test_hostile_titles_are_rows_like_any_other(tmp_path: Path) -> None:
    titles = [
        "<script>alert(1)</script>",
        "\"'; DROP TABLE books; --",
        "../../etc/passwd",
        "\N{RIGHT-TO-LEFT OVERRIDE}a",
        "&lol9;",
        "=1+1",
        "\N{PILE OF POO}" * 50,
    ]
    rows, report = read(tmp_path / "dump.xml", "".join(page(title, number) for number, title in enumerate(titles, 1)))
    assert [row["title"] for row in rows] == titles
    assert report.kept == len(titles)


def test_older_revisions_are_counted(tmp_path: Path) -> None:
    def history(page_id: int, count: int, namespace: int) -> str:
        xml = page("T", page_id, namespace=namespace)
        revision = xml[xml.index("<revision>") : xml.index("</revision>") + len("</revision>")]
        return xml.replace(revision, "\n".join(revision.replace("2024", str(2000 + number)) for number in range(count)))

    path = tmp_path / "dump.xml"
    rows, report = read(
        path, history(1, 1, 0) + history(2, 5, 0) + history(3, 9, 1) + history(4, 2, 0), RangeReader(SITE, [], frozenset([0]))
    )
    assert [row["page_id"] for row in rows] == [1, 2, 4]
    assert [row["revision_timestamp"].year for row in rows if row["revision_timestamp"]] == [2000, 2004, 2001]
    assert report.older_revisions == 5, "those of pages that are kept"


def test_no_infobox_is_wanted_by_default(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "dump.xml", WHOLE.replace(b"{{Infobox book|", b"{{}} {{Infobox book|"), RangeReader(SITE, []))
    assert {row["wikitext"] for row in rows} == {None}


def test_names_of_the_template_namespace_are_known(tmp_path: Path) -> None:
    header = HEADER.replace(">Template<", ">Vorlage<")
    books = RangeReader(Site.from_header(header.encode(), "dump"), ["Infobox book"])
    calls = ["Infobox book", "Template:Infobox book", "Vorlage:infobox Book", "Category:Infobox book"]
    rows, _ = read(
        tmp_path / "dump.xml", "".join(page(f"P{number}", number, f"{{{{{call}|}}}}") for number, call in enumerate(calls, 1)), books
    )
    assert [row["wikitext"] is not None for row in rows] == [True, True, True, False]


# Damage


def damaged(data: bytes, block: int) -> bytes:
    """A file with one wrong byte inside a block."""
    at = find_bits(data, BLOCK)[block] // 8 + 30
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def test_damage_belongs_to_the_range_in_which_its_block_begins(tmp_path: Path) -> None:
    """Whoever reads on into it for the end of a page loses the page, and does not count the damage once more."""
    data = damaged(PACKINGS["pbzip2"](WHOLE), 6)
    starts = [bit // 8 for bit in find_bits(data, BLOCK)]
    path = tmp_path / "dump.bz2"
    path.write_bytes(data)
    bounds = [0, starts[6], starts[7], len(data)]
    reports = [read_span(ByteRange(str(path), "bz2", begin, end))[1] for begin, end in itertools.pairwise(bounds)]
    assert [len(report.damages) for report in reports] == [0, 1, 0]
    assert [report.dropped for report in reports] == [{DAMAGED: 1}, {}, {}]


@pytest.mark.parametrize("most", [0, 1, 2])
def test_more_damage_than_allowed(most: int, tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    path.write_bytes(damaged(damaged(multistream(PAGES, 1), 2), 5))
    books = RangeReader(SITE, [], None, most)
    if most < 2:
        message = (
            f"{path}: 2 damaged places, the first one bytes \\d+ to \\d+ \\(its bzip2 data is damaged\\), and .* allows {most}; download"
        )
        with pytest.raises(DumpError, match=message):
            read(path, None, books)
    else:
        rows, report = read(path, None, books)
        assert [row["page_id"] for row in rows] == [1, 3, 4, 6, 7, 8]
        assert (report.pages, report.kept, len(report.damages)) == (6, 6, 2)


def test_a_range_is_given_up_before_its_last_rows(tmp_path: Path) -> None:
    """A task that fails has given no complete range."""
    path = tmp_path / "dump.bz2"
    path.write_bytes(damaged(multistream(PAGES, 1), 2))
    (span,) = ranges_of(path)
    batches = RangeReader(SITE, []).read(span, RangeReport(span.path, span.start, span.end))
    with pytest.raises(DumpError):
        next(batches)


@pytest.mark.parametrize("harm", ["none", "one block", "many bits", "hole"])
@pytest.mark.parametrize("packing", ["xml", "multistream", "pbzip2", "one.bz2", "streams.bz2"])
def test_the_reports_of_all_ranges_say_the_same_whatever_the_ranges(packing: str, harm: str, tmp_path: Path) -> None:
    data = multistream(PAGES, 2) if packing == "multistream" else PACKINGS[packing](WHOLE)
    rng = random.Random(packing)
    if harm == "hole":
        data = data[: len(data) // 3] + bytes(len(data) // 5) + data[len(data) // 2 :]
    elif harm == "one block" and packing != "xml":
        data = damaged(data, 4)
    elif harm == "many bits":
        bits = bytearray(data)
        for at in rng.sample(range(4, len(data) * 3 // 4), 5):
            bits[at] ^= 1 << rng.randrange(8)
        data = bytes(bits)
    path = tmp_path / "dump"
    path.write_bytes(data)
    sums = []
    for range_bytes in (1 << 30, 1000, 333, 100):
        spans = ranges_of(path, range_bytes)
        read = [read_span(span) for span in spans]
        (account,) = balance(spans, [report for _, report in read], 1000)
        assert account.bytes == len(data)
        assert account.kept == sum(len(rows) for rows, _ in read)
        sums.append((account, [row for rows, _ in read for row in rows]))
    assert all(found == sums[0] for found in sums)
    if harm == "none":
        assert sums[0][0].kept == len(PAGES)
        assert sums[0][0].decoded == len(WHOLE)
    elif packing != "xml":
        assert sums[0][0].damages
        assert sums[0][0].decoded < len(WHOLE)


def test_bytes_that_were_decoded_are_those_of_the_range(tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    path.write_bytes(one_stream(WHOLE, 500))
    spans = ranges_of(path, 400)
    reports = [read_span(span)[1] for span in spans]
    starts = [stretch.start // 8 for stretch in stretches(io.BytesIO(path.read_bytes()), 0)]
    last = len(WHOLE) % 500
    for span, report in zip(spans, reports, strict=True):
        own = [number for number, start in enumerate(starts) if span.start <= start < span.end]
        assert report.decoded == 500 * len(own) - (500 - last) * (len(starts) - 1 in own)


def test_a_reader_serves_many_ranges(tmp_path: Path) -> None:
    """Nothing of a range is left in it, and reports start from nothing."""
    path = tmp_path / "dump.xml"
    path.write_bytes(WHOLE)
    (span,) = ranges_of(path)
    assert read_span(span) == read_span(span)
    assert read_span(replace(span, end=900))[1].dropped == Counter()
