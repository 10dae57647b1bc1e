"""What the report tells, read from a warehouse."""

from pathlib import Path

import pytest

from embedding.atlas.report.contents import Report
from embedding.atlas.report.read import flat, read_report
from embedding.manifest import Snapshot
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse
from tests.atlas.mapped import HOSTILE, LIBRARY, SNAPSHOT, Book, write_mapped
from tests.atlas.report.reported import BEFORE, GATES, pages, write_reported


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return _read(write_reported(tmp_path_factory.mktemp("reported")))


def _read(warehouse: Warehouse, snapshot: Snapshot = SNAPSHOT) -> Report:
    return read_report(warehouse, open_duckdb(warehouse), snapshot)


def test_rows_are_counted_with_what_was_dropped_and_what_there_was_before(report: Report) -> None:
    tables = {one.name: one for one in report.tables}
    assert (tables["pages"].rows_in, tables["pages"].rows_out) == (42, 0)
    assert tables["pages"].dropped == {"namespace": 40, "<i>damaged": 2}
    assert tables["pages"].before is None
    assert (tables["book_map"].rows_out, tables["book_map"].before) == (len(HOSTILE) + len(LIBRARY), len(LIBRARY))
    assert "metrics/evaluate" in tables


def test_figures_stand_beside_those_of_the_snapshot_it_was_compared_with(report: Report) -> None:
    assert report.before == BEFORE.date
    auc, kept = report.figure("auc"), report.figure("overlap_at_k_neighbours")
    assert auc
    assert kept
    assert (auc.value, auc.before, auc.step) == (0.9, 0.8, "evaluate")
    assert (kept.value, kept.before) == (0.25, None)
    assert report.gates == GATES
    assert report.state == "refused"
    assert [epoch for epoch, _ in report.epochs["train_loss"]] == [1, 2, 3]
    assert report.figure("train_loss") is None


def test_only_settings_that_differ_from_the_defaults_are_told(report: Report) -> None:
    assert [(one.key, one.value) for one in report.settings] == [("seed", 5), ("train.epochs", 77)]
    assert report.settings[1].default not in (None, 77)
    assert list(report.versions)[:2] == ["bookspace", "python"]


def test_known_books_are_the_most_linked_ones_with_their_first_neighbours(tmp_path: Path) -> None:
    near = [(other, 1 - other / 20, [f"link {n}" for n in range(9)]) for other in range(1, 9)]
    warehouse = write_mapped(tmp_path, [Book("A", linked=1, near=near), *(Book(f"B{n}", linked=n, near=near[:1]) for n in range(12))])
    known = _read(warehouse).books
    assert [book.title for book in known] == [f"B{n}" for n in range(11, 1, -1)]
    warehouse = write_mapped(tmp_path / "few", [Book("A", linked=1, near=near[:1]), Book("No neighbour", linked=9)])
    (only,) = _read(warehouse).books
    assert (only.title, only.linked, [one.title for one in only.near]) == ("A", 1, ["No neighbour"])
    assert (only.author, only.year) == (None, None)
    assert only.near[0].shared == ["link 0", "link 1", "link 2", "link 3"]


def test_author_and_year_come_with_a_known_book(tmp_path: Path) -> None:
    first = _read(write_mapped(tmp_path, LIBRARY)).books[0]
    assert (first.title, first.author, first.year, first.linked) == ("War and Peace", "Leo Tolstoy", 1869, 9)


def test_changes_count_neighbours_by_kind_and_name_the_most_changed_books(report: Report) -> None:
    assert report.changes
    assert report.changes.before == BEFORE.date
    assert report.changes.counts == {"entered": 2, "left": 1, "moved": 1}
    assert report.changes.books == 2
    assert report.changes.most == [(HOSTILE[0], 1, 1), (HOSTILE[1], 1, 0)]


def test_steps_stand_once_with_their_seconds(report: Report) -> None:
    names = [one.name for one in report.steps]
    assert sorted(names) == sorted({"test", "evaluate", "train_embedding", "compare_snapshots", "read_dump"})
    assert all(one.seconds is not None for one in report.steps)


def test_a_snapshot_of_which_little_is_there_is_read_too(tmp_path: Path) -> None:
    pages(warehouse := Warehouse(tmp_path), SNAPSHOT, {}, {})
    report = _read(warehouse)
    assert [one.name for one in report.tables] == ["pages"]
    assert (report.state, report.before, report.changes) == ("not published", None, None)
    assert [report.books, report.figures, report.gates, report.epochs, report.settings] == [[], [], [], {}, []]


def test_nested_settings_have_whole_keys_and_empty_sections_stay() -> None:
    assert flat({"a": 1, "b": {"c": {"d": [2]}, "e": {}}}) == {"a": 1, "b.c.d": [2], "b.e": {}}
