"""rollback and prune: what they say, and what is there afterwards."""

import errno
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from embedding.cli import main
from embedding.manifest import Snapshot
from embedding.warehouse import Warehouse
from tests.test_publication import FEBRUARY, JANUARY, MARCH, publish, write

APRIL, OTHER = Snapshot("testwiki", "20240401"), Snapshot("otherwiki", "20240101")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Four snapshots, of which January to March are published, and one of another wiki."""
    made = Warehouse(tmp_path / "w")
    for snapshot in (JANUARY, FEBRUARY, MARCH, APRIL, OTHER):
        write(made, snapshot, "first")
    for snapshot in (JANUARY, FEBRUARY, MARCH):
        publish(made, snapshot)
    checkpoint = made.checkpoints(JANUARY) / "training-1" / "tensors.pt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"x" * 1000)
    return made


def _call(warehouse: Warehouse, *arguments: str) -> None:
    main([], [*arguments, "--warehouse", str(warehouse.root)])


def _fails(warehouse: Warehouse, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit):
        _call(warehouse, *arguments)
    return capsys.readouterr().err


def _dates(snapshots: Sequence[Snapshot]) -> list[str]:
    return [snapshot.date for snapshot in snapshots if snapshot.wiki == "testwiki"]


def test_rollback_says_what_is_shown_now(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    _call(warehouse, "rollback")
    said = capsys.readouterr().out
    assert said.startswith("The _latest views show testwiki 20240201. testwiki 20240301 is withdrawn, its tables are kept")
    assert warehouse.latest() == [FEBRUARY]
    _call(warehouse, "status")
    states = {line.split()[1]: line.split()[2] for line in capsys.readouterr().out.splitlines()[1:] if line.startswith("testwiki")}
    assert states == {"20240101": "yes", "20240201": "latest", "20240301": "withdrawn", "20240401": "no"}
    _call(warehouse, "rollback", "testwiki")
    capsys.readouterr()
    assert "testwiki 20240101 stays in view: no snapshot of testwiki was published before it" in _fails(warehouse, capsys, "rollback")
    assert warehouse.latest() == [JANUARY]


def test_rollback_of_what_is_not_shown(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    assert "shows no snapshot of otherwiki; it shows testwiki 20240301" in _fails(warehouse, capsys, "rollback", "otherwiki")
    publish(warehouse, OTHER)
    assert "name the wiki, for example otherwiki" in _fails(warehouse, capsys, "rollback")
    assert warehouse.latest() == [OTHER, MARCH]


def test_rollback_to_a_snapshot_that_is_not_whole(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    (warehouse.folder("links", FEBRUARY) / "_manifest.json").unlink()
    assert "holds no table links of testwiki 20240201" in _fails(warehouse, capsys, "rollback")
    assert warehouse.latest() == [MARCH]


def test_prune_keeps_the_newest_and_the_one_in_view(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    files = [file for file in warehouse.root.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files if "snapshot=20240101" in str(file) and "wiki=testwiki" in str(file))
    _call(warehouse, "prune", "--keep", "2", "--dry-run")
    assert capsys.readouterr().out == f"would remove testwiki 20240101: {size:,} bytes\n{size:,} bytes would be freed\n"
    assert files == [file for file in warehouse.root.rglob("*") if file.is_file()]
    _call(warehouse, "prune", "--keep", "2")
    assert capsys.readouterr().out == f"removed testwiki 20240101: {size:,} bytes\n{size:,} bytes freed\n"
    assert _dates(warehouse.snapshots()) == ["20240201", "20240301", "20240401"], "February is where a rollback would lead"
    assert _dates(warehouse.published()) == ["20240201", "20240301"]
    assert not list(warehouse.root.rglob("*20240101/*.pt"))
    assert not list(warehouse.root.rglob("wiki=testwiki/snapshot=20240101"))
    _call(warehouse, "prune", "--keep", "1")
    assert _dates(warehouse.snapshots()) == ["20240301", "20240401"], "March is in view"
    assert warehouse.latest() == [MARCH]
    assert OTHER in warehouse.snapshots()


def test_prune_of_one_wiki(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    write(warehouse, Snapshot("otherwiki", "20240201"), "first")
    _call(warehouse, "prune", "testwiki", "--keep", "1")
    assert len(warehouse.snapshots("otherwiki")) == 2
    assert "holds no snapshot of nowiki; it holds otherwiki, testwiki" in _fails(warehouse, capsys, "prune", "nowiki", "--keep", "1")


def test_prune_leaves_what_is_being_written(warehouse: Warehouse) -> None:
    with warehouse.write("build_pairs", ["links"], JANUARY, {}, {}) as staged:
        _call(warehouse, "prune", "--keep", "1")
        assert staged["links"].folder.is_dir()
    assert _dates(warehouse.snapshots()) == ["20240101", "20240301", "20240401"]


def test_prune_where_there_are_no_locks(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    for snapshot in (JANUARY, FEBRUARY):
        with warehouse.locked(snapshot):  # each was worked on once
            pass
    with warehouse.write("build_pairs", ["links"], JANUARY, {}, {}):
        _call(warehouse, "prune", "--keep", "1")
    assert _dates(warehouse.snapshots()) == ["20240101", "20240301", "20240401"], "what is being written stays there too"


def test_prune_removes_what_killed_runs_left(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    left = warehouse.root / "_staging" / "abc"
    left.mkdir(parents=True)
    (left / "half.parquet").write_bytes(b"x" * 70)
    _call(warehouse, "prune", "--keep", "9")
    assert capsys.readouterr().out == "0 bytes freed\n", "it may be one that was made this moment"
    os.utime(left, (0, 0))
    _call(warehouse, "prune", "--keep", "9")
    assert capsys.readouterr().out == "removed _staging/abc: 70 bytes\n70 bytes freed\n"
    assert not left.exists()


def test_prune_without_a_number_is_refused(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["prune"], ["prune", "--keep", "0"], ["prune", "--keep", "-1"]):
        _fails(warehouse, capsys, *arguments)
    assert len(warehouse.snapshots()) == 5
