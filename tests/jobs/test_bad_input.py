"""What goes wrong in a user's hands: one clear line, an exit code, and no half table."""

import bz2
import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from embedding.errors import BookspaceError
from embedding.runs import run_steps
from embedding.settings_files import load_settings
from embedding.warehouse import Warehouse
from jobs.pipeline import STEPS
from tests.conftest import FOOTER, HEADER, BorrowedSession, multistream, page
from tests.disks import mounted
from tests.jobs.running import failure
from tests.planted import SETTINGS, planted_pages, write_planted

BOOKSPACE = Path(sys.executable).parent / "bookspace"


def _tables(folder: Path) -> list[str]:
    """Folders of tables that are there, and anything that should not be left; the files of locks stay."""
    root = folder / "warehouse"
    return sorted({path.relative_to(root).parts[0] for path in root.rglob("*") if path.is_file()} - {"_locks"})


def test_a_file_that_is_no_dump(spark: SparkSession, tmp_path: Path) -> None:
    for name, content, words in (
        ("text.xml.bz2", b"hello", "is no Wikipedia dump (neither bzip2, gzip, zstd nor XML); give a pages-articles file"),
        ("html.xml", b"<html><body>404</body></html>", "is no Wikipedia dump (no <mediawiki> element at its start)"),
        ("cut.xml", HEADER.encode(), "is cut off: it ends before </mediawiki>"),
        ("packed.xml.bz2", bz2.compress(b"just text"), "is no Wikipedia dump"),
        ("packed.xml.gz", gzip.compress(b"<rss></rss>" * 9000), "is no Wikipedia dump"),
        ("empty.xml", b"", "is no Wikipedia dump (it is empty)"),
        ("7z.xml.7z", b"7z\xbc\xaf\x27\x1c" + b"\0" * 50, "packed with 7z, which is not read; take the same dump as bz2, or unpack it"),
    ):
        file = tmp_path / name
        file.write_bytes(content)
        assert failure(spark, tmp_path, file).startswith(f"{file}: {words}"), name
    assert _tables(tmp_path) == []


def test_no_file_at_all(spark: SparkSession, tmp_path: Path) -> None:
    assert "no such file" in failure(spark, tmp_path, tmp_path / "none.xml.bz2")
    (tmp_path / "empty").mkdir()
    assert "holds no dump file" in failure(spark, tmp_path, tmp_path / "empty")


@pytest.mark.parametrize("kept", [0.3, 0.95])
def test_a_dump_that_is_cut_off(spark: SparkSession, tmp_path: Path, kept: float) -> None:
    whole = multistream(planted_pages(), per_stream=10)
    file = tmp_path / "cut.xml.bz2"
    file.write_bytes(whole[: int(len(whole) * kept)])
    assert f"{file}: is cut off" in failure(spark, tmp_path, file)
    assert _tables(tmp_path) == []


def test_a_dump_that_is_cut_off_between_two_streams(spark: SparkSession, tmp_path: Path) -> None:
    file = tmp_path / "cut.xml.bz2"
    file.write_bytes(bz2.compress(HEADER.encode()) + bz2.compress(page("A", 1, "{{Infobox book}}").encode()))
    assert "before </mediawiki>" in failure(spark, tmp_path, file)
    assert _tables(tmp_path) == []


def test_a_dump_without_books(spark: SparkSession, tmp_path: Path) -> None:
    file = tmp_path / "plain.xml"
    file.write_text(HEADER + page("A", 1, "No box, but <nowiki>{{Infobox book}}</nowiki>.") + page("B", 2) + FOOTER)
    message = failure(spark, tmp_path, file)
    assert "holds no book: none of its 2 articles calls Infobox book" in message
    assert _tables(tmp_path) == ["pages"]


def test_books_without_common_links(spark: SparkSession, tmp_path: Path) -> None:
    file = tmp_path / "lonely.xml"
    file.write_text(HEADER + "".join(page(f"B{n}", n, f"{{{{Infobox book}}}} [[L{n}]]") for n in (1, 2, 3)) + FOOTER)
    assert "lower pairs.min_books" in failure(spark, tmp_path, file)
    assert _tables(tmp_path) == ["books", "pages"]


