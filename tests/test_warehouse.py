"""The warehouse: a write appears whole or not at all, and tables that do not belong together are refused."""

import errno
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedding import __version__
from embedding.errors import WarehouseError
from embedding.manifest import Manifest, Snapshot
from embedding.tables import TABLES
from embedding.warehouse import MANIFEST, Warehouse, write_table

SNAPSHOT = Snapshot("testwiki", "20240101")
ROWS: dict[str, dict[str, list[Any]]] = {
    "pairs": {"book_id": [0, 1], "link_id": [0, 0], "mentions": [1, 2], "split": ["train", "train"]},
    "links": {"link_id": [0], "title": ["A"], "page_id": [7], "kind": ["article"], "books": [2]},
    "paired_books": {"book_id": [0, 1], "page_id": [1, 2], "title": ["B", "C"], "links": [1, 1]},
    "metrics": {"metric": ["auc"], "value": [0.9], "measured_on": ["test"], "epoch": [None]},
}


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """A warehouse of which not even the folder is there yet."""
    return Warehouse(tmp_path / "a warehouse" / "here")


def _write(
    warehouse: Warehouse, tables: Sequence[str], inputs: Sequence[str] = (), step: str = "a_step", snapshot: Snapshot = SNAPSHOT
) -> Mapping[str, Manifest]:
    """Write each table with its rows of ROWS (none where it has none), from the given inputs."""
    with warehouse.write(step, tables, snapshot, warehouse.inputs(inputs, snapshot), {"seed": 1}) as staged:
        for table, part in staged.items():
            if table in ROWS:
                write_table(table, ROWS[table], part.folder)
    return {table: warehouse.manifest(table, snapshot, step) for table in tables}


def _everything(warehouse: Warehouse) -> dict[str, bytes]:
    """All files of the warehouse with their content, and the folders."""
    return {str(path.relative_to(warehouse.root)): path.read_bytes() if path.is_file() else b"" for path in warehouse.root.rglob("*")}


def test_a_table_lies_where_every_engine_finds_it(warehouse: Warehouse) -> None:
    _write(warehouse, ["links"])
    folder = warehouse.root / "links" / "wiki=testwiki" / "snapshot=20240101"
    assert warehouse.folder("links", SNAPSHOT) == folder
    (file,) = folder.glob("part-00000-*.parquet")
    assert sorted(folder.iterdir()) == [folder / MANIFEST, file]
    assert sorted(path.name for path in warehouse.root.iterdir()) == ["links"], "nothing staged is left"
    assert warehouse.files("links", SNAPSHOT) == [file]
    stored = pq.ParquetFile(file)
    assert stored.read().to_pydict() == ROWS["links"]
    assert stored.schema_arrow.equals(TABLES["links"].columns)
    assert stored.metadata.row_group(0).column(0).compression == "ZSTD"


