"""The demo: the built-in sample through every step."""

import pytest
from pyspark.sql import SparkSession

from embedding.query import similar
from embedding.runs import run_steps
from embedding.settings_files import load_settings
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse
from jobs.pipeline import STEPS
from tests.conftest import BorrowedSession


@pytest.fixture(scope="module")
def warehouse(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    root = tmp_path_factory.mktemp("sample")
    run_steps(STEPS, load_settings(["sample.yaml"], [f"warehouse={root}"]), BorrowedSession(spark))
    return Warehouse(root)


def test_anna_karenina_is_near_war_and_peace(warehouse: Warehouse) -> None:
    near = similar(open_duckdb(warehouse), "war and peace")
    assert "Anna Karenina" in [one.title for one in near.neighbours[:5]]


def test_series_and_authors_hold_together(warehouse: Warehouse) -> None:
    """Not one lucky pair: of all books that belong to a series or share an author, most have one of their own among the first five."""
    connection = open_duckdb(warehouse)
    rows = connection.execute(
        "SELECT b.title, bool_or(n.author = b.author) AS found FROM books_latest b "
        "JOIN neighbours_latest x USING (page_id) JOIN books_latest n ON n.page_id = x.neighbour_page_id "
        "WHERE x.rank <= 5 AND b.author IN (SELECT author FROM books_latest GROUP BY author HAVING count(*) >= 3) GROUP BY b.title"
    ).fetchall()
    assert len(rows) > 50
    assert sum(found for _, found in rows) / len(rows) > 0.8


def test_links_have_neighbours_too(warehouse: Warehouse) -> None:
    near = similar(open_duckdb(warehouse), "Saint Petersburg", kind="link")
    assert {"Moscow", "Russian Empire", "Russian nobility", "Russia"} & {one.title for one in near.neighbours}


def test_an_author_is_written_alike_in_all_books(warehouse: Warehouse) -> None:
    """A link may begin with a small letter, which what it shows does not."""
    rows = open_duckdb(warehouse).execute("SELECT DISTINCT author FROM books_latest WHERE lower(author) LIKE '%tolstoy%'").fetchall()
    assert ("Leo Tolstoy",) in rows
    assert not [author for (author,) in rows if author[0].islower()]
