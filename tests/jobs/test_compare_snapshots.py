"""compare_snapshots and publish on tables written by hand: what a snapshot comes to of which no book stood in the one before."""

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from embedding.errors import GateError
from embedding.manifest import Snapshot
from embedding.runs import run_steps
from embedding.settings_files import load_settings
from embedding.tables import TABLES
from embedding.warehouse import Warehouse, write_table
from jobs import compare_snapshots, publish
from jobs.pipeline import STEPS
from tests.conftest import BorrowedSession

MAY, JUNE = Snapshot("testwiki", "20240501"), Snapshot("testwiki", "20240601")


def _write(warehouse: Warehouse, snapshot: Snapshot, pages: list[int]) -> None:
    """All tables of a snapshot but those of the two steps: books that are each other's neighbours, and nothing else."""
    count, titles = len(pages), [f"Book {page}" for page in pages]
    near = [(a, b) for a in pages for b in pages if a != b]
    filled: dict[str, dict[str, list[Any]]] = {
        "books": dict.fromkeys(TABLES["books"].columns.names, [None] * count) | {"page_id": pages, "title": titles},
        "paired_books": {"book_id": list(range(count)), "page_id": pages, "title": titles, "links": [1] * count},
        "book_vectors": {"book_id": list(range(count)), "page_id": pages, "title": titles, "vector": [[1.0, 0.0]] * count},
        "neighbours": {
            "page_id": [a for a, _ in near], "title": [f"Book {a}" for a, _ in near],
            "rank": list(range(1, count)) * count, "neighbour_page_id": [b for _, b in near],
            "neighbour_title": [f"Book {b}" for _, b in near], "similarity": [0.5] * len(near), "shared_links": [["x"]] * len(near),
        },
    }  # fmt: skip
    for step in STEPS:
        tables = [table for table in step.writes if table in TABLES]
        if step in (compare_snapshots.STEP, publish.STEP):
            continue
        with warehouse.write(step.name, tables, snapshot, {}, {}) as staged:
            for table in tables:
                columns = filled.get(table, {name: [] for name in TABLES[table].columns.names})
                write_table(table, columns, staged[table].folder)


def test_a_snapshot_that_shares_no_book_with_the_one_before_is_not_published(spark: SparkSession, tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    _write(warehouse, MAY, [1, 2, 3])
    warehouse.publish(MAY, {})
    _write(warehouse, JUNE, [11, 12, 13])
    settings = load_settings([], [f"warehouse={tmp_path}", "wiki=testwiki", "snapshot=20240601", "publish.min_books=1"])
    with pytest.raises(GateError) as refused:
        run_steps([compare_snapshots.STEP, publish.STEP], settings, BorrowedSession(spark))
    missed = "overlap of the neighbours with the snapshot before is 0 (k = 2, 0 books of both 20240601 and 20240501)"
    assert f"{missed}, and publish.min_overlap asks for 0.3; the _latest views show {MAY}" in str(refused.value)
    assert warehouse.latest() == [MAY]
