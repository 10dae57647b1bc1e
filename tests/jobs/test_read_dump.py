"""The step read_dump: whatever a dump is packed in, the same table; and what is lost is in the manifest and in the log."""

import bz2
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pyarrow.parquet as pq
import pytest
from lxml import etree
from pyspark.sql import SparkSession

from embedding.errors import DumpError, WarehouseError
from embedding.manifest import Manifest, Snapshot
from embedding.tables import TABLES
from embedding.task_files import FolderFiles
from embedding.warehouse import Warehouse
from jobs import read_dump
from tests.conftest import FOOTER, HEADER, multistream, page
from tests.jobs.running import failure, run
from tests.planted import planted_pages
from tests.wiki.reading import PACKINGS, PAGES, one_stream

DAY = "20240501"
Rows = list[dict[str, Any]]


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """What the log says."""
    caplog.set_level(logging.INFO, "bookspace")
    return lambda: "\n".join(record.getMessage() for record in caplog.records)


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """For every reading of a dump, the number of its tasks."""
    found: list[int] = []

    def counted(spark: SparkSession, spans: Sequence[Any], *args: Any) -> Any:
        found.append(len(spans))
        return original(spark, spans, *args)

    original = read_dump.write_pages
    monkeypatch.setattr(read_dump, "write_pages", counted)
    return found


def _run(spark: SparkSession, folder: Path, dump: Path | str, *overrides: str, steps: int = 1, day: str = DAY) -> Warehouse:
    return run(spark, folder, dump, *overrides, steps=steps, day=day)


def _fails(spark: SparkSession, folder: Path, dump: Path | str, *overrides: str) -> str:
    message = failure(spark, folder, dump, *overrides, steps=1)
    assert _files(folder) == [], "no half table"
    return message


def _files(folder: Path) -> list[Path]:
    """What lies in the warehouse, but for locks, which stay."""
    return [path for path in (folder / "warehouse").rglob("*") if path.is_file() and "_locks" not in path.parts]


def _rows(warehouse: Warehouse, table: str = "pages", wiki: str = "testwiki", day: str = DAY) -> Rows:
    files = warehouse.files(table, Snapshot(wiki, day))
    found: Rows = [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]
    assert all(list(row) == TABLES[table].columns.names for row in found)
    return sorted(found, key=lambda row: row["page_id"])


def _made(warehouse: Warehouse, wiki: str = "testwiki", day: str = DAY) -> Manifest:
    """The manifest of pages, in which all must add up."""
    made = warehouse.manifest("pages", Snapshot(wiki, day))
    files = made.facts["files"]
    assert made.rows_in == sum(file["pages"] for file in files)
    rows = _rows(warehouse, wiki=wiki, day=day)
    assert made.rows_out == sum(file["kept"] for file in files) == len(rows)
    assert made.rows_out == made.facts["articles"] + made.facts["redirects"]
    assert made.facts["redirects"] == sum(row["redirect_target"] is not None for row in rows)
    assert made.facts["candidates"] == sum(row["wikitext"] is not None for row in rows)
    for file in files:
        assert file["pages"] == file["kept"] + sum(file["dropped"].values())
        assert file["bytes"] == Path(file["file"]).stat().st_size
        assert len(file["damages"]) == file["damaged"]
    reasons = {reason for file in files for reason in file["dropped"]}
    assert made.dropped == {reason: sum(file["dropped"].get(reason, 0) for file in files) for reason in reasons}
    return made


# One table, whatever the packing

ALL = [*PAGES, page("Talk:Dune", 9, "{{Infobox book}}", namespace=1), *planted_pages()[:60]]
WHOLE = (HEADER + "".join(ALL) + FOOTER).encode()
PACKED: dict[str, Callable[[], bytes]] = {
    "multistream": lambda: multistream(ALL, per_stream=10),
    "one stream": lambda: one_stream(WHOLE, 3000),
    "pbzip2": lambda: PACKINGS["pbzip2"](WHOLE),
    "gz": lambda: PACKINGS["gz"](WHOLE),
    "zst": lambda: PACKINGS["zst"](WHOLE),
    "xml": lambda: WHOLE,
}