def test_a_dump_of_another_wiki(spark: SparkSession, tmp_path: Path) -> None:
    file = write_planted(tmp_path)
    assert "is a dump of testwiki, and the settings are for enwiki" in failure(spark, tmp_path, file, "wiki=enwiki")


def test_a_wiki_without_known_infoboxes(spark: SparkSession, tmp_path: Path) -> None:
    file = write_planted(tmp_path)
    message = failure(spark, tmp_path, file, "books.infoboxes=[]")
    assert "no infobox is known that makes a page of testwiki a book" in message
    assert "enwiki" in message


def test_one_dump_twice_in_a_folder(spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "dumps"
    folder.mkdir()
    for name in ("testwiki-20240501-pages.xml", "testwiki-20240601-pages.xml"):
        (folder / name).write_text(HEADER + page("A", 1, "{{Infobox book}} [[L]]") + FOOTER)
    assert "holds 1 books twice" in failure(spark, tmp_path, folder)
    assert _tables(tmp_path) == ["pages"]


def test_pages_read_for_other_infoboxes_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    file = tmp_path / "dump.xml"
    file.write_text(HEADER + page("A", 1, "{{Infobox book}} [[L]]") + FOOTER)
    failure(spark, tmp_path, file)
    more = load_settings(
        [tmp_path / "test.yaml"], [f"warehouse={tmp_path / 'warehouse'}", "snapshot=20240501", "books.infoboxes=[Infobox comic]"]
    )
    with pytest.raises(BookspaceError, match="run read_dump again with the settings of this step"):
        run_steps(STEPS[1:2], more, BorrowedSession(spark))


def test_a_gate_that_is_missed_keeps_the_snapshot_out_of_view(spark: SparkSession, tmp_path: Path) -> None:
    file = write_planted(tmp_path)
    message = failure(spark, tmp_path, file, "publish.min_books=1000", "train.epochs=1", "neighbours.min_recall=0")
    assert "books with neighbours is 56, and publish.min_books asks for 1,000" in message
    assert Warehouse(tmp_path / "warehouse").published() == []
    assert "neighbours" in _tables(tmp_path)


def _command(folder: Path, warehouse: Path) -> subprocess.CompletedProcess[str]:
    (folder / "test.yaml").write_text(SETTINGS)
    dump = write_planted(folder)
    command = [BOOKSPACE, "run", "--conf", folder / "test.yaml", "--dump", dump, "--warehouse", warehouse]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, cwd=folder)


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("bookspace: ")]
    assert len(lines) == 1
    assert "Traceback" not in done.stderr
    return lines[0]


def test_a_read_only_warehouse(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "ro,size=1m") as disk:
        assert f"{disk / 'w'}: cannot be written" in _complaint(_command(tmp_path, disk / "w"))


def test_a_disk_too_small_for_the_sample(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=64k") as disk:
        done = subprocess.run(
            [BOOKSPACE, "run", "--conf", "sample.yaml", "--warehouse", disk / "w"],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert "cannot be written by the sample: No space left on device" in _complaint(done)
        assert [path for path in disk.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("size", ["8k", "140k"])
def test_a_full_warehouse(tmp_path: Path, size: str) -> None:
    """The disk runs full in whichever step comes first to need more than there is."""
    with mounted(tmp_path / "disk", f"size={size}") as disk:
        complaint = _complaint(_command(tmp_path, disk / "w"))
        assert "No space left on device" in complaint or "cannot be written" in complaint
        warehouse = Warehouse(disk / "w")
        assert not list((disk / "w" / "_staging").glob("*"))
        for snapshot in warehouse.snapshots():
            for table in ("pages", "books", "links", "pairs", "paired_books", "negatives", "book_vectors"):
                if warehouse.folder(table, snapshot).exists():
                    assert warehouse.manifest(table, snapshot).rows_out > 0


def test_an_unknown_setting_costs_no_work(tmp_path: Path) -> None:
    done = subprocess.run(
        [BOOKSPACE, "run", "--conf", "sample.yaml", "--set", "train.epoch=3"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert done.stderr.startswith("bookspace: --set: train.epoch: unknown key; did you mean train.epochs?")
    assert list(tmp_path.iterdir()) == []