def test_an_error_inside_the_block_leaves_no_trace(warehouse: Warehouse) -> None:
    def fail() -> None:
        with warehouse.write("a_step", ["pairs", "links"], SNAPSHOT, {}, {}) as staged:
            write_table("pairs", ROWS["pairs"], staged["pairs"].folder)
            assert staged["pairs"].folder.is_relative_to(warehouse.root), "staged on the same disk, so that it can be moved in at once"
            assert not warehouse.has("pairs", SNAPSHOT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert _everything(warehouse) == {}
    assert warehouse.snapshots() == []


@pytest.mark.parametrize("failure", ["error", "lost rows", "wrong columns", "interrupt"])
def test_a_failed_write_keeps_the_old_tables_all_of_them(warehouse: Warehouse, failure: str) -> None:
    _write(warehouse, ["pairs", "links"])
    before = _everything(warehouse)

    def fail() -> None:
        with warehouse.write("a_step", ["links", "pairs"], SNAPSHOT, {}, {}) as staged:
            write_table("links", ROWS["links"] | {"books": [9]}, staged["links"].folder)
            if failure == "lost rows":
                staged["pairs"].rows_in = 1
            elif failure == "wrong columns":
                pq.write_table(pa.table({"x": [1]}), staged["pairs"].folder / "part.parquet")
            else:
                raise KeyboardInterrupt if failure == "interrupt" else RuntimeError

    with pytest.raises((WarehouseError, RuntimeError, KeyboardInterrupt)):
        fail()
    assert _everything(warehouse) == before


def test_a_new_write_replaces_the_old_one_with_all_its_files(warehouse: Warehouse) -> None:
    with warehouse.write("a_step", ["links"], SNAPSHOT, {}, {}) as staged:
        for name in ("part-1.parquet", "part-2.parquet"):
            pq.write_table(TABLES["links"].columns.empty_table(), staged["links"].folder / name)
    old = warehouse.manifest("links", SNAPSHOT)
    new = _write(warehouse, ["links"])["links"]
    (file,) = warehouse.files("links", SNAPSHOT)
    _write(warehouse, ["links"])
    assert not file.exists()
    assert warehouse.files("links", SNAPSHOT)[0].name != file.name, "who pinned the old file must not take the new one for it"
    assert new.id != old.id


@pytest.mark.parametrize(("rows_in", "dropped"), [(3, {}), (1, {}), (3, {"too short": 2}), (2, {"too short": 1}), (0, {})])
def test_lost_and_invented_rows_are_refused(warehouse: Warehouse, rows_in: int, dropped: dict[str, int]) -> None:
    def write() -> None:
        with warehouse.write("a_step", ["pairs"], SNAPSHOT, {}, {}) as staged:
            write_table("pairs", ROWS["pairs"], staged["pairs"].folder)
            staged["pairs"].rows_in, staged["pairs"].dropped = rows_in, dropped

    why = f"a_step lost rows of pairs: {rows_in} came in, 2 are written, {sum(dropped.values())} are counted as dropped"
    with pytest.raises(WarehouseError, match=why):
        write()
    assert not warehouse.has("pairs", SNAPSHOT)


def test_dropped_rows_are_accounted_for(warehouse: Warehouse) -> None:
    with warehouse.write("a_step", ["pairs"], SNAPSHOT, {}, {}) as staged:
        write_table("pairs", ROWS["pairs"], staged["pairs"].folder)
        staged["pairs"].rows_in, staged["pairs"].dropped = 5, {"too short": 2, "too long": 1, "never": 0}
    made = warehouse.manifest("pairs", SNAPSHOT)
    assert (made.rows_in, made.rows_out, made.dropped) == (5, 2, {"too short": 2, "too long": 1})


@pytest.mark.parametrize(
    "columns",
    [
        {"book_id": [0]},
        {"book_id": [0], "link_id": [0], "mentions": [1], "split": ["train"], "more": [1]},
        {name: pa.array([1], pa.int64() if name == "book_id" else pa.int32()) for name in ("book_id", "link_id", "mentions")}
        | {"split": ["train"]},
    ],
    ids=["missing", "too many", "wrong type"],
)
def test_other_columns_than_the_contracts_are_refused(warehouse: Warehouse, columns: dict[str, Any]) -> None:
    def write() -> None:
        with warehouse.write("a_step", ["pairs"], SNAPSHOT, {}, {}) as staged:
            write_table("pairs", ROWS["pairs"], staged["pairs"].folder)
            pq.write_table(pa.table(columns), staged["pairs"].folder / "part-00001.parquet")

    with pytest.raises(WarehouseError, match="table pairs would have the columns"):
        write()
    assert not warehouse.has("pairs", SNAPSHOT)


def test_a_table_without_rows_still_has_its_columns(warehouse: Warehouse) -> None:
    with warehouse.write("a_step", ["books"], SNAPSHOT, {}, {}):
        pass
    (file,) = warehouse.files("books", SNAPSHOT)
    assert pq.read_schema(file).equals(TABLES["books"].columns)
    assert warehouse.manifest("books", SNAPSHOT).rows_out == 0


def test_the_rows_of_all_files_are_counted(warehouse: Warehouse) -> None:
    with warehouse.write("a_step", ["pairs"], SNAPSHOT, {}, {}) as staged:
        folder = staged["pairs"].folder
        for number in range(3):
            write_table("pairs", ROWS["pairs"], folder)
            (folder / "part-00000.parquet").rename(folder / f"{number}.parquet")
    assert warehouse.manifest("pairs", SNAPSHOT).rows_out == 6


def test_write_table_casts_to_the_contract_and_splits_row_groups(tmp_path: Path) -> None:
    write_table("pairs", ROWS["pairs"], tmp_path, rows_per_group=1)
    stored = pq.ParquetFile(tmp_path / "part-00000.parquet")
    assert stored.num_row_groups == 2
    assert stored.schema_arrow.equals(TABLES["pairs"].columns)
    with pytest.raises(KeyError):
        write_table("pairs", {"book_id": [1]}, tmp_path)
    with pytest.raises((pa.ArrowInvalid, ValueError)):
        write_table("pairs", ROWS["pairs"] | {"mentions": [1]}, tmp_path)


def test_a_manifest_says_what_is_to_be_known(warehouse: Warehouse) -> None:
    links = _write(warehouse, ["links"])["links"]
    with warehouse.write("next_step", ["pairs", "model"], SNAPSHOT, {"links": links}, {"seed": 3, "train": {"epochs": 2}}) as staged:
        write_table("pairs", ROWS["pairs"], staged["pairs"].folder)
        (staged["model"].folder / "model.pt").write_bytes(b"x")
        staged["model"].facts = {"title": "Ünïcode", "widths": [1, 2]}
    pairs, model = warehouse.manifest("pairs", SNAPSHOT), warehouse.manifest("model", SNAPSHOT)
    assert (pairs.table, pairs.step, pairs.wiki, pairs.snapshot) == ("pairs", "next_step", "testwiki", "20240101")
    assert pairs.inputs == model.inputs == {"links": links.id}
    assert pairs.settings == {"seed": 3, "train": {"epochs": 2}}
    assert (pairs.rows_in, pairs.rows_out, pairs.dropped, pairs.facts) == (None, 2, {}, {})
    assert (model.rows_out, model.facts) == (0, {"title": "Ünïcode", "widths": [1, 2]})
    assert pairs.run == model.run != links.run
    assert len({pairs.id, model.id, links.id}) == 3
    assert pairs.versions["bookspace"] == __version__
    assert {"python", "pyarrow", "numpy"} <= set(pairs.versions)
    assert abs(datetime.fromisoformat(pairs.created) - datetime.now(UTC)) < timedelta(minutes=1)
    assert (warehouse.folder("model", SNAPSHOT) / "model.pt").read_bytes() == b"x"


def test_what_is_not_there_is_named_with_the_step_that_makes_it(warehouse: Warehouse) -> None:
    for ask in (warehouse.manifest, warehouse.files, lambda table, snapshot: warehouse.inputs([table], snapshot)):
        with pytest.raises(WarehouseError, match="holds no table pairs of testwiki 20240101; run build_pairs first"):
            ask("pairs", SNAPSHOT)
    with pytest.raises(WarehouseError, match="run train_embedding first"):
        warehouse.manifest("model", SNAPSHOT)
    with pytest.raises(WarehouseError, match="run evaluate first"):
        warehouse.inputs(["metrics/evaluate"], SNAPSHOT)
    assert not warehouse.has("pairs", SNAPSHOT)
    _write(warehouse, ["pairs"])
    assert warehouse.has("pairs", SNAPSHOT)
    assert not warehouse.has("pairs", Snapshot("testwiki", "20240201"))


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"id": "x"}', "\x00"])
def test_a_damaged_manifest_is_named(warehouse: Warehouse, content: str) -> None:
    _write(warehouse, ["pairs"])
    file = warehouse.folder("pairs", SNAPSHOT) / MANIFEST
    file.write_text(content)
    with pytest.raises(WarehouseError, match=r"_manifest\.json: is damaged .*; run build_pairs again"):
        warehouse.manifest("pairs", SNAPSHOT)


