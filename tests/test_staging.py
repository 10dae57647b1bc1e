"""Commits: all tables of a step or none, wherever the process is killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from embedding.manifest import Snapshot
from embedding.staging import Staging
from embedding.warehouse import Warehouse, write_table

SNAPSHOT = Snapshot("testwiki", "20240101")
TABLES = ["links", "paired_books", "metrics"]


def _write(warehouse: Warehouse, generation: int) -> None:
    with warehouse.write("build_pairs", TABLES, SNAPSHOT, {}, {}) as staged:
        columns = {"link_id": [0], "title": [f"written {generation}"], "page_id": [1], "kind": ["article"], "books": [2]}
        write_table("links", columns, staged["links"].folder)
        write_table("paired_books", {"book_id": [0], "page_id": [1], "title": ["B"], "links": [generation]}, staged["paired_books"].folder)


def _killed_at(number: int, work: Callable[[], None]) -> bool:
    """Run `work` in a process of its own that is killed by SIGKILL at its n-th change of a name; did it come so far?"""
    child = os.fork()
    if child == 0:
        count = 0

        def counted(original: Callable[..., None]) -> Callable[..., None]:
            def call(*arguments: object, **more: object) -> None:
                nonlocal count
                if count == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1
                original(*arguments, **more)

            return call

        for name in ("rename", "replace", "unlink", "rmdir"):
            setattr(os, name, counted(getattr(os, name)))
        work()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _kill_everywhere(folder: Path) -> None:
    """Replace three tables, killed at every change of a name in turn, as are the first two who end the commit in its place."""
    number, outcomes = 0, []
    while True:
        warehouse = Warehouse(folder / str(number))
        _write(warehouse, 1)
        warehouse.publish(SNAPSHOT, {"links": warehouse.manifest("links", SNAPSHOT)})
        killed = _killed_at(number, partial(_write, warehouse, 2))
        for again in range(2):
            _killed_at(again, partial(Warehouse, warehouse.root))
        found = Warehouse(warehouse.root)
        runs = {found.manifest(table, SNAPSHOT, "build_pairs" if table == "metrics" else "").run for table in TABLES}
        assert len(runs) == 1, f"killed at {number}: tables of two runs"
        links = found.files("paired_books", SNAPSHOT)
        assert len(links) == 1
        new = warehouse.manifest("links", SNAPSHOT).run in runs and found.published() == []
        assert new or found.published() == [SNAPSHOT], "what is in view is what was published"
        outcomes.append(new)
        _write(found, 3)
        assert list(found.root.glob("_staging/*/commit.json")) == []
        if not killed:
            break
        number += 1
    assert outcomes == sorted(outcomes), "from one rename on the commit is decided"
    assert outcomes.count(False) >= 1
    assert outcomes.count(True) >= 7


if __name__ == "__main__":
    _kill_everywhere(Path(sys.argv[1]))


def test_a_kill_anywhere_leaves_all_tables_old_or_all_new(tmp_path: Path) -> None:
    """Two who open it afterwards are killed too, before one ends the commit. In a process without Spark's threads, for it forks."""
    command = [sys.executable, "-m", "tests.test_staging", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).resolve().parents[1])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("failing", range(6))
def test_a_rename_that_fails_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    warehouse = Warehouse(tmp_path / "w")
    _write(warehouse, 1)
    warehouse.publish(SNAPSHOT, {"links": warehouse.manifest("links", SNAPSHOT)})
    before = {path.relative_to(tmp_path): path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    rename, calls = os.rename, []

    def breaks_once(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == failing + 1:
            raise OSError(5, "Input/output error", str(source))
        rename(source, target)

    monkeypatch.setattr(os, "rename", breaks_once)
    with pytest.raises(Exception, match="cannot be written by build_pairs: Input/output error"):
        _write(warehouse, 2)
    monkeypatch.undo()
    assert {path.relative_to(tmp_path): path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before
    assert len(calls) > failing


def test_who_opens_the_warehouse_waits_for_a_commit_that_is_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(Warehouse(tmp_path), 1)
    finish, begun = Staging._finish, threading.Event()

    def slowly(self: Staging, *arguments: object) -> None:
        begun.set()
        time.sleep(0.2)
        finish(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Staging, "_finish", slowly)
    writer = threading.Thread(target=_write, args=(Warehouse(tmp_path), 2))
    writer.start()
    begun.wait()
    opened = Warehouse(tmp_path)
    assert {opened.manifest(table, SNAPSHOT).run for table in ("links", "paired_books")} == {
        opened.manifest("metrics", SNAPSHOT, "build_pairs").run
    }
    writer.join()
    import pyarrow.parquet as pq

    assert pq.read_table(opened.files("links", SNAPSHOT))["title"].to_pylist() == ["written 2"]


def test_whose_folder_is_left_over(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    with staging.folder(step="a_step", wiki="testwiki", snapshot="20240101") as folder:
        assert staging.leftovers() == []
        (owner,) = staging.owners()
        assert (owner["step"], owner["snapshot"], owner["pid"]) == ("a_step", "20240101", os.getpid())
        just_made = folder.parent / "no-owner-yet"
        just_made.mkdir()
        assert staging.leftovers() == []
        os.utime(just_made, (0, 0))
        assert staging.leftovers() == [just_made]
    assert not folder.exists()


def test_a_killed_writers_folder_is_left_over(tmp_path: Path) -> None:
    code = (
        "import os, sys, signal; from pathlib import Path; from embedding.staging import Staging\n"
        "with Staging(Path(sys.argv[1])).folder(step='x'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    (left,) = Staging(tmp_path).leftovers()
    assert (left / "owner.json").is_file()
    assert Staging(tmp_path).owners() == []
