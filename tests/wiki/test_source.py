import bz2
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from lxml import etree
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from embedding.errors import DumpError, WarehouseError
from embedding.spark import one_line
from embedding.task_files import FolderFiles
from embedding.wiki.accounts import FileAccount, RangeReport, balance
from embedding.wiki.dump import ByteRange, look_at, plan, read_header
from embedding.wiki.reader import RangeReader
from embedding.wiki.site import Site
from embedding.wiki.source import write_pages
from tests.conftest import FOOTER, HEADER, multistream, page
from tests.wiki.reading import PAGES, WHOLE, gzip_members, one_stream, zst

REAL = ["enwiki-slice.xml.bz2", "ltgwiki-complete.xml.bz2"]
INFOBOXES = ["Infobox book", "Infobox novel"]
SITE = Site.from_header(HEADER.encode(), "dump")


def reader(path: Path | None = None, max_damaged: int = 0) -> RangeReader:
    """For the books of a wiki: that of a file, or that of the tests."""
    site = Site.from_header(read_header(look_at(str(path))), str(path)) if path else SITE
    return RangeReader(site, INFOBOXES, None, max_damaged)


def collect(
    spark: SparkSession, spans: Sequence[ByteRange], books: RangeReader, folder: Path
) -> tuple[list[dict[str, Any]], list[FileAccount]]:
    """The pages that Spark's tasks write, moments as seconds, and the accounts, which must add up."""
    folder.mkdir(exist_ok=True)
    done = write_pages(spark, spans, books, FolderFiles(folder))
    rows = [row for part in done if part.file for row in pq.read_table(folder / part.file).to_pylist()]
    accounts = balance(spans, [part.report for part in done], 1000)
    assert sum(account.kept for account in accounts) == len(rows)
    return [{**row, "revision_timestamp": _seconds(row["revision_timestamp"])} for row in rows], accounts


def read_alone(spans: Sequence[ByteRange], books: RangeReader) -> tuple[list[dict[str, Any]], list[FileAccount]]:
    """The same, in this process."""
    rows, reports = [], []
    for span in spans:
        reports.append(RangeReport(span.path, span.start, span.end))
        rows += [row for batch in books.read(span, reports[-1]) for row in batch.to_pylist()]
    return [{**row, "revision_timestamp": _seconds(row["revision_timestamp"])} for row in rows], balance(spans, reports, 1000)


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def pages_by_lxml(path: Path) -> Iterator[dict[str, Any]]:
    """An independent reading of a dump, by an XML parser."""
    with bz2.open(path) as file:
        for _, element in etree.iterparse(file, tag="{*}page"):

            def find(name: str, page: Any = element) -> Any:
                return page.find("/".join(f"{{*}}{part}" for part in name.split("/")))

            redirect, text = find("redirect"), find("revision/text").text or ""
            is_book = redirect is None and re.search(r"\{\{\s*infobox (book|novel)\s*[|<}]", text, re.IGNORECASE)
            yield {
                "page_id": int(find("id").text),
                "namespace": int(find("ns").text),
                "title": find("title").text,
                "redirect_target": redirect.get("title") if redirect is not None else None,
                "revision_id": int(find("revision/id").text),
                "revision_timestamp": _seconds(datetime.fromisoformat(find("revision/timestamp").text)),
                "wikitext": text if is_book else None,
            }
            element.clear()


