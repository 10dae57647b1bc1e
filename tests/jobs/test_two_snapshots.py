"""From month to month: what has not changed is taken over, what has is told, and a bad snapshot is not shown."""

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from embedding.errors import GateError
from embedding.manifest import Snapshot
from embedding.runs import run_steps
from embedding.settings_files import load_settings
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse
from jobs import publish
from tests.conftest import page
from tests.jobs.running import run
from tests.planted import planted_pages, write_planted

MAY, JUNE, JULY = (Snapshot("testwiki", day) for day in ("20240501", "20240601", "20240701"))
CHANGED = {f"Book {cluster} {book}" for cluster in range(4) for book in (1, 2)}
DELETED, RENAMED, ADDED = "Book 0 5", "Book 1 5", "Book 2 99"


def _is_book(text: str) -> bool:
    return "<title>Book " in text


def _june() -> list[str]:
    """The planted pages a month later: books were edited, added, deleted, renamed; links and redirects are as they were."""
    pages = []
    for text in planted_pages():
        title = re.search("<title>(.*)</title>", text)
        assert title
        if title[1] == DELETED:
            continue
        if title[1] in CHANGED:
            number = re.search(r"<revision>\s*<id>(\d+)</id>", text)
            assert number
            text = text.replace(f"<id>{number[1]}</id>", f"<id>{number[1]}1</id>").replace("| genre = Novel", "| genre = Essay")
            text = text.replace("[[Topic_", "[[Topic 3 1]] [[Topic_", 1)
        if title[1] == RENAMED:
            text = text.replace(RENAMED, f"{RENAMED} (novel)")
        pages.append(text)
    links = " ".join(f"[[Topic 2 {number}]]" for number in range(11))
    pages.append(page(ADDED, 9_500, f"{{{{Infobox book\n| author = [[Author 2]]}}}}\n{links}"))
    return pages


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("months")


@pytest.fixture(scope="module")
def warehouse(spark: SparkSession, folder: Path) -> Warehouse:
    """May and June, both published."""
    run(spark, folder, write_planted(folder), "publish.min_overlap=0", day=MAY.date)
    return run(spark, folder, write_planted(folder, _june()), "publish.min_overlap=0", day=JUNE.date)


def _rows(warehouse: Warehouse, query: str) -> list[tuple[Any, ...]]:
    with open_duckdb(warehouse) as connection:
        return connection.execute(query).fetchall()


def test_unchanged_pages_are_not_parsed_again(warehouse: Warehouse) -> None:
    made = warehouse.manifest("books", JUNE)
    books = sum(map(_is_book, _june()))
    assert made.facts["parsed"] == len(CHANGED) + 2, "those that were edited, the new one, and the one that was renamed"
    assert made.facts["taken_over"] == books - len(CHANGED) - 2
    assert (made.before, list(made.inputs_before)) == (MAY.date, ["books"])
    assert warehouse.manifest("books", MAY).facts["taken_over"] == 0


def test_the_books_are_those_of_a_full_parse(spark: SparkSession, warehouse: Warehouse, tmp_path: Path) -> None:
    alone = run(spark, tmp_path, write_planted(tmp_path, _june()), steps=2, day=JUNE.date)
    assert alone.manifest("books", JUNE).facts["taken_over"] == 0
    query = f"SELECT * FROM books WHERE snapshot = '{JUNE.date}' ORDER BY page_id"
    assert _rows(alone, query) == _rows(warehouse, query)
    counted = [table.manifest("books", JUNE).facts for table in (alone, warehouse)]
    for name in ("links", "mentions", "dropped_mentions"):
        assert counted[0][name] == counted[1][name]


@pytest.mark.parametrize("override", ["books.fields.genre=[genre]", "books.reuse=false"])
def test_other_settings_parse_everything_again(spark: SparkSession, warehouse: Warehouse, folder: Path, override: str) -> None:
    found = run(spark, folder, write_planted(folder, _june()), override, steps=2, day="20240615")
    assert found.manifest("books", Snapshot("testwiki", "20240615")).facts["taken_over"] == 0


