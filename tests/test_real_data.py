"""Real pages of Wikipedia, where they are to hand: no book and no link is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from embedding.manifest import Snapshot
from embedding.runs import run_steps
from embedding.settings_files import load_settings
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse
from embedding.wiki.dump import look_at, read_header
from embedding.wiki.site import Site, Title
from jobs.pipeline import STEPS
from tests.conftest import BorrowedSession

BOOKS = 1_413


@pytest.fixture(scope="module")
def dump(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A multistream dump of the 1,413 real books, and the truth on their links beside it."""
    folder = tmp_path_factory.mktemp("real")
    file = folder / "enwiki-20180901-pages-articles-multistream.xml.bz2"
    maker = shared_data / "tools" / "make_dump.py"
    subprocess.run([sys.executable, maker, file, "--truth", folder / "truth.ndjson"], check=True, capture_output=True)
    return file


@pytest.fixture(scope="module")
def warehouse(spark: SparkSession, dump: Path) -> Warehouse:
    """The tables up to the pairs, with every link in the vocabulary."""
    root = dump.parent / "warehouse"
    settings = load_settings(["enwiki.yaml"], [f"dump={dump}", f"warehouse={root}", "pairs.min_books=1", "pairs.stop_links=[]"])
    run_steps(STEPS[:3], settings, BorrowedSession(spark))
    return Warehouse(root)


def test_every_real_book_is_there_with_all_its_links(warehouse: Warehouse, dump: Path) -> None:
    site = Site.from_header(read_header(look_at(str(dump))), str(dump))
    truth = {}
    for line in (dump.parent / "truth.ndjson").read_text(encoding="utf-8").splitlines():
        book = json.loads(line)
        titles = [site.parse(link) for link in book["links"]]
        # The truth writes a few categories as a careless editor does ("Category: novels"); MediaWiki's rules make one page of them.
        truth[book["page_id"]] = (book["title"], {title.text for title in titles if isinstance(title, Title)})
        assert all(isinstance(title, Title) for title in titles), book["title"]
    query = (
        "SELECT p.page_id, p.title, list(l.title) FROM pairs JOIN paired_books p USING (book_id) JOIN links l USING (link_id) GROUP BY ALL"
    )
    rows = open_duckdb(warehouse).execute(query).fetchall()
    found = {page_id: (title, set(links)) for page_id, title, links in rows}
    assert len(truth) == BOOKS
    assert found == truth


def test_books_and_pages_are_conserved(warehouse: Warehouse) -> None:
    snapshot = Snapshot("enwiki", "20180901")
    books, pages = (warehouse.manifest(table, snapshot) for table in ("books", "pages"))
    assert (books.rows_in, books.rows_out) == (BOOKS, BOOKS)
    assert pages.rows_in == pages.facts["articles"] + pages.facts["redirects"] == pages.rows_out
