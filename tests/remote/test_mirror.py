import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from embedding.errors import BusyError, NotFoundError, WarehouseError
from embedding.prune import removals, remove
from embedding.remote import mirror as mirror_module
from embedding.remote.objects import Objects
from embedding.remote.state import newest, states_prefix
from embedding.staging import Staging
from embedding.warehouse import Warehouse
from tests.remote.machines import LATER, SNAPSHOT, Machine, write_links

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def address(tmp_path: Path) -> str:
    """A folder that is used as an object store is: no renames, no locks, nobody sees it but by its address."""
    return f"file://{tmp_path}/bucket/books"


@pytest.fixture
def one(address: str, tmp_path: Path) -> Machine:
    return Machine(address, tmp_path / "one")


@pytest.fixture
def two(address: str, tmp_path: Path) -> Machine:
    return Machine(address, tmp_path / "two")


def _objects(machine: Machine) -> set[str]:
    return set(Objects(machine.address).list())


def test_what_one_machine_writes_the_other_reads(one: Machine, two: Machine) -> None:
    made = one.write("Émile", model=b"abc")
    warehouse = two.open()
    assert warehouse.snapshots() == [SNAPSHOT]
    assert warehouse.lineage(["links", "model"], SNAPSHOT) == dict(made)
    assert two.titles() == ["Émile"]
    assert warehouse.name == one.address, "messages name the address, not the copy"


def test_files_come_when_they_are_asked_for(one: Machine, two: Machine) -> None:
    one.write("a")
    warehouse = two.open()
    assert not list(warehouse.root.rglob("*.parquet"))
    (file,) = warehouse.files("links", SNAPSHOT)
    assert file.is_relative_to(two.cache)
    before = file.stat().st_mtime_ns
    assert two.open().files("links", SNAPSHOT) == [file]
    assert file.stat().st_mtime_ns == before, "what is there already does not travel again"
    assert not list(warehouse.root.glob("model/**/*.pt"))


def test_a_table_that_was_replaced_is_never_read_from_the_copy(one: Machine, two: Machine) -> None:
    one.write("old", model=b"old")
    warehouse = two.open()
    warehouse.fetch([warehouse.folder("model", SNAPSHOT)], SNAPSHOT)
    assert two.titles() == ["old"]
    one.write("new", model=b"new")
    assert two.titles() == ["new"]
    warehouse = two.open()
    folder = warehouse.folder("model", SNAPSHOT)
    warehouse.fetch([folder], SNAPSHOT)
    assert (folder / "model.pt").read_bytes() == b"new", "of the same name and length"
    assert len(list(warehouse.root.glob("links/**/*.parquet"))) == 1


def test_files_that_were_replaced_leave_the_store(one: Machine) -> None:
    one.write("old")
    before = _objects(one)
    one.write("new")
    assert not {key for key in before if key.startswith(("links/", "model/"))} & _objects(one)


def test_who_is_reading_a_table_that_is_replaced_is_told(one: Machine, two: Machine) -> None:
    one.write("old")
    reading = two.open()
    one.write("new")
    with pytest.raises(WarehouseError, match="was replaced or pruned while it was read; run the same again"):
        reading.files("links", SNAPSHOT)


KILLED = """
import os, signal, sys
from embedding.remote.objects import Objects
from tests.remote.machines import Machine
from pathlib import Path
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
moment, address, cache = sys.argv[1:]
if moment == "between two files":
    real = Objects.upload
    Objects.upload = lambda self, files: (real(self, dict(list(files.items())[:1])), die())
elif moment == "before the commit":
    Objects.create = die
else:
    real_create = Objects.create
    Objects.create = lambda self, key, content: (real_create(self, key, content), die())
Machine(address, Path(cache)).write("new", model=b"new")
"""