def test_changes_of_neighbours_are_listed(warehouse: Warehouse) -> None:
    def neighbours(snapshot: Snapshot) -> dict[int, dict[int, tuple[int, float]]]:
        found: dict[int, dict[int, tuple[int, float]]] = {}
        query = f"SELECT page_id, neighbour_page_id, rank, similarity FROM neighbours WHERE snapshot = '{snapshot.date}'"
        for page_id, near, rank, similarity in _rows(warehouse, query):
            found.setdefault(page_id, {})[near] = (rank, similarity)
        return found

    old, new = neighbours(MAY), neighbours(JUNE)
    wanted, kept = [], []
    for page_id in old.keys() & new.keys():
        kept.append(len(old[page_id].keys() & new[page_id].keys()) / 5)
        for near in old[page_id].keys() | new[page_id].keys():
            was, is_now = old[page_id].get(near, (None, None)), new[page_id].get(near, (None, None))
            change = "entered" if was[0] is None else "left" if is_now[0] is None else "moved"
            if was[0] != is_now[0]:
                wanted.append((page_id, near, change, was[0], is_now[0], was[1], is_now[1], MAY.date))
    query = (
        "SELECT page_id, neighbour_page_id, change, rank_before, rank_after, similarity_before, similarity_after, snapshot_before "
        f"FROM neighbour_changes WHERE snapshot = '{JUNE.date}'"
    )
    assert {row[2] for row in wanted} == {"entered", "left", "moved"}
    assert sorted(_rows(warehouse, query), key=repr) == sorted(wanted, key=repr)
    titles = dict(_rows(warehouse, "SELECT DISTINCT page_id, title FROM neighbour_changes"))
    assert f"{RENAMED} (novel)" in titles.values()
    assert warehouse.manifest("neighbour_changes", MAY).rows_out == 0
    (overlap,) = _rows(warehouse, f"SELECT value FROM metrics WHERE metric = 'overlap_at_k_neighbours' AND snapshot = '{JUNE.date}'")
    assert overlap[0] == pytest.approx(np.mean(kept))


def test_the_gates_are_kept_with_their_figures(warehouse: Warehouse) -> None:
    marks = warehouse.publication.marks()
    assert [gate["setting"] for gate in marks[MAY].gates] == ["min_books", "min_auc", "min_recall", "max_without_neighbours"]
    june = {gate["setting"]: gate for gate in marks[JUNE].gates}
    assert set(june) == {*(gate["setting"] for gate in marks[MAY].gates), "min_books_share", "min_overlap"}
    assert june["min_books_share"]["value"] == 1, "one came, one went"
    assert june["min_books_share"]["measured_on"] == "56 books, 56 in 20240501"
    assert all(gate["holds"] for gate in june.values())


def test_a_bad_snapshot_leaves_the_old_one_in_view(
    spark: SparkSession, warehouse: Warehouse, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    less = [text for text in _june() if not re.search(r"<title>Book \d [6789]<", text)]
    with caplog.at_level(logging.INFO, "bookspace"), pytest.raises(GateError) as refused:
        run(spark, folder, write_planted(folder, less), "publish.min_overlap=0", day=JULY.date)
    missed = (
        "books with neighbours, as a share of the snapshot before is 0.7143 (40 books, 56 in 20240601), "
        "and publish.min_books_share asks for 0.9"
    )
    assert str(refused.value) == f"snapshot {JULY} is not published: {missed}; the _latest views show {JUNE}"
    assert warehouse.latest() == [JUNE]
    assert {day for (day,) in _rows(warehouse, "SELECT DISTINCT snapshot FROM neighbours_latest")} == {JUNE.date}
    mark = warehouse.publication.marks()[JULY]
    assert mark.state == "refused"
    assert [gate["setting"] for gate in mark.gates if not gate["holds"]] == ["min_books_share"]
    assert f"publish: {missed}" in caplog.messages
    overrides = [f"warehouse={warehouse.root}", f"snapshot={JULY.date}", "publish.min_books_share=0.5", "publish.min_overlap=0"]
    settings = load_settings([folder / "test.yaml"], overrides)
    run_steps([publish.STEP], settings)
    assert warehouse.latest() == [JULY], "a bound that was chosen on purpose"
