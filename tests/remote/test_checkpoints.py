import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from embedding.errors import WarehouseError
from embedding.remote import checkpoints
from embedding.remote.checkpoints import newest_of_each, outdated, whole_ones
from embedding.remote.objects import Found, Objects
from embedding.warehouse import Warehouse
from tests.remote.machines import SNAPSHOT, Machine

PREFIX = "_checkpoints/wiki=testwiki/snapshot=20240101"


@pytest.fixture
def machines(tmp_path: Path) -> tuple[Machine, Machine]:
    one, two = (Machine(f"file://{tmp_path}/bucket", tmp_path / name) for name in ("one", "two"))
    return one, two


def _save(folder: Path, name: str, tensors: bytes = b"tensors") -> None:
    """As train/checkpoint.py does: whole or not at all."""
    partial = folder / name.partition("/")[0] / "partial"
    partial.mkdir(parents=True)
    (partial / "tensors.pt").write_bytes(tensors)
    (partial / "state.json").write_text(json.dumps({"bytes": len(tensors)}))
    partial.rename(folder / name)


def _break_off(warehouse: Warehouse) -> None:
    """Save two checkpoints, and fail, which is when they matter."""
    with warehouse.write("train_embedding", ["links"], SNAPSHOT, {}, {}):
        for step in (1, 2):
            _save(warehouse.checkpoints(SNAPSHOT), f"training-a/step-{step:012}", b"%d" % step)
        raise ZeroDivisionError


def test_a_retry_on_another_machine_finds_the_newest_checkpoint(machines: tuple[Machine, Machine]) -> None:
    one, two = machines
    warehouse = one.open()
    with pytest.raises(ZeroDivisionError):
        _break_off(warehouse)
    there = set(Objects(one.address).list(PREFIX))
    assert there == {f"{PREFIX}/training-a/step-000000000002/{name}" for name in ("state.json", "tensors.pt")}
    warehouse = two.open()
    with warehouse.write("train_embedding", ["links"], SNAPSHOT, {}, {}):
        folder = warehouse.checkpoints(SNAPSHOT)
        assert (folder / "training-a" / "step-000000000002" / "tensors.pt").read_bytes() == b"2"
        shutil.rmtree(folder / "training-a" / "step-000000000002")
        _save(folder, "training-a/step-000000000003", b"3")
    assert {key.split("/")[-2] for key in Objects(one.address).list(PREFIX)} == {"step-000000000003"}


def _train(warehouse: Warehouse, *names: str) -> list[str]:
    """Save checkpoints, one after the other, and end; the checkpoints that are on the machine when a training begins."""
    folder = warehouse.checkpoints(SNAPSHOT)
    found = sorted(file.parent.relative_to(folder).as_posix() for file in folder.glob("*/*/state.json"))
    for name in names:
        _save(folder, name)
    assert warehouse.mirror
    warehouse.mirror.stop_following()
    return found


def _stored(machine: Machine) -> set[str]:
    return {key.removeprefix(f"{PREFIX}/").rpartition("/")[0] for key in Objects(machine.address).list(PREFIX)}


def test_a_training_that_others_came_after_goes_on_on_another_machine(machines: tuple[Machine, Machine]) -> None:
    one, two = machines
    _train(one.open(), "training-a/step-000000000001", "training-a/step-000000000005")
    _train(one.open(), "training-b/step-000000000001")
    both = ["training-a/step-000000000005", "training-b/step-000000000001"]
    assert _train(two.open(), "training-a/step-000000000006") == both
    assert _stored(one) == {"training-a/step-000000000006", both[1]}
    assert _train(one.open()) == ["training-a/step-000000000001", both[0], "training-a/step-000000000006", both[1]]


def test_a_newer_checkpoint_that_is_here_is_not_hidden_by_an_older_one(machines: tuple[Machine, Machine]) -> None:
    one, _ = machines
    _train(one.open(), "training-a/step-000000000001")
    folder = one.open().root / PREFIX
    shutil.rmtree(folder / "training-a" / "step-000000000001")
    _save(folder, "training-a/step-000000000002")
    assert _train(one.open()) == ["training-a/step-000000000002"], "the older one is of no use"
    assert _stored(one) == {"training-a/step-000000000002"}


