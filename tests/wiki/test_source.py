import bz2
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from lxml import etree
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from embedding.errors import DumpError
from embedding.wiki import source
from embedding.wiki.source import WikiDumpSource
from tests.conftest import multistream, page
from tests.wiki.reading import EXPECTED, PAGES, WHOLE

REAL = ["enwiki-slice.xml.bz2", "ltgwiki-complete.xml.bz2"]
INFOBOXES = ["Infobox book", "Infobox novel"]


@pytest.fixture(scope="module")
def sql(spark: SparkSession) -> SparkSession:
    spark.dataSource.register(WikiDumpSource)
    return spark


def load(sql: SparkSession, path: Path | str, partition_bytes: int = 1 << 30, **options: str) -> DataFrame:
    return sql.read.format("wikidump").options(infoboxes=json.dumps(INFOBOXES), partitionBytes=partition_bytes, **options).load(str(path))


def read(path: Path | str, **options: Any) -> list[dict[str, Any]]:
    """What the tasks read, task after task, in this process."""
    given = {name: value if isinstance(value, str) else json.dumps(value) for name, value in options.items()}
    reader = WikiDumpSource({"path": str(path), **given}).reader(WikiDumpSource({}).schema())
    return [row for partition in reader.partitions() for batch in reader.read(partition) for row in batch.to_pylist()]


def pages_by_lxml(path: Path) -> Iterator[dict[str, Any]]:
    """An independent reading of a dump, by an XML parser."""
    with bz2.open(path) as file:
        for _, element in etree.iterparse(file, tag="{*}page"):

            def find(name: str, page: Any = element) -> Any:
                return page.find("/".join(f"{{*}}{part}" for part in name.split("/")))

            redirect, text = find("redirect"), find("revision/text").text or ""
            yield {
                "page_id": int(find("id").text),
                "namespace": int(find("ns").text),
                "title": find("title").text,
                "redirect_target": redirect.get("title") if redirect is not None else None,
                "revision_id": int(find("revision/id").text),
                "revision_timestamp": datetime.fromisoformat(find("revision/timestamp").text),
                "wikitext": text if redirect is None and re.search(r"\{\{\s*infobox (book|novel)\s*[|<}]", text, re.IGNORECASE) else None,
            }
            element.clear()


def only(rows: Iterable[dict[str, Any]], columns: Iterable[str]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in columns} for row in rows]