def test_a_manifest_that_is_no_text_is_named(warehouse: Warehouse) -> None:
    _write(warehouse, ["pairs"])
    (warehouse.folder("pairs", SNAPSHOT) / MANIFEST).write_bytes(b"\xff\xfe")
    with pytest.raises(WarehouseError, match="is damaged"):
        warehouse.manifest("pairs", SNAPSHOT)


def test_inputs_that_belong_together_are_given(warehouse: Warehouse) -> None:
    first = _write(warehouse, ["links", "pairs"])
    second = _write(warehouse, ["negatives"], ["links", "pairs"], "second")
    assert warehouse.inputs(["pairs", "links", "negatives"], SNAPSHOT) == first | second


def test_a_table_made_from_a_rewritten_one_is_refused(warehouse: Warehouse) -> None:
    _write(warehouse, ["links"], step="first")
    _write(warehouse, ["pairs"], ["links"], "second")
    _write(warehouse, ["links"], step="first")
    with pytest.raises(WarehouseError, match=r"table pairs of testwiki 20240101 was made from another links than .*; run second again"):
        warehouse.inputs(["pairs"], SNAPSHOT)
    with pytest.raises(WarehouseError, match="run second again"):
        warehouse.inputs(["links", "pairs"], SNAPSHOT)
    assert list(warehouse.inputs(["links"], SNAPSHOT)) == ["links"]
    _write(warehouse, ["pairs"], ["links"], "second")
    assert list(warehouse.inputs(["pairs"], SNAPSHOT)) == ["pairs"]


