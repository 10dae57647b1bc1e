"""The folder of an index."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedding.neighbours.files import IndexFolder


def _folder(path: Path, rows: int = 60, width: int = 8, seed: int = 1) -> IndexFolder:
    vectors = np.random.default_rng(0).normal(size=(rows, width)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    path.mkdir()
    folder = IndexFolder(path)
    folder.write_rows(vectors, pa.table({"book_id": pa.array(range(rows), pa.int32()), "page_id": [7 * row for row in range(rows)]}))
    folder.build(10, seed)
    return folder


def test_items_stand_beside_the_index(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "a")
    assert {file.name for file in folder.folder.iterdir()} == {"index.ann", "vectors.npy", "items.parquet"}
    found, _ = folder.search(10_000).neighbours(np.array([3]), 5)
    items = pq.read_table(folder.folder / "items.parquet")
    assert [items["page_id"][int(row)].as_py() for row in found[0]] == [7 * row for row in found[0].tolist()]


def test_the_facts_tell_one_index_from_another(tmp_path: Path) -> None:
    one, same, other = (_folder(tmp_path / name, seed=seed).facts() for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert one == same
    assert one["sha256"] != other["sha256"]
    assert {name: one[name] for name in ("metric", "vectors", "dimensions")} == {"metric": "angular", "vectors": 60, "dimensions": 8}


def test_building_again_leaves_an_open_index_as_it_is(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "a")
    rows = np.arange(60)
    search = folder.search(20)
    before = search.neighbours(rows, 5)
    folder.build(40, 9)
    after = search.neighbours(rows, 5)
    assert (before[0] == after[0]).all()
    assert folder.search(20).neighbours(rows, 5)[0].shape == (60, 5)
