"""From a dump to neighbours, as a user runs it: the command, and each job alone under spark-submit, must give the same tables."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pytest

from embedding.manifest import Snapshot
from embedding.sql import open_duckdb
from embedding.tables import TABLES
from embedding.warehouse import Warehouse
from jobs.pipeline import STEPS
from tests.planted import BOOKS, CLUSTERS, SETTINGS, cluster_of, write_planted

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
SNAPSHOT = Snapshot("testwiki", "20240501")


def _call(command: Sequence[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, cwd=cwd, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the dump and its settings lie."""
    folder = tmp_path_factory.mktemp("planted")
    write_planted(folder)
    (folder / "planted.yaml").write_text(SETTINGS)
    return folder


@pytest.fixture(scope="module")
def options(folder: Path) -> list[str]:
    return ["--conf", str(folder / "planted.yaml"), "--dump", str(folder / "testwiki-20240501-pages-articles-multistream.xml.bz2")]


@pytest.fixture(scope="module")
def run(folder: Path, options: list[str]) -> subprocess.CompletedProcess[str]:
    """`bookspace run` in a folder of its own."""
    return _call([BIN / "bookspace", "run", *options, "--warehouse", "one", "--show", "book 2 3"], folder)


@pytest.fixture(scope="module")
def warehouse(folder: Path, run: subprocess.CompletedProcess[str]) -> Warehouse:
    return Warehouse(folder / "one")