def test_a_rewritten_table_is_noticed_two_steps_away(warehouse: Warehouse) -> None:
    _write(warehouse, ["links"], step="first")
    _write(warehouse, ["pairs"], ["links"], "second")
    _write(warehouse, ["negatives"], ["pairs"], "third")
    assert list(warehouse.inputs(["negatives"], SNAPSHOT)) == ["negatives"]
    _write(warehouse, ["links"], step="first")
    with pytest.raises(WarehouseError, match=r"table pairs of .* was made from another links .*; run second again"):
        warehouse.inputs(["negatives"], SNAPSHOT)
    _write(warehouse, ["pairs"], ["links"], "second")
    with pytest.raises(WarehouseError, match=r"table negatives of .* was made from another pairs .*; run third again"):
        warehouse.inputs(["negatives"], SNAPSHOT)


def test_two_tables_of_one_step_must_come_from_one_run(warehouse: Warehouse) -> None:
    _write(warehouse, ["links", "pairs"], step="build")
    assert warehouse.inputs(["links", "pairs"], SNAPSHOT)
    _write(warehouse, ["pairs"], step="build")  # as if the run had been killed between its two tables
    with pytest.raises(WarehouseError, match="come from two runs of build; run it again"):
        warehouse.inputs(["links", "pairs"], SNAPSHOT)
    assert warehouse.inputs(["pairs"], SNAPSHOT), "alone it is sound"


def test_two_runs_are_noticed_behind_the_inputs(warehouse: Warehouse) -> None:
    _write(warehouse, ["links"], step="build")
    _write(warehouse, ["pairs"], step="build")
    _write(warehouse, ["negatives"], ["pairs"], "sample")
    with pytest.raises(WarehouseError, match="come from two runs of build"):
        warehouse.inputs(["links", "negatives"], SNAPSHOT)


def test_another_snapshot_does_not_disturb_lineage(warehouse: Warehouse) -> None:
    _write(warehouse, ["links"], step="first")
    _write(warehouse, ["pairs"], ["links"], "second")
    for other in (Snapshot("testwiki", "20240201"), Snapshot("otherwiki", "20240101")):
        _write(warehouse, ["links"], step="first", snapshot=other)
    assert warehouse.inputs(["pairs"], SNAPSHOT)


