"""A warehouse in miniature with two snapshots, as the report reads it: metrics, gates, drops, changes; without a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedding.manifest import Snapshot
from embedding.warehouse import Warehouse, write_table
from tests.atlas.mapped import HOSTILE, LIBRARY, SNAPSHOT, Book, write_mapped

BEFORE = Snapshot("enwiki", "20251201")
# Each hostile title is also an author, a genre and a shared link; the first are the most linked books.
BOOKS = [*(Book(title, title, [title], title, title, 1990, 99, [(0, 0.1, [title, HOSTILE[0]])]) for title in HOSTILE), *LIBRARY]
GATES = [
    {"setting": "min_auc", "name": "held-out AUC", "bound": 0.6, "side": "least", "value": 0.9, "measured_on": "test", "holds": True},
    {"setting": "max_without_neighbours", "name": "share without", "bound": 0.2, "side": "most", "value": 0.5, "measured_on": "x",
     "holds": False},
    {"setting": "min_overlap", "name": "overlap", "bound": 0.3, "side": "least", "value": None, "measured_on": "", "holds": None},
]  # fmt: skip


def metrics(
    warehouse: Warehouse,
    step: str,
    figures: Sequence[tuple[str, float, str, int | None]],
    snapshot: Snapshot,
    before: Snapshot | None = None,
) -> None:
    """Write a step's part of the table metrics; `before`: the snapshot with which it compared."""
    inputs_before = {"neighbours": warehouse.manifest("neighbours", before)} if before else {}
    with warehouse.write(step, ["metrics"], snapshot, {}, {}, inputs_before) as staged:
        columns = {name: [figure[i] for figure in figures] for i, name in enumerate(("metric", "value", "measured_on", "epoch"))}
        write_table("metrics", columns, staged["metrics"].folder)


def pages(warehouse: Warehouse, snapshot: Snapshot, dropped: Mapping[str, int], settings: Mapping[str, Any]) -> None:
    """Write an empty table pages of which rows were dropped."""
    with warehouse.write("read_dump", ["pages"], snapshot, {}, settings) as staged:
        staged["pages"].rows_in, staged["pages"].dropped = sum(dropped.values()), dict(dropped)


def write_reported(folder: Path, books: Sequence[Book] = BOOKS) -> Warehouse:
    """Two snapshots; the newer is refused by a gate, and was compared with the older, which is in view."""
    write_mapped(folder, LIBRARY, BEFORE)
    warehouse = write_mapped(folder, books, publish=False)
    metrics(warehouse, "evaluate", [("auc", 0.8, "old", None)], BEFORE)
    metrics(warehouse, "evaluate", [("auc", 0.9, "371 pairs <b>", None)], SNAPSHOT)
    epochs = [(name, value / epoch, "valid", epoch) for name, value in (("train_loss", 0.7), ("valid_auc", 0.9)) for epoch in (1, 2, 3)]
    metrics(warehouse, "train_embedding", epochs, SNAPSHOT)
    metrics(warehouse, "compare_snapshots", [("overlap_at_k_neighbours", 0.25, "k = 10", None)], SNAPSHOT, BEFORE)
    pages(
        warehouse, SNAPSHOT, {"namespace": 40, "<i>damaged": 2}, {"seed": 5, "train": {"epochs": 77}, "files": {"x": 1}, "wiki": "enwiki"}
    )
    changes = [(1, "entered", 2), (1, "left", 3), (1, "moved", 4), (2, "entered", 1)]
    with warehouse.write("compare_snapshots", ["neighbour_changes"], SNAPSHOT, {}, {}) as staged:
        write_table("neighbour_changes", {
            "page_id": [page for page, _, _ in changes], "title": [books[page - 1].title for page, _, _ in changes],
            "change": [change for _, change, _ in changes], "neighbour_page_id": [other for _, _, other in changes],
            "neighbour_title": [books[other - 1].title for _, _, other in changes], "rank_before": [None] * 4, "rank_after": [None] * 4,
            "similarity_before": [None] * 4, "similarity_after": [None] * 4, "snapshot_before": [BEFORE.date] * 4,
        }, staged["neighbour_changes"].folder)  # fmt: skip
    warehouse.publication.refuse(SNAPSHOT, {}, GATES)
    return warehouse