@pytest.fixture(scope="module")
def sql(warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_duckdb(warehouse) as connection:
        yield connection


def test_neighbours_recover_the_planted_clusters(sql: duckdb.DuckDBPyConnection) -> None:
    rows = sql.execute("SELECT title, neighbour_title FROM neighbours_latest").fetchall()
    assert len(rows) == CLUSTERS * BOOKS * 5
    assert sum(cluster_of(title) == cluster_of(near) for title, near in rows) / len(rows) > 0.95
    links = sql.execute(
        "SELECT title, neighbour_title FROM link_neighbours_latest WHERE title LIKE 'Topic%' AND neighbour_title LIKE 'Topic%'"
    ).fetchall()
    assert sum(cluster_of(title) == cluster_of(near) for title, near in links) / len(links) > 0.9


def test_neighbours_keep_their_contract(sql: duckdb.DuckDBPyConnection) -> None:
    assert sql.execute(
        "SELECT count(*) FROM neighbours WHERE page_id = neighbour_page_id OR similarity NOT BETWEEN -1 AND 1"
    ).fetchone() == (0,)
    assert sql.execute("SELECT DISTINCT list(rank ORDER BY rank) FROM neighbours GROUP BY page_id").fetchall() == [([1, 2, 3, 4, 5],)]
    before = "lag(similarity) OVER (PARTITION BY page_id ORDER BY rank)"
    assert sql.execute(f"SELECT count(*) FROM (SELECT similarity > {before} AS up FROM neighbours) WHERE up").fetchone() == (0,)
    sql.execute(
        "CREATE TEMP TABLE links_of AS SELECT p.page_id, list(l.title) AS titles "
        "FROM pairs JOIN links l USING (link_id) JOIN paired_books p USING (book_id) GROUP BY ALL"
    )
    shared = sql.execute(
        "SELECT n.shared_links, list_intersect(one.titles, other.titles) FROM neighbours n "
        "JOIN links_of one ON one.page_id = n.page_id JOIN links_of other ON other.page_id = n.neighbour_page_id"
    ).fetchall()
    assert len(shared) == CLUSTERS * BOOKS * 5
    for some, every in shared:
        assert set(some) <= set(every)
        assert len(some) == min(5, len(every))


def test_redirects_lead_to_their_pages_and_what_is_no_page_is_dropped(sql: duckdb.DuckDBPyConnection) -> None:
    titles = {title for (title,) in sql.execute("SELECT title FROM links").fetchall()}
    assert not [title for title in titles if title.startswith(("Alias", "File", "De:"))]
    assert {"Author 0", "Category:Cluster 0", "Common 1", "Topic 0 0"} <= titles
    kinds = dict(sql.execute("SELECT kind, count(*) FROM links GROUP BY kind").fetchall())
    assert kinds["category"] == CLUSTERS


def test_every_dropped_row_is_counted(warehouse: Warehouse) -> None:
    pages = warehouse.manifest("pages", SNAPSHOT)
    assert pages.dropped == {"namespace": 1}
    assert pages.rows_in == pages.rows_out + 1
    books = warehouse.manifest("books", SNAPSHOT)
    assert (books.rows_in, books.rows_out) == (CLUSTERS * BOOKS, CLUSTERS * BOOKS)
    assert books.facts["dropped_mentions"] == {"file": CLUSTERS * BOOKS, "interwiki": CLUSTERS * BOOKS}
    for table in ("links", "pairs", "paired_books", "negatives"):
        made = warehouse.manifest(table, SNAPSHOT)
        assert made.rows_in == made.rows_out + sum(made.dropped.values())


def test_the_run_ends_with_neighbours_and_a_query_that_works(run: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert "Book 2 3 (testwiki 20240501)" in run.stdout
    query = next(line for line in run.stdout.splitlines() if line.strip().startswith("bookspace sql"))
    command = query.replace("bookspace", str(BIN / "bookspace"), 1).strip()
    answer = subprocess.run(command, shell=True, capture_output=True, text=True, check=True, cwd=folder)
    assert answer.stdout.count("Book 2 ") >= 4


def test_similar_and_status_and_sql(folder: Path, warehouse: Warehouse) -> None:
    command = BIN / "bookspace"
    assert "Book 1 " in _call([command, "similar", "BOOK 1 0", "--warehouse", "one", "-k", "3"], folder).stdout
    assert "Topic 3 " in _call([command, "similar", "--link", "topic 3 1", "--warehouse", "one"], folder).stdout
    status = _call([command, "status", "--warehouse", "one"], folder).stdout
    assert status.splitlines()[1].split()[:3] == ["testwiki", "20240501", "latest"]
    rows = _call([command, "sql", "SELECT count(*) AS n FROM books_latest", "--format", "json", "--warehouse", "one"], folder).stdout
    assert json.loads(rows) == {"n": CLUSTERS * BOOKS}
    with (folder / "out.csv").open("a") as out:  # what stands in the file already must stay
        out.write("before\n")
        out.flush()
        query = "SELECT title, year, genres FROM books_latest WHERE title = 'Book 0 0'"
        subprocess.run([command, "sql", query, "--format", "csv", "--warehouse", "one"], check=True, cwd=folder, stdout=out)
    assert (folder / "out.csv").read_text() == 'before\ntitle,year,genres\nBook 0 0,,"[""Novel""]"\n'
    failed = subprocess.run(
        [command, "similar", "Nothing like it", "--warehouse", "one"], capture_output=True, text=True, check=False, cwd=folder
    )
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert "near are: Book" in failed.stderr


def test_spark_sql_reads_the_same_tables(folder: Path, warehouse: Warehouse) -> None:
    query = "SELECT wiki, snapshot, count(*) AS n, min(rank) AS least FROM neighbours_latest GROUP BY wiki, snapshot"
    answers = [
        _call([BIN / "bookspace", "sql", query, "--engine", engine, "--format", "json", "--warehouse", "one"], folder).stdout
        for engine in ("duckdb", "spark")
    ]
    assert (
        json.loads(answers[0])
        == json.loads(answers[1])
        == {"wiki": "testwiki", "snapshot": "20240501", "n": CLUSTERS * BOOKS * 5, "least": 1}
    )


def test_each_job_alone_under_spark_submit_gives_the_same_tables(folder: Path, options: list[str], sql: duckdb.DuckDBPyConnection) -> None:
    """Also that a second run from the same input gives the same tables, with another number of partitions and cores."""
    for step in STEPS:
        spark = ["--conf", "spark.sql.shuffle.partitions=5", "--conf", "spark.sql.adaptive.coalescePartitions.enabled=false"]
        submit = [BIN / "spark-submit", "--master", "local[1]", *spark, ROOT / "jobs" / f"{step.name}.py", *options]
        _call([*submit, "--warehouse", "two", "--set", "read.partition_mb=0.002"], folder)
    files = [len(Warehouse(folder / name).files("pages", SNAPSHOT)) for name in ("one", "two")]
    assert files[0] < 3 < files[1]  # the dump was really read in another number of ranges
    other = open_duckdb(Warehouse(folder / "two"))
    compared = 0
    for table in TABLES:
        if table == "metrics":
            query = "SELECT * FROM metrics WHERE metric <> 'rows_per_second' ORDER BY ALL"
        else:
            query = f"SELECT * FROM {table} ORDER BY ALL"
        one, two = (connection.execute(query).fetchall() for connection in (sql, other))
        assert one == two, table
        compared += len(one)
    assert compared > 1000