def test_a_range_is_a_task_and_a_file(spark: SparkSession, tmp_path: Path) -> None:
    dump = tmp_path / "dump.xml.bz2"
    dump.write_bytes(multistream([page(f"Page {i}", i) for i in range(1, 61)], per_stream=4))
    spans = plan([look_at(str(dump))], -(-dump.stat().st_size // 6))
    assert len(spans) == 6
    (tmp_path / "pages").mkdir()
    done = write_pages(spark, spans, reader(), FolderFiles(tmp_path / "pages"))
    assert [(part.report.start, part.report.end) for part in done] == [(span.start, span.end) for span in spans]
    written = [tmp_path / "pages" / part.file for part in done if part.file]
    assert sorted(written) == sorted((tmp_path / "pages").iterdir())
    assert [page_id for file in written for page_id in pq.read_table(file)["page_id"].to_pylist()] == list(range(1, 61))


def test_a_range_without_pages_is_reported_too(spark: SparkSession, tmp_path: Path) -> None:
    dump = tmp_path / "dump.xml"
    dump.write_bytes(WHOLE)
    rows, (account,) = collect(spark, plan([look_at(str(dump))], 600), reader(), tmp_path / "pages")
    assert [row["page_id"] for row in rows] == list(range(1, 9))
    assert (account.bytes, account.decoded, account.pages) == (len(WHOLE), len(WHOLE), 8)


def test_files_of_every_kind_side_by_side(spark: SparkSession, tmp_path: Path) -> None:
    names = ["a.xml.bz2", "b.xml.bz2", "c.xml", "d.xml.gz", "e.xml.zst"]
    for number, name in enumerate(names):
        whole = HEADER + "".join(page(f"P{i}", i) for i in range(number * 10, number * 10 + 10)) + FOOTER
        data = whole.encode()
        packed = {"b": one_stream(data, 700), "c": data, "d": gzip_members(data, 2), "e": zst(data)}.get(name[0], bz2.compress(data))
        (tmp_path / name).write_bytes(packed)
    spans = plan([look_at(str(tmp_path / name)) for name in names], 500)
    assert [span.path for span in spans] == sorted(span.path for span in spans)
    rows, accounts = collect(spark, spans, reader(), tmp_path / "pages")
    assert [row["page_id"] for row in rows] == list(range(50))
    assert [(Path(account.file).name, account.kept) for account in accounts] == [(name, 10) for name in names]


def test_an_error_of_a_task_names_file_and_byte(spark: SparkSession, tmp_path: Path) -> None:
    dump = tmp_path / "dump.xml.zst"
    dump.write_bytes(zst(WHOLE)[:-30])
    spans = plan([look_at(str(dump))], 1000)
    with pytest.raises(Py4JJavaError, match=f"DumpError: {re.escape(str(dump))}: is cut off at byte {dump.stat().st_size}"):
        write_pages(spark, spans, reader(), FolderFiles(tmp_path))


def test_damage_is_an_error_or_reported(spark: SparkSession, tmp_path: Path) -> None:
    data = bytearray(multistream(PAGES, 1))
    second = [match.start() for match in re.finditer(b"BZh9", data)][2]
    data[second + 30] ^= 0xFF
    dump = tmp_path / "dump.xml.bz2"
    dump.write_bytes(data)
    spans = plan([look_at(str(dump))], 300)
    with pytest.raises(Py4JJavaError, match=f"DumpError: {re.escape(str(dump))}: 1 damaged places, the first one bytes {second + 4} to "):
        write_pages(spark, spans, reader(), FolderFiles(tmp_path))
    rows, (account,) = collect(spark, spans, reader(max_damaged=1), tmp_path / "pages")
    assert [row["page_id"] for row in rows] == [1, 3, 4, 5, 6, 7, 8]
    assert [damage.start for damage in account.damages] == [second + 4]


def test_a_warehouse_that_a_task_cannot_see_is_told_in_one_line(spark: SparkSession, tmp_path: Path) -> None:
    """As an executor on another machine finds it, when the warehouse is a folder of the driver's own disk."""
    (tmp_path / "dump.xml").write_bytes(WHOLE)
    with pytest.raises(Py4JJavaError) as raised:
        write_pages(spark, plan([look_at(str(tmp_path / "dump.xml"))], 1 << 30), reader(), FolderFiles(tmp_path / "elsewhere"))
    known = one_line(raised.value, tmp_path)
    assert isinstance(known, WarehouseError)
    assert str(known).startswith(f"{tmp_path / 'elsewhere'}: a task cannot write there: ")
    assert str(known).endswith("a folder that the driver and all executors see, or an object store")


@pytest.mark.parametrize(
    "content", [b"", b"7z\xbc\xaf", multistream(PAGES)[:-30], WHOLE[:-20], b"<html></html>", WHOLE.replace(FOOTER.encode(), b"")]
)
def test_what_is_no_whole_dump_is_refused_before_any_task(content: bytes, tmp_path: Path) -> None:
    good, bad = tmp_path / "a.xml.bz2", tmp_path / "b.xml.bz2"
    good.write_bytes(multistream(PAGES))
    bad.write_bytes(content)
    with pytest.raises(DumpError, match=f"^{re.escape(str(bad))}: "):
        plan([look_at(str(good)), look_at(str(bad))], 1000)


@pytest.mark.parametrize("name", REAL)
def test_spark_reads_a_real_dump_as_an_xml_parser_does(spark: SparkSession, name: str, shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "data" / name
    expected = list(pages_by_lxml(path))
    rows, (account,) = collect(spark, plan([look_at(str(path))], 600_000), reader(path), tmp_path / "pages")
    assert len(rows) == len(expected) == {"enwiki-slice.xml.bz2": 206, "ltgwiki-complete.xml.bz2": 2004}[name]
    assert [{column: row[column] for column in expected[0]} for row in rows] == expected
    assert (account.pages, account.dropped.total(), account.older_revisions, account.damages) == (len(rows), 0, 0, [])


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("packing", ["as it is", "pbzip2", "one stream", "plain"])
def test_a_real_dump_page_by_page(name: str, packing: str, shared_data: Path, tmp_path: Path) -> None:
    """In order, and in ranges whose bounds fall into the middle of pages."""
    original = shared_data / "data" / name
    expected = list(pages_by_lxml(original))
    path = original
    data = bz2.decompress(original.read_bytes())
    if packing != "as it is":
        path = tmp_path / "dump"
        parts = (bz2.compress(data[at : at + 300_000], 3) for at in range(0, len(data), 300_000))
        path.write_bytes(data if packing == "plain" else one_stream(data) if packing == "one stream" else b"".join(parts))
    rows, (account,) = read_alone(plan([look_at(str(path))], 100_000), reader(path))
    assert [{column: row[column] for column in expected[0]} for row in rows] == expected
    assert (account.pages, account.dropped.total(), account.damages, account.decoded) == (len(rows), 0, [], len(data))
    books = sum(row["wikitext"] is not None for row in rows)
    assert books == (3 if name.startswith("enwiki") else 0)