def test_the_metrics_of_several_steps_lie_side_by_side(warehouse: Warehouse) -> None:
    one = _write(warehouse, ["metrics"], step="evaluate")["metrics"]
    two = _write(warehouse, ["metrics"], step="find_neighbours")["metrics"]
    assert warehouse.manifest("metrics", SNAPSHOT, "evaluate") == one
    both = {"metrics/evaluate": one, "metrics/find_neighbours": two}
    assert warehouse.inputs(list(both), SNAPSHOT) == both
    (file,) = warehouse.files("metrics/evaluate", SNAPSHOT)
    assert file.parent == warehouse.root / "metrics/wiki=testwiki/snapshot=20240101/step=evaluate"
    new = _write(warehouse, ["metrics"], step="evaluate")["metrics"]
    assert new.id != one.id
    assert warehouse.manifest("metrics", SNAPSHOT, "find_neighbours") == two
    assert warehouse.has("metrics", SNAPSHOT, "evaluate")
    assert not warehouse.has("metrics", SNAPSHOT, "publish")


def test_metrics_as_inputs_take_part_in_lineage(warehouse: Warehouse) -> None:
    _write(warehouse, ["links"], step="first")
    _write(warehouse, ["metrics"], ["links"], "evaluate")
    _write(warehouse, ["model"], ["metrics/evaluate"], "last")
    assert warehouse.inputs(["model"], SNAPSHOT)
    _write(warehouse, ["metrics"], ["links"], "evaluate")
    with pytest.raises(WarehouseError, match=r"table model of .* was made from another metrics/evaluate"):
        warehouse.inputs(["model"], SNAPSHOT)


def test_snapshots_are_listed_oldest_first(warehouse: Warehouse) -> None:
    assert warehouse.snapshots() == []
    wanted = [Snapshot("awiki", "20240101"), Snapshot("awiki", "20240301"), Snapshot("bwiki", "20231201")]
    for snapshot, table in zip(reversed(wanted), ["links", "model", "pairs"], strict=True):
        _write(warehouse, [table], snapshot=snapshot)
    assert warehouse.snapshots() == wanted
    assert warehouse.snapshots("awiki") == wanted[:2]
    assert warehouse.snapshots("cwiki") == []
    assert str(wanted[0]) == "awiki 20240101"


def test_publishing_shows_the_newest_of_every_wiki(warehouse: Warehouse) -> None:
    assert warehouse.published() == warehouse.latest() == []
    links = _write(warehouse, ["links"])
    snapshots = [Snapshot("awiki", "20240301"), Snapshot("bwiki", "20240201"), Snapshot("awiki", "20240101")]
    for snapshot in snapshots:
        warehouse.publish(snapshot, links)
    warehouse.publish(snapshots[0], links)
    assert warehouse.published() == sorted(snapshots)
    assert warehouse.latest() == [Snapshot("awiki", "20240301"), Snapshot("bwiki", "20240201")]
    folder = warehouse.root / "_published" / "wiki=awiki"
    assert sorted(path.name for path in folder.iterdir()) == ["20240101.json", "20240301.json"], "no half-written mark is left"
    assert json.loads((folder / "20240301.json").read_text())["tables"] == {"links": links["links"].id}
    assert SNAPSHOT not in warehouse.published(), "writing alone publishes nothing"


def test_half_a_mark_publishes_nothing(warehouse: Warehouse) -> None:
    warehouse.publish(SNAPSHOT, {})
    (warehouse.root / "_published" / "wiki=testwiki" / "20240201.partial").touch()
    assert warehouse.latest() == [SNAPSHOT]


def test_a_warehouse_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    warehouse = Warehouse(file)
    assert not warehouse.has("pairs", SNAPSHOT)
    assert warehouse.snapshots() == warehouse.published() == []
    with pytest.raises(WarehouseError, match="holds no table pairs"):
        warehouse.manifest("pairs", SNAPSHOT)
    with pytest.raises(WarehouseError, match=r"file: cannot be written by a_step: .*; free space, mend its permissions"):
        _write(warehouse, ["pairs"])
    with pytest.raises(WarehouseError, match="file: cannot be written by publish"):
        warehouse.publish(SNAPSHOT, {})
    assert file.read_text() == "mine"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES])