def test_spark_reads_every_page_once(sql: SparkSession, tmp_path: Path) -> None:
    dump = tmp_path / "dump.xml.bz2"
    dump.write_bytes(multistream([page(f"Page {i}", i) for i in range(1, 61)], per_stream=4))
    rows = load(sql, dump, -(-dump.stat().st_size // 6)).select("page_id", F.spark_partition_id().alias("task")).collect()
    assert [row.page_id for row in rows] == list(range(1, 61))
    assert len({row.task for row in rows}) > 3


def test_columns(sql: SparkSession, tmp_path: Path) -> None:
    dump = tmp_path / "dump.xml"
    dump.write_bytes(WHOLE)
    rows = load(sql, dump)
    assert rows.dtypes == [
        ("page_id", "bigint"), ("namespace", "int"), ("title", "string"), ("redirect_target", "string"),
        ("redirect_namespace", "int"), ("revision_id", "bigint"), ("revision_timestamp", "timestamp"),
        ("wikitext", "string"), ("file", "string"), ("unreadable", "string"),
    ]  # fmt: skip
    book, *_ = rows.withColumn("revision_timestamp", F.unix_timestamp("revision_timestamp")).collect()
    assert book.asDict() == {
        "page_id": 1,
        "namespace": 0,
        "title": "Dune (novel)",
        "redirect_target": None,
        "redirect_namespace": None,
        "revision_id": 10,
        "revision_timestamp": int(datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC).timestamp()),
        "wikitext": "{{Infobox book|name=Dune}} by [[Frank Herbert]]",
        "file": str(dump),
        "unreadable": None,
    }


def test_an_error_of_a_task_names_file_and_byte(sql: SparkSession, tmp_path: Path) -> None:
    dump = tmp_path / "dump.xml.bz2"
    data = multistream(PAGES)
    dump.write_bytes(data[:-30])
    with pytest.raises(PySparkException, match=f"DumpError: {re.escape(str(dump))}: is cut off at byte {len(data) - 30}"):
        load(sql, dump, 1000).collect()


@pytest.mark.parametrize("name", REAL)
def test_spark_reads_a_real_dump_as_an_xml_parser_does(sql: SparkSession, name: str, shared_data: Path) -> None:
    path = shared_data / "data" / name
    expected = list(pages_by_lxml(path))
    moment = F.unix_timestamp("revision_timestamp").alias("revision_timestamp")
    columns = ["page_id", "namespace", "title", "redirect_target", "revision_id", moment, "wikitext"]
    rows = load(sql, path, 600_000).where("unreadable is null").select(*columns).collect()
    assert len(rows) == len(expected) == {"enwiki-slice.xml.bz2": 206, "ltgwiki-complete.xml.bz2": 2004}[name]
    for row, other in zip(rows, expected, strict=True):
        assert row.asDict() == {**other, "revision_timestamp": int(other["revision_timestamp"].timestamp())}


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("packing", ["as it is", "pbzip2", "plain"])
def test_a_real_dump_page_by_page(name: str, packing: str, shared_data: Path, tmp_path: Path) -> None:
    """In order, and in ranges whose bounds fall into the middle of pages."""
    original = shared_data / "data" / name
    expected = list(pages_by_lxml(original))
    path = original
    if packing != "as it is":
        path = tmp_path / "dump"
        data = bz2.decompress(original.read_bytes())
        parts = (bz2.compress(data[at : at + 300_000], 3) for at in range(0, len(data), 300_000))
        path.write_bytes(data if packing == "plain" else b"".join(parts))
    rows = read(path, infoboxes=INFOBOXES, partitionBytes=100_000)
    assert only(rows, expected[0]) == expected
    assert {row["unreadable"] for row in rows} == {None}
    books = sum(row["wikitext"] is not None for row in rows)
    assert books == (3 if name.startswith("enwiki") else 0)


def test_redirects_are_read_by_the_rules_of_the_wiki(tmp_path: Path) -> None:
    dump = tmp_path / "dump.xml.bz2"
    targets = ["Dune", "Category:Novels", "Image:A.jpg", "fr:Dune", "Rubrik:Romane"]
    dump.write_bytes(multistream([page(f"R{i}", i, redirect=target) for i, target in enumerate(targets, 1)]))
    rows = read(dump, aliases={"14": ["Rubrik"]})
    assert [(row["redirect_target"], row["redirect_namespace"]) for row in rows] == [
        ("Dune", 0),
        ("Category:Novels", 14),
        ("File:A.jpg", 6),
        ("fr:Dune", None),
        ("Category:Romane", 14),
    ]


def test_an_unreadable_page_is_a_row_with_its_reason(tmp_path: Path) -> None:
    dump = tmp_path / "dump.xml.bz2"
    dump.write_bytes(multistream([page("A", 1), page("B", 2).replace("<id>2</id>", ""), page("C", 3)]))
    rows = read(dump)
    assert [row["page_id"] for row in rows] == [1, None, 3]
    assert rows[1] == {**dict.fromkeys(source.ARROW.names), "file": str(dump), "unreadable": "no title, namespace or id"}


def test_several_files(tmp_path: Path) -> None:
    for number in (2, 1):
        pages = [page(f"P{i}", i) for i in range(number * 10, number * 10 + 5)]
        (tmp_path / f"w-pages{number}.xml.bz2").write_bytes(multistream(pages))
    rows = read(tmp_path, partitionBytes=100)
    assert [row["page_id"] for row in rows] == [*range(10, 15), *range(20, 25)]
    assert [Path(row["file"]).name for row in rows] == ["w-pages1.xml.bz2"] * 5 + ["w-pages2.xml.bz2"] * 5


@pytest.mark.parametrize(("rows", "size", "batches"), [(3, 1 << 20, [3, 3, 2]), (1 << 20, 10, [1, 7]), (1, 1, [1] * 8)])
def test_batches_are_bounded_in_rows_and_bytes(
    rows: int, size: int, batches: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "ROWS_PER_BATCH", rows)
    monkeypatch.setattr(source, "BYTES_PER_BATCH", size)
    dump = tmp_path / "dump.xml"
    dump.write_bytes(WHOLE)
    reader = WikiDumpSource({"path": str(dump), "infoboxes": '["Infobox book"]'}).reader(WikiDumpSource({}).schema())
    (partition,) = reader.partitions()
    found = list(reader.read(partition))
    assert all(isinstance(batch, pa.RecordBatch) and batch.schema == source.ARROW for batch in found)
    assert [batch.num_rows for batch in found] == batches
    assert sum(batches) == len(EXPECTED)


def test_no_infobox_is_wanted_by_default(tmp_path: Path) -> None:
    dump = tmp_path / "dump.xml"
    dump.write_bytes(WHOLE.replace(b"{{Infobox book|", b"{{}} {{Infobox book|"))
    assert {row["wikitext"] for row in read(dump)} == {None}


def test_a_path_is_needed() -> None:
    with pytest.raises(DumpError, match="needs a path"):
        WikiDumpSource({}).reader(WikiDumpSource({}).schema())


@pytest.mark.parametrize("content", [b"", b"7z\xbc\xaf", b"<html></html>", WHOLE.replace(b"siteinfo", b"info")])
def test_what_is_no_dump_is_refused_before_any_task(content: bytes, tmp_path: Path) -> None:
    dump = tmp_path / "dump.xml.bz2"
    dump.write_bytes(content)
    with pytest.raises(DumpError, match=f"^{re.escape(str(dump))}: "):
        read(dump)
