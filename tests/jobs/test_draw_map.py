"""The step draw_map, on tables written by hand: no Spark."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from embedding.errors import EnvironmentProblem
from embedding.manifest import Manifest, Snapshot
from embedding.runs import run_steps
from embedding.settings_files import load_settings
from embedding.tables import TABLES
from embedding.warehouse import Warehouse, write_table
from jobs import draw_map
from tests.atlas.test_layout import clusters

FIRST, SECOND = Snapshot("testwiki", "20240501"), Snapshot("testwiki", "20240601")


def write_inputs(root: Path, snapshot: Snapshot, count: int, seed: int = 1) -> None:
    """Vectors in clusters, and the books that they are of."""
    warehouse, vectors = Warehouse(root), clusters(count, seed)[0]
    ids, titles = list(range(count)), [f"Book {i}" for i in range(count)]
    pages = [10 * i + 5 for i in ids]
    none: list[None] = [None] * count
    with warehouse.write("extract_books", ["books"], snapshot, {}, {}) as staged:
        columns = dict.fromkeys(TABLES["books"].columns.names, none)
        columns |= {"page_id": pages, "title": titles, "author": none, "genres": [["novel", "sci-fi"]] * count}
        write_table("books", columns, staged["books"].folder)
    with warehouse.write("build_pairs", ["paired_books"], snapshot, {}, {}) as staged:
        write_table(
            "paired_books", {"book_id": ids, "page_id": pages, "title": titles, "links": [3] * count}, staged["paired_books"].folder
        )
    with warehouse.write("train_embedding", ["book_vectors"], snapshot, {}, {}) as staged:
        write_table(
            "book_vectors", {"book_id": ids, "page_id": pages, "title": titles, "vector": list(vectors)}, staged["book_vectors"].folder
        )


def run(root: Path, snapshot: Snapshot, *overrides: str) -> tuple[Manifest, dict[str, float]]:
    """Run the step; its manifest and its figures."""
    small = ("map.tsne_iterations=100", "map.umap_epochs=100", "map.perplexity=15")
    settings = load_settings([], ["wiki=testwiki", f"warehouse={root}", f"snapshot={snapshot.date}", *small, *overrides])
    run_steps([draw_map.STEP], settings)
    warehouse = Warehouse(root)
    figures = pq.read_table(warehouse.files("metrics/draw_map", snapshot), partitioning=None).to_pylist()
    return warehouse.manifest("book_map", snapshot), {row["metric"]: row["value"] for row in figures}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with a snapshot that has a map and is published, and the inputs of the next one's map."""
    root = tmp_path_factory.mktemp("warehouse")
    write_inputs(root, FIRST, 200)
    made, figures = run(root, FIRST)
    assert made.rows_out == 200
    assert set(figures) == {"tsne_neighbours_kept", "umap_neighbours_kept"}
    Warehouse(root).publish(FIRST, {"book_map": made})
    write_inputs(root, SECOND, 220, seed=2)
    return root


def test_the_next_snapshots_books_stay_where_they_were(root: Path) -> None:
    made, figures = run(root, SECOND)
    assert (made.before, made.facts["started_from_before"]) == (FIRST.date, True)
    _, anew = run(root, SECOND, "map.keep_places=false")
    for name in ("tsne_moved", "umap_moved"):
        assert figures[name] < 0.5 * anew[name]


def test_a_run_again_writes_the_same_bytes(root: Path) -> None:
    written = []
    for _ in range(2):
        run(root, SECOND)
        written.append([file.read_bytes() for file in Warehouse(root).files("book_map", SECOND)])
    assert written[0] == written[1]


def test_a_map_that_is_not_wanted_has_null_columns(root: Path) -> None:
    _, figures = run(root, SECOND, "map.methods=[umap]")
    rows = pq.read_table(Warehouse(root).files("book_map", SECOND), partitioning=None)
    assert rows["tsne_x"].null_count == 220
    assert np.isfinite(rows["umap_x"].to_numpy()).all()
    assert set(figures) == {"umap_neighbours_kept", "umap_moved"}
    run(root, SECOND, "map.methods=[]")


def test_a_large_table_is_placed_around_a_sample(root: Path) -> None:
    made, figures = run(root, SECOND, "map.sample=100", "map.keep_places=false")
    assert made.facts == {"fitted": 100, "started_from_before": False}
    assert figures["tsne_neighbours_kept"] > 0.2


def test_one_line_says_which_library_is_missing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "umap", None)
    monkeypatch.setitem(sys.modules, "umap.layouts", None)
    monkeypatch.delitem(sys.modules, "embedding.atlas.umap")
    with pytest.raises(EnvironmentProblem, match=r"pip install 'bookspace\[map\]'"):
        run(root, SECOND)