def test_a_full_or_closed_disk_is_one_line(warehouse: Warehouse, code: int) -> None:
    def write() -> None:
        with warehouse.write("a_step", ["pairs"], SNAPSHOT, {}, {}):
            raise OSError(code, os.strerror(code))

    with pytest.raises(WarehouseError, match=f"cannot be written by a_step: {os.strerror(code)}"):
        write()


def test_an_error_of_another_kind_keeps_its_name(warehouse: Warehouse) -> None:
    def write() -> None:
        with warehouse.write("a_step", ["pairs"], SNAPSHOT, {}, {}):
            Path("/nowhere/at/all").read_text()

    with pytest.raises(FileNotFoundError):
        write()


def test_what_lies_in_the_way_of_a_table_is_a_clear_error(warehouse: Warehouse) -> None:
    warehouse.root.mkdir(parents=True)
    (warehouse.root / "pairs").write_text("in the way")
    with pytest.raises(WarehouseError, match="cannot be written by a_step"):
        _write(warehouse, ["pairs"])
    assert _everything(warehouse) == {"pairs": b"in the way"}


@pytest.mark.parametrize("name", ["a*b", "a?b", "a[1]", "a{1}", "a#b", "a\\b"])
def test_a_path_that_engines_take_for_a_pattern_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WarehouseError, match="the warehouse's path must not hold"):
        Warehouse(tmp_path / name / "warehouse")


def test_an_address_of_no_known_store_is_refused() -> None:
    with pytest.raises(WarehouseError, match="hdfs://namenode/books: no object store that is known"):
        Warehouse("hdfs://namenode/books")


def test_two_writers_do_not_disturb_each_other(warehouse: Warehouse) -> None:
    with warehouse.write("one", ["links"], SNAPSHOT, {}, {}) as first:
        with warehouse.write("two", ["pairs"], SNAPSHOT, {}, {}) as second:
            write_table("pairs", ROWS["pairs"], second["pairs"].folder)
        write_table("links", ROWS["links"], first["links"].folder)
    assert warehouse.manifest("links", SNAPSHOT).rows_out == 1
    assert warehouse.manifest("pairs", SNAPSHOT).rows_out == 2
    assert not (warehouse.root / "_staging").exists()


def test_a_manifest_comes_back_as_it_was_written(warehouse: Warehouse) -> None:
    made = _write(warehouse, ["links"])["links"]
    assert replace(made) == warehouse.manifest("links", SNAPSHOT)
    stored = json.loads((warehouse.folder("links", SNAPSHOT) / MANIFEST).read_text(encoding="utf-8"))
    assert Manifest(**stored) == made


def test_checkpoints_have_a_place_of_their_own_for_every_snapshot(warehouse: Warehouse) -> None:
    snapshots = (SNAPSHOT, Snapshot("testwiki", "20240201"), Snapshot("otherwiki", "20240101"))
    places = {warehouse.checkpoints(snapshot) for snapshot in snapshots}
    assert len(places) == 3
    assert all(place.is_relative_to(warehouse.root) and place.relative_to(warehouse.root).parts[0].startswith("_") for place in places)


def test_a_published_snapshot_that_is_written_anew_is_out_of_view_until_it_is_published_again(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "w")
    old, new = Snapshot("testwiki", "20240101"), Snapshot("testwiki", "20240201")
    for snapshot in (old, new):
        _write_links(warehouse, snapshot)
        warehouse.publish(snapshot, {"links": warehouse.manifest("links", snapshot)})
    assert warehouse.latest() == [new]
    _write_links(warehouse, new)
    assert warehouse.latest() == [old]
    warehouse.publish(new, {"links": warehouse.manifest("links", new)})
    assert warehouse.latest() == [new]


def _write_links(warehouse: Warehouse, snapshot: Snapshot) -> None:
    with warehouse.write("build_pairs", ["links"], snapshot, {}, {}) as staged:
        columns = {"link_id": [0], "title": ["A"], "page_id": [1], "kind": ["article"], "books": [2]}
        write_table("links", columns, staged["links"].folder)
