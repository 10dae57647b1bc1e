from pathlib import Path

import pyarrow.parquet as pq
import pytest

from embedding import task_files
from embedding.errors import DumpError, WarehouseError
from embedding.tables import TABLES
from embedding.task_files import FolderFiles
from embedding.wiki import reader
from embedding.wiki.accounts import RangeReport
from embedding.wiki.reader import RangeReader
from embedding.wiki.site import Site
from embedding.wiki.writer import write_range
from tests.conftest import HEADER, multistream, page
from tests.wiki.reading import PAGES, WHOLE, ranges_of

BOOKS = RangeReader(Site.from_header(HEADER.encode(), "dump"), ["Infobox book"], frozenset([0]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pages").mkdir()
    return tmp_path / "pages"


def test_the_file_holds_what_the_report_says(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "dump.xml").write_bytes(WHOLE)
    (span,) = ranges_of(tmp_path / "dump.xml")
    report = RangeReport(span.path, span.start, span.end)
    expected = [row for batch in BOOKS.read(span, report) for row in batch.to_pylist()]
    made = write_range(BOOKS, span, FolderFiles(folder))
    assert made.report == report
    assert made.file is not None
    assert [file.name for file in folder.iterdir()] == [made.file]
    table = pq.read_table(folder / made.file)
    assert table.schema == TABLES["pages"].columns
    assert table.to_pylist() == expected
    assert (report.kept, report.redirects, report.candidates) == (
        len(expected),
        sum(row["redirect_target"] is not None for row in expected),
        sum(row["wikitext"] is not None for row in expected),
    )
    assert 0 < report.candidates < report.kept > report.redirects > 0


def test_two_attempts_at_a_range_do_not_meet(tmp_path: Path, folder: Path) -> None:
    """Spark runs a task again when it failed, or beside a slow one: each has a file of its own."""
    (tmp_path / "dump.xml").write_bytes(WHOLE)
    (span,) = ranges_of(tmp_path / "dump.xml")
    first, second = (write_range(BOOKS, span, FolderFiles(folder)) for _ in range(2))
    assert first.report == second.report
    assert first.file
    assert second.file
    assert sorted(file.name for file in folder.iterdir()) == sorted([first.file, second.file])
    assert pq.read_table(folder / first.file) == pq.read_table(folder / second.file)


def test_a_range_of_which_no_page_is_kept_has_no_file(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "dump.xml.bz2").write_bytes(multistream([page("Talk:A", 1, namespace=1)]))
    (span,) = ranges_of(tmp_path / "dump.xml.bz2")
    made = write_range(BOOKS, span, FolderFiles(folder))
    assert (made.file, made.report.pages, made.report.kept) == (None, 1, 0)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("group_bytes", "rows"), [(1, [3, 3, 1]), (1 << 25, [7])])
def test_memory_is_bounded_by_row_groups(
    group_bytes: int, rows: list[int], tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "ROWS_PER_BATCH", 3)
    monkeypatch.setattr(task_files, "GROUP_BYTES", group_bytes)
    (tmp_path / "dump.xml").write_bytes(WHOLE)
    (span,) = ranges_of(tmp_path / "dump.xml")
    made = write_range(BOOKS, span, FolderFiles(folder))
    assert made.file
    footer = pq.read_metadata(folder / made.file)
    assert [footer.row_group(number).num_rows for number in range(footer.num_row_groups)] == rows
    assert {footer.row_group(0).column(number).compression for number in range(footer.num_columns)} == {"ZSTD"}


def test_a_range_that_cannot_be_read_is_an_error(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when part of it was written."""
    monkeypatch.setattr(reader, "ROWS_PER_BATCH", 3)
    monkeypatch.setattr(task_files, "GROUP_BYTES", 1)
    data = bytearray(multistream(PAGES, 2))
    data[len(data) - 150] ^= 0xFF
    (tmp_path / "dump.xml.bz2").write_bytes(data)
    (span,) = ranges_of(tmp_path / "dump.xml.bz2")
    with pytest.raises(DumpError, match="1 damaged places"):
        write_range(BOOKS, span, FolderFiles(folder))


@pytest.mark.parametrize("full", [True, False])
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, folder: Path, full: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dump.xml").write_bytes(WHOLE)
    (span,) = ranges_of(tmp_path / "dump.xml")
    if full:

        class Full(pq.ParquetWriter):  # type: ignore[misc]
            def __init__(self, where: Path, *args: object, **options: object) -> None:
                super().__init__("/dev/full", *args, **options)

        monkeypatch.setattr(pq, "ParquetWriter", Full)
    else:
        folder.rmdir()
    why = "No space left" if full else "No such file"
    with pytest.raises(WarehouseError, match=f"^{folder}: a task cannot write there: .*{why}") as raised:
        write_range(BOOKS, span, FolderFiles(folder))
    assert "\n" not in str(raised.value)