def _by_lxml(whole: bytes, infobox: str) -> Rows:
    """An independent reading of a dump by an XML parser: of every article and redirect, what is read as it stands there."""
    found = []
    for element in etree.fromstring(whole).iterfind("{*}page"):
        redirect, revision = element.find("{*}redirect"), element.find("{*}revision")
        assert revision is not None
        text = revision.findtext("{*}text") or ""
        row = {
            "page_id": int(element.findtext("{*}id") or 0),
            "namespace": int(element.findtext("{*}ns") or 0),
            "title": element.findtext("{*}title"),
            "revision_id": int(revision.findtext("{*}id") or 0),
            "revision_timestamp": datetime.fromisoformat(revision.findtext("{*}timestamp") or ""),
            "wikitext": text if redirect is None and infobox in text.lower() else None,
        }
        if row["namespace"] == 0 or redirect is not None:
            found.append(row)
    return sorted(found, key=lambda row: row["page_id"])


def _without_redirects(rows: Rows) -> Rows:
    return [{name: value for name, value in row.items() if not name.startswith("redirect")} for row in rows]


@pytest.fixture(scope="module")
def expected(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """The table of the plain dump, read in one piece; held against another parser."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "dump.xml").write_bytes(WHOLE)
    rows = _rows(_run(spark, folder, folder / "dump.xml"))
    assert _without_redirects(rows) == _by_lxml(WHOLE, "{{infobox book")
    assert len(rows) == len(ALL) - 2  # a category, a talk page
    return rows


@pytest.mark.parametrize("tasks", [1, 5])
@pytest.mark.parametrize("packing", PACKED)
def test_every_packing_and_partition_gives_the_same_table(
    spark: SparkSession, tmp_path: Path, expected: Rows, readings: list[int], packing: str, tasks: int
) -> None:
    dump = tmp_path / "dump"
    dump.write_bytes(PACKED[packing]())
    warehouse = _run(spark, tmp_path, dump, f"read.partition_mb={(dump.stat().st_size / tasks + 1) / (1 << 20):.9f}")
    assert _rows(warehouse) == expected
    made = _made(warehouse)
    assert made.dropped == {"namespace": 2}
    (account,) = made.facts["files"]
    assert account == {
        "file": str(dump),
        "bytes": dump.stat().st_size,
        "decoded": len(WHOLE),
        "pages": len(ALL),
        "kept": len(ALL) - 2,
        "redirects": sum(row["redirect_target"] is not None for row in expected),
        "candidates": sum(row["wikitext"] is not None for row in expected),
        "dropped": {"namespace": 2},
        "older_revisions": 0,
        "damages": [],
        "damaged": 0,
    }
    assert readings == [1 if packing in ("gz", "zst") else tasks]


REAL = {"enwiki-slice.xml.bz2": ("enwiki", 206), "ltgwiki-complete.xml.bz2": ("ltgwiki", 2004)}


@pytest.mark.parametrize("name", REAL)
def test_real_dumps_in_every_packing(spark: SparkSession, shared_data: Path, tmp_path: Path, name: str) -> None:
    wiki, pages = REAL[name]
    original = (shared_data / "data" / name).read_bytes()
    whole = bz2.decompress(original)
    others = _by_lxml(whole, "{{infobox book")
    pbzip2 = b"".join(bz2.compress(whole[at : at + 300_000], 1) for at in range(0, len(whole), 300_000))
    packed = {("bz2", "32"): original, ("bz2", "0.2"): original, ("pbzip2", "0.4"): pbzip2, ("xml", "1"): whole}
    packed |= {(packing, "1"): PACKINGS[packing](whole) for packing in ("gz", "zst")}
    first = None
    for day, ((packing, partition_mb), data) in enumerate(packed.items(), 20200101):
        dump = tmp_path / f"dump.{packing}"
        dump.write_bytes(data)
        warehouse = _run(spark, tmp_path, dump, f"wiki={wiki}", f"read.partition_mb={partition_mb}", day=str(day))
        made = _made(warehouse, wiki, str(day))
        assert (made.rows_in, made.dropped.get("namespace", 0)) == (pages, pages - len(others))
        rows = _rows(warehouse, wiki=wiki, day=str(day))
        first = first or rows
        assert rows == first, (packing, partition_mb)
    assert first is not None
    assert _without_redirects(first) == others
    assert sum(row["wikitext"] is not None for row in first) == (3 if wiki == "enwiki" else 0)


def test_several_files_are_one_dump(spark: SparkSession, tmp_path: Path, expected: Rows) -> None:
    folder = tmp_path / "dumps"
    folder.mkdir()
    third = len(ALL) // 3
    for number in (1, 2, 3):
        pages = ALL[third * (number - 1) : third * number if number < 3 else None]
        (folder / f"testwiki-{DAY}-pages-articles{number}.xml-p{number}p9.bz2").write_bytes(multistream(pages))
    warehouse = _run(spark, tmp_path, folder, "read.partition_mb=0.01")
    assert _rows(warehouse) == expected
    files = _made(warehouse).facts["files"]
    assert [Path(file["file"]).name.partition(".")[0] for file in files] == [f"testwiki-{DAY}-pages-articles{n}" for n in (1, 2, 3)]
    assert [file["pages"] for file in files] == [third, third, len(ALL) - 2 * third]


def test_several_files_of_which_one_is_of_another_wiki(spark: SparkSession, tmp_path: Path, readings: list[int]) -> None:
    folder = tmp_path / "dumps"
    folder.mkdir()
    (folder / "a.xml").write_text(HEADER + page("A", 1) + FOOTER)
    (folder / "b.xml").write_text((HEADER + page("B", 2) + FOOTER).replace("testwiki", "dewiki"))
    message = _fails(spark, tmp_path, folder)
    assert message == f"{folder / 'b.xml'}: is a dump of dewiki, and the settings are for testwiki; give --conf conf/dewiki.yaml"
    assert readings == []


# What is in a dump beside the newest articles


def test_a_dump_with_talk_pages(spark: SparkSession, tmp_path: Path) -> None:
    talk = [page(f"Talk:T{number}", 500 + number, "{{Infobox book}}", namespace=1) for number in range(7)]
    moved = [page("Talk:Old", 600, redirect="Talk:T1", namespace=1)]
    dump = tmp_path / "testwiki-20240501-pages-meta-current.xml.bz2"
    dump.write_bytes(multistream([*PAGES, *talk, *moved]))
    warehouse = _run(spark, tmp_path, dump)
    made = _made(warehouse)
    assert made.dropped == {"namespace": 8}
    assert made.facts["files"][0]["dropped"] == {"namespace": 8}
    assert [row["page_id"] for row in _rows(warehouse) if row["namespace"] == 1] == [600], "a redirect stays"


def _history(title: str, page_id: int, revisions: Sequence[tuple[int, str, str]]) -> str:
    told = "".join(
        f"<revision><id>{number}</id><parentid>{number - 1}</parentid><timestamp>{moment}</timestamp>"
        f'<contributor><username>A</username><id>3</id></contributor><text xml:space="preserve">{escape(text)}</text></revision>\n'
        for number, moment, text in revisions
    )
    return f"<page>\n<title>{title}</title>\n<ns>0</ns>\n<id>{page_id}</id>\n{told}</page>\n"


@pytest.mark.parametrize("partition_mb", ["32", "0.0005"])
def test_a_full_history(spark: SparkSession, tmp_path: Path, said: Callable[[], str], partition_mb: str) -> None:
    book = "{{Infobox book}} of %s"
    pages = [
        _history(
            "A", 1, [(7, "2020-01-02T00:00:00Z", book % 2020), (9, "2024-01-02T00:00:00Z", book % 2024), (8, "2022-01-02T00:00:00Z", "x")]
        ),
        _history("B", 2, [(20, "2023-01-01T00:00:00Z", "no box <page>"), (30, "2001-01-01T00:00:00Z", book % "an import")]),
        _history("C", 3, [(40, "2023-01-01T00:00:00Z", book % 40), (41, "2023-01-01T00:00:00Z", book % 41)]),
        _history("D", 4, [(50, "2019-01-01T00:00:00Z", book % 50)]),
    ]
    dump = tmp_path / "testwiki-20240501-pages-meta-history.xml.bz2"
    dump.write_bytes(multistream(pages, per_stream=1))
    warehouse = _run(spark, tmp_path, dump, f"read.partition_mb={partition_mb}")
    found = [(row["page_id"], row["revision_id"], row["revision_timestamp"].year, row["wikitext"]) for row in _rows(warehouse)]
    assert found == [(1, 9, 2024, book % 2024), (2, 20, 2023, None), (3, 41, 2023, book % 41), (4, 50, 2019, book % 50)]
    assert _made(warehouse).facts["files"][0]["older_revisions"] == 4
    assert f"{dump} is a history: 4 older revisions left out" in said()


def test_a_dump_that_is_no_history_is_not_called_one(spark: SparkSession, tmp_path: Path, said: Callable[[], str]) -> None:
    (tmp_path / "dump.xml").write_text(HEADER + page("A", 1) + FOOTER)
    row = _rows(_run(spark, tmp_path, tmp_path / "dump.xml"))[0]
    assert row["revision_timestamp"] == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert "is a history" not in said()
    assert "are lost" not in said()


# Damage


@pytest.fixture
def damaged(tmp_path: Path) -> tuple[Path, list[tuple[int, int]]]:
    """A dump of ten streams of four pages, of which the fourth and the seventh are damaged; and where they lie."""
    parts = [
        HEADER,
        *("".join(page(f"P{number}", number, "abc" * number) for number in range(at, at + 4)) for at in range(1, 41, 4)),
        FOOTER,
    ]
    streams = [bz2.compress(part.encode()) for part in parts]
    ends = [sum(map(len, streams[: number + 1])) for number in range(len(streams))]
    places = [(ends[number - 1], ends[number]) for number in (4, 7)]
    data = bytearray(b"".join(streams))
    for begin, end in places:
        data[(begin + end) // 2] ^= 0x10
    dump = tmp_path / "dump.xml.bz2"
    dump.write_bytes(data)
    return dump, places


@pytest.mark.parametrize("partition_mb", ["32", "0.0005"])
def test_the_rest_of_a_damaged_dump_is_read_and_the_loss_is_told(
    spark: SparkSession, tmp_path: Path, damaged: tuple[Path, list[tuple[int, int]]], said: Callable[[], str], partition_mb: str
) -> None:
    dump, places = damaged
    warehouse = _run(spark, tmp_path, dump, f"read.partition_mb={partition_mb}")
    assert [row["page_id"] for row in _rows(warehouse)] == [*range(1, 13), *range(17, 25), *range(29, 41)]
    (account,) = _made(warehouse).facts["files"]
    assert account["damaged"] == 2
    for damage, (begin, end) in zip(account["damages"], places, strict=True):
        assert begin <= damage["start"] <= begin + 4 < end <= damage["end"] <= end + 4, "with or without the headers of the streams"
        assert damage["reason"] == "its bzip2 data is damaged"
        assert f"{dump}: bytes {damage['start']} to {damage['end']} are lost: its bzip2 data is damaged" in said()
    assert said().count("are lost") == 2


@pytest.mark.parametrize("partition_mb", ["32", "0.0005"])
def test_more_damage_than_allowed(
    spark: SparkSession, tmp_path: Path, damaged: tuple[Path, list[tuple[int, int]]], partition_mb: str
) -> None:
    """Also when no task alone finds more than is allowed."""
    dump, ((begin, _), _) = damaged
    message = _fails(spark, tmp_path, dump, "read.max_damaged_streams=1", f"read.partition_mb={partition_mb}")
    assert message.startswith(f"{dump}: 2 damaged places, the first one bytes {begin + 4} to ")
    assert "read.max_damaged_streams allows 1; download the file again, or allow more to read the rest" in message
    assert "1 damaged places" in _fails(spark, tmp_path, dump, "read.max_damaged_streams=0", "read.partition_mb=0.0005")


def test_pages_that_cannot_be_read_are_dropped_and_counted_by_reason(spark: SparkSession, tmp_path: Path) -> None:
    good = [page("A", 1), page("Z", 9, "{{Infobox book}}")]
    bad = [
        page("B", 2).replace("<id>2</id>", ""),
        page("C", 3, "{{Infobox book}} X").replace("X", "&nbsp;"),
        page("D", 4).replace("</page>", ""),
        page("Talk:E", 5, namespace=1),
        page("F X", 6).replace("X", "\x01"),
    ]
    data = (HEADER + "".join([good[0], *bad, good[1]]) + FOOTER).encode().replace(b"<title>B<", b"<title>\xff<")
    data = data.replace(b"</mediawiki>", page("G", 7).encode().replace(b">G<", b">\xc3\x28<") + b"</mediawiki>")
    (tmp_path / "dump.xml").write_bytes(data)
    warehouse = _run(spark, tmp_path, tmp_path / "dump.xml", "read.partition_mb=0.0003")
    assert [row["page_id"] for row in _rows(warehouse)] == [1, 9]
    assert _made(warehouse).dropped == {
        "no title, namespace or id": 1,
        "entity that XML does not know": 1,
        "no </page>": 1,
        "namespace": 1,
        "control character in the title": 1,
        "not UTF-8": 1,
    }


@pytest.mark.parametrize("packing", ["multistream", "one stream", "pbzip2", "xml", "gz", "zst"])
def test_a_file_that_is_cut_off(spark: SparkSession, tmp_path: Path, readings: list[int], packing: str) -> None:
    whole = PACKED[packing]()
    dump = tmp_path / "dump"
    for share in (0.97, 0.4):
        dump.write_bytes(whole[: int(len(whole) * share)])
        assert _fails(spark, tmp_path, dump, "read.partition_mb=0.01").startswith(f"{dump}: is cut off")
        if packing not in ("gz", "zst"):
            assert readings == [], "found out before any task"


@pytest.fixture
def tried_again(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every range is read twice, and another attempt breaks off, as when Spark takes a task for lost; the files of each reading."""
    readings: list[int] = []

    def again(spark: SparkSession, spans: Sequence[Any], reader: Any, files: FolderFiles) -> Any:
        original(spark, spans, reader, files)
        (files.folder / "broken off.parquet").write_bytes(b"PAR1")
        done = original(spark, spans, reader, files)
        readings.append(sum(part.file is not None for part in done))
        assert len(list(files.folder.iterdir())) > 2 * readings[-1]
        return done

    original = read_dump.write_pages
    monkeypatch.setattr(read_dump, "write_pages", again)
    return readings


def test_what_other_attempts_at_a_range_wrote_is_not_in_the_table(
    spark: SparkSession, tmp_path: Path, expected: Rows, tried_again: list[int]
) -> None:
    (tmp_path / "dump.xml").write_bytes(WHOLE)
    warehouse = _run(spark, tmp_path, tmp_path / "dump.xml", "read.partition_mb=0.005")
    assert _rows(warehouse) == expected
    _made(warehouse)
    names = [file.name for file in warehouse.files("pages", Snapshot("testwiki", DAY))]
    assert [name[: len("part-00000")] for name in names] == [f"part-{number:05}" for number in range(tried_again[0])]
    assert len(names) > 2
    assert len(_files(tmp_path)) == len(names) + 1, "and the manifest"


def test_a_file_that_is_lost_is_missed(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of the files are counted against the pages that were read."""

    def forgotten(*args: Any) -> Any:
        first, *others = original(*args)
        return [replace(first, file=None), *others]

    original = read_dump.write_pages
    monkeypatch.setattr(read_dump, "write_pages", forgotten)
    (tmp_path / "dump.xml").write_bytes(WHOLE)
    with pytest.raises(WarehouseError, match=f"read_dump lost rows of pages: {len(ALL)} came in, "):
        _run(spark, tmp_path, tmp_path / "dump.xml", "read.partition_mb=0.005")


def test_a_dump_of_which_no_page_is_kept(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "dump.xml").write_text(HEADER + page("Talk:A", 1, namespace=1) + FOOTER)
    made = _made(_run(spark, tmp_path, tmp_path / "dump.xml"))
    assert (made.rows_in, made.rows_out, made.dropped) == (1, 0, {"namespace": 1})


def test_a_dump_without_any_page(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "dump.xml").write_text(HEADER + FOOTER)
    assert "holds no page; give a pages-articles file" in _fails(spark, tmp_path, tmp_path / "dump.xml")


# Other names of the infobox


def test_a_page_that_calls_the_infobox_by_another_name_is_a_book(
    spark: SparkSession, tmp_path: Path, said: Callable[[], str], readings: list[int]
) -> None:
    pages = [
        page("Momo", 1, "{{Infobox Buch|author=[[Michael Ende]]}} [[Clock]]"),
        page("Krabat", 2, "{{bookbox\n|author=[[Otfried Preußler]]}}"),
        page("Emil", 3, "{{Infobox book|author=Erich Kästner}}"),
        page("Film", 4, "{{Infobox film|author=x}}"),
        page("Infobox Buch", 5, "{{Infobox Film}} an article of that name", redirect="Momo"),
        page("Template:Infobox Buch", 6, redirect="Template:Infobox book", namespace=10),
        page("Template:Bookbox", 7, redirect="Template:Infobox Buch", namespace=10),
        page("Template:Infobox Film", 8, redirect="Template:Infobox film", namespace=10),
    ]
    dump = tmp_path / "dump.xml.bz2"
    dump.write_bytes(multistream(pages, per_stream=2))
    warehouse = _run(spark, tmp_path, dump, "read.partition_mb=0.0004", steps=2)
    assert [(row["title"], row["author"]) for row in _rows(warehouse, "books")] == [
        ("Momo", "Michael Ende"),
        ("Krabat", "Otfried Preußler"),
        ("Emil", "Erich Kästner"),
    ]
    assert len(readings) == 2
    assert "templates Bookbox, Infobox Buch stand for a wanted infobox; reading again for the pages that call them" in said()
    made = _made(warehouse)
    assert made.facts["aliases"] == ["Bookbox", "Infobox Buch"]
    assert (made.facts["candidates"], made.rows_in, made.rows_out) == (3, 8, 8), "what the first reading wrote is gone"
    assert [row["page_id"] for row in _rows(warehouse)] == list(range(1, 9))

    _run(spark, tmp_path, dump, steps=2, day="20240601")
    assert len(readings) == 3, "the next snapshot knows the names from the start"
    assert [row["page_id"] for row in _rows(warehouse, "books", day="20240601")] == [1, 2, 3]
    assert _rows(warehouse, day="20240601") == _rows(warehouse)
    assert said().count("reading again") == 1


def test_books_of_an_infobox_that_was_renamed_stay(
    spark: SparkSession, tmp_path: Path, said: Callable[[], str], readings: list[int]
) -> None:
    """What was wanted is a redirect by now, and its other names were made to lead to the new one."""
    pages = [
        page("Momo", 1, "{{Infobox literary work|author=[[Michael Ende]]}}"),
        page("Krabat", 2, "{{Book box|author=[[Otfried Preußler]]}}"),
        page("Emil", 3, "{{Infobox book|author=Erich Kästner}}"),
        page("Film", 4, "{{Infobox film|author=x}}"),
        page("Template:Infobox book", 5, redirect="Template:Infobox literary work", namespace=10),
        page("Template:Book box", 6, redirect="Template:Infobox literary work", namespace=10),
        page("Template:Infobox literary work", 7, namespace=10),
    ]
    dump = tmp_path / "dump.xml"
    dump.write_text(HEADER + "".join(pages) + FOOTER)
    warehouse = _run(spark, tmp_path, dump, steps=2)
    assert [row["title"] for row in _rows(warehouse, "books")] == ["Momo", "Krabat", "Emil"]
    assert _made(warehouse).facts["aliases"] == ["Book box", "Infobox literary work"]
    assert "Infobox book was renamed and leads to Infobox literary work: pages that call that one are read too" in said()
    _run(spark, tmp_path, dump, day="20240601")
    assert len(readings) == 3, "the next snapshot knows the names from the start"


def test_a_name_that_a_template_had_once_makes_no_book(spark: SparkSession, tmp_path: Path, readings: list[int]) -> None:
    """The next dump, in which the redirect has become a template of its own."""
    book, other = page("Emil", 3, "{{Infobox book}}"), page("Film", 4, "{{Infobox Buch}}")
    name = page("Template:Infobox Buch", 6, redirect="Template:Infobox book", namespace=10)
    for day, pages in ((DAY, [book, other, name]), ("20240601", [book, other, page("Template:Infobox Buch", 6, namespace=10)])):
        (tmp_path / f"{day}.xml").write_text(HEADER + "".join(pages) + FOOTER)
        warehouse = _run(spark, tmp_path, tmp_path / f"{day}.xml", steps=2, day=day)
    assert [row["page_id"] for row in _rows(warehouse, "books")] == [3, 4]
    assert [row["page_id"] for row in _rows(warehouse, "books", day="20240601")] == [3]
    assert _made(warehouse, day="20240601").facts["aliases"] == []
    assert len(readings) == 3


def test_a_store_that_fails_in_a_task_is_told_in_one_line(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dump = tmp_path / "dump.xml"
    dump.write_text(HEADER + page("A", 1) + FOOTER)
    original = read_dump.plan

    def planned(*args: Any) -> Any:
        spans = original(*args)
        dump.unlink()  # it goes away between the planning and the tasks
        return spans

    monkeypatch.setattr(read_dump, "plan", planned)
    with pytest.raises(DumpError, match="no such file"):
        _run(spark, tmp_path, dump)