def test_what_a_killed_training_could_not_copy_is_copied_by_the_next(machines: tuple[Machine, Machine]) -> None:
    one, two = machines
    folder = one.open().root / PREFIX
    for step in (1, 2):
        _save(folder, f"training-a/step-{step:012}")
    half = f"{PREFIX}/training-a/step-000000000002/tensors.pt"
    Objects(one.address).write(half, b"te")
    _train(one.open())
    assert _stored(one) == {"training-a/step-000000000002"}
    assert Objects(one.address).read(half) == b"tensors"
    assert _train(two.open()) == ["training-a/step-000000000002"]


def test_old_trainings_of_a_machine_do_not_drive_out_newer_ones(machines: tuple[Machine, Machine]) -> None:
    one, two = machines
    _train(one.open(), "training-z/step-000000000001")
    folder = one.open().root / PREFIX
    for name in "bcd":
        _train(two.open(), f"training-{name}/step-000000000001")
    newest = {f"training-{name}/step-000000000001" for name in "bcd"}
    assert _stored(one) == newest
    os.utime(folder / "training-z" / "step-000000000001" / "state.json", (1e9, 1e9))
    _train(one.open())
    assert _stored(one) == newest
    _train(one.open(), "training-z/step-000000000002")
    assert "training-z/step-000000000002" in _stored(one), "unless they go on"


def test_a_store_that_does_not_answer_is_named(machines: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise WarehouseError("the store does not do what it is asked")

    def train(warehouse: Warehouse) -> None:
        with warehouse.write("train_embedding", ["links"], SNAPSHOT, {}, {}):
            monkeypatch.setattr(Objects, "list", refused)
            warehouse.checkpoints(SNAPSHOT)

    with pytest.raises(WarehouseError, match="does not do what it is asked"):
        train(machines[0].open())


def test_checkpoints_are_copied_while_the_training_goes_on(machines: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr(checkpoints, "SECONDS", 0.01)
    warehouse = machines[0].open()
    with warehouse.write("train_embedding", ["links"], SNAPSHOT, {}, {}):
        _save(warehouse.checkpoints(SNAPSHOT), "training-a/step-000000000001")
        for _ in range(1000):
            if f"{PREFIX}/training-a/step-000000000001/state.json" in Objects(machines[0].address).list(PREFIX):
                break
            time.sleep(0.01)
        else:
            pytest.fail("it was not copied")


def test_that_the_store_fails_does_not_stop_the_training(
    machines: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse, real = machines[0].open(), Objects.upload

    def upload(self: Objects, files: dict[str, Path]) -> None:
        if any("_checkpoints" in key for key in files):
            raise OSError("no room")
        real(self, files)

    monkeypatch.setattr(Objects, "upload", upload)
    with warehouse.write("train_embedding", ["links"], SNAPSHOT, {}, {}):
        _save(warehouse.checkpoints(SNAPSHOT), "training-a/step-000000000001")
    assert "the newest checkpoint is on this machine alone: no room" in caplog.text
    assert warehouse.has("links", SNAPSHOT)


def test_half_a_checkpoint_does_not_count() -> None:
    day = datetime(2024, 1, 1, tzinfo=UTC)
    there = {
        "training-a/step-1/tensors.pt": Found(1, day), "training-a/step-1/state.json": Found(1, day),
        "training-a/step-2/tensors.pt": Found(1, day + timedelta(1)),
    }  # fmt: skip
    assert whole_ones(there) == {"training-a/step-1": day}
    assert outdated(there) == [], "one that is on its way is not yet one that replaces"


def test_a_few_trainings_keep_their_newest_checkpoint() -> None:
    day = datetime(2024, 1, 1, tzinfo=UTC)
    there = {
        f"training-{name}/step-{step}/{file}": Found(1, day + timedelta(number))
        for number, name in enumerate("dcba") for step in (1, 2) for file in ("tensors.pt", "state.json")
    }  # fmt: skip
    kept = {key for key in there if key not in outdated(there)}
    assert {key.rpartition("/")[0] for key in kept} == {"training-a/step-2", "training-b/step-2", "training-c/step-2"}
    newest = newest_of_each({"training-a/step-1", "training-a/step-2", "training-b/step-1"})
    assert newest == {"training-a": "training-a/step-2", "training-b": "training-b/step-1"}