@pytest.mark.parametrize(("moment", "seen"), [("between two files", "old"), ("before the commit", "old"), ("after the commit", "new")])
def test_a_kill_leaves_the_old_tables_or_the_new_ones(one: Machine, two: Machine, moment: str, seen: str) -> None:
    one.write("old", model=b"old")
    killed = subprocess.run([sys.executable, "-c", KILLED, moment, one.address, str(one.cache)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    for machine in (one, two):
        assert machine.titles() == [seen]
        warehouse = machine.open()
        folder = warehouse.folder("model", SNAPSHOT)
        warehouse.fetch([folder], SNAPSHOT)
        assert (folder / "model.pt").read_bytes() == seen.encode()
        assert len({made.run for made in warehouse.inputs(["links", "model"], SNAPSHOT).values()}) == 1
    one.write("newer")
    assert two.titles() == ["newer"]
    left = {key for key in _objects(one) if key.startswith(("links/", "model/"))}
    assert left == {stored.key for stored in _state(one).files.values()}, "the next write has cleared up"


def _state(machine: Machine) -> Any:
    opened = machine.open().mirror
    assert opened
    return opened.state(SNAPSHOT)


def test_of_two_who_write_at_once_the_second_fails_and_changes_nothing(one: Machine, two: Machine) -> None:
    one.write("old")
    late = two.open()
    one.write("first")
    with pytest.raises(BusyError, match="another run has written tables of testwiki 20240101 meanwhile"):
        write_links(late, ["second"])
    assert one.titles() == two.titles() == ["first"]


def test_a_mark_that_was_set_meanwhile_is_kept(one: Machine, two: Machine) -> None:
    one.write("a")
    one.write("b", snapshot=LATER)
    late = two.open()
    opened = one.open()
    opened.publish(SNAPSHOT, opened.inputs(["links"], SNAPSHOT))
    with late.write("evaluate", ["metrics"], SNAPSHOT, {}, {}):
        pass
    assert two.open().published() == [SNAPSHOT]
    assert two.open().has("metrics", SNAPSHOT, "evaluate")


def test_an_answer_that_was_lost_is_no_conflict(one: Machine, two: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Objects.create
    monkeypatch.setattr(Objects, "create", lambda self, key, content: real(self, key, content) and False)
    one.write("a")
    assert two.titles() == ["a"]


def test_files_that_do_not_arrive_are_not_committed(one: Machine, two: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    one.write("old")
    monkeypatch.setattr(Objects, "upload", lambda *_: None)
    with pytest.raises(WarehouseError, match=r"2 of 2 files that were written are not there or cut off \(links/wiki=testwiki"):
        one.write("new")
    assert one.titles() == two.titles() == ["old"]


def test_publishing_and_withdrawing_is_seen_everywhere(one: Machine, two: Machine) -> None:
    for snapshot in (SNAPSHOT, LATER):
        one.write("a", snapshot=snapshot)
        warehouse = one.open()
        warehouse.publish(snapshot, warehouse.inputs(["links"], snapshot))
    warehouse = two.open()
    assert warehouse.latest() == [LATER]
    warehouse.publication.withdraw(LATER)
    assert warehouse.latest() == one.open().latest() == [SNAPSHOT]
    one.write("b")
    assert two.open().latest() == [], "written anew, it has passed no gate"


def test_a_snapshot_that_is_pruned_is_gone_everywhere(one: Machine, two: Machine) -> None:
    for snapshot in (SNAPSHOT, LATER):
        one.write("a", snapshot=snapshot)
    assert two.titles() == ["a"]
    Objects(one.address).write("_checkpoints/wiki=testwiki/snapshot=20240101/training-1/step-1/state.json", b"{}")
    warehouse = one.open()
    (removal,) = removals(warehouse, ["testwiki"], keep=1)
    assert removal.bytes == sum(stored.bytes for stored in _state(one).files.values()) > 0
    remove(warehouse, removal)
    assert not [key for key in _objects(one) if "snapshot=20240101" in key]
    for machine in (one, two):
        warehouse = machine.open()
        assert warehouse.snapshots() == [LATER]
        assert not [file for file in warehouse.root.rglob("*") if file.is_file() and "snapshot=20240101" in str(file)]
    one.write("again")
    assert two.titles() == ["again"], "numbers begin anew, and the copy does not take the new one for the old one"


def test_objects_that_dead_runs_left_are_pruned_once_they_are_old(one: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    one.write("a")
    Objects(one.address).write("books/wiki=testwiki/snapshot=20240101/part-0.parquet", b"1234")
    assert list(removals(one.open(), ["testwiki"], keep=1)) == [], "it may be of a run that is at work"
    monkeypatch.setattr(mirror_module, "_SECONDS_OF_A_STEP", -60)
    warehouse = one.open()
    (removal,) = removals(warehouse, ["testwiki"], keep=1)
    assert (removal.name, removal.bytes) == ("objects that no table names", 4)
    remove(warehouse, removal)
    assert list(removals(one.open(), ["testwiki"], keep=1)) == []
    assert one.titles() == ["a"]


def test_a_warehouse_that_stays_open_sees_what_its_machine_has_written_since(one: Machine) -> None:
    one.write("old", model=b"old")
    early = one.open()
    one.write("new", model=b"new")
    assert [file.is_file() for file in early.files("links", SNAPSHOT)] == [True]
    assert early.manifest("links", SNAPSHOT).id == one.open().manifest("links", SNAPSHOT).id


def test_a_copy_whose_record_is_damaged_is_brought_anew(one: Machine) -> None:
    one.write("a")
    root = one.open().root
    for record in (root / "_mirror").glob("wiki=*/*.json"):
        record.write_text("{")
    assert one.titles() == ["a"]


def test_few_states_are_kept(one: Machine) -> None:
    for title in "abcde":
        one.write(title)
    keys = Objects(one.address).list(states_prefix(SNAPSHOT))
    assert newest(keys) == {SNAPSHOT: 5}
    assert len(keys) == 2


def test_a_damaged_state_is_named_and_removing_it_mends_it(one: Machine) -> None:
    one.write("a")
    key = max(Objects(one.address).list(states_prefix(SNAPSHOT)))
    Objects(one.address).write(key.replace("00000001", "00000002"), b"{")
    with pytest.raises(WarehouseError, match=r"00000002.json: is damaged .*; remove it"):
        one.open()
    Objects(one.address).delete([key.replace("00000001", "00000002")])
    assert one.titles() == ["a"]


def test_an_empty_warehouse_says_so(one: Machine) -> None:
    from embedding.sql import open_duckdb

    assert one.open().snapshots() == []
    with pytest.raises(NotFoundError, match="bucket/books: holds no table yet"):
        open_duckdb(one.open())


def test_a_cache_that_cannot_be_written_is_named(one: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(WarehouseError, match=r"the local copy of file://.*warehouse_cache=FOLDER"):
        Warehouse(one.address, str(tmp_path / "file" / "cache"))


def test_the_copy_lies_in_the_users_cache_folder(one: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert Warehouse(one.address).root.parent == tmp_path / "home" / "bookspace" / "warehouses"
    assert os.path.commonpath([Warehouse(one.address, str(one.cache)).root, one.cache]) == str(one.cache)


def test_what_a_killed_writer_had_not_moved_into_the_copy_does_not_come_back_over_what_others_have_written(
    one: Machine, two: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the commit in the store and the renames in its own copy."""
    one.write("a")

    def killed(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(Staging, "_finish", killed)
        with pytest.raises(SystemExit):
            one.write("b1", "b2")
    assert two.titles() == ["b1", "b2"], "the store has them"
    two.write("c")
    assert two.titles() == ["c"]
    assert one.titles() == ["c"]
    one.write("d")
    assert one.titles() == two.titles() == ["d"]


def test_of_a_pruned_snapshot_the_newest_state_goes_last(one: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The highest that is there counts: a kill in between must not bring an older one back into view."""
    one.write("a")
    one.write("b")
    warehouse = one.open()
    assert warehouse.mirror
    deleted: list[list[str]] = []
    delete = Objects.delete

    def kept(objects: Objects, keys: Iterable[str]) -> None:
        deleted.append(list(keys))
        delete(objects, deleted[-1])

    monkeypatch.setattr(Objects, "delete", kept)
    warehouse.mirror.forget(SNAPSHOT)
    states = [[key for key in keys if key.startswith("_snapshots/")] for keys in deleted]
    *older, last = [keys for keys in states if keys]
    assert len(last) == 1
    assert last > max(older)
    assert not _objects(one)
