import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from embedding.remote import checkpoints
from embedding.remote.checkpoints import newest_of_each, newest_whole, outdated
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
    assert newest_whole(there) == "training-a/step-1"
    assert newest_whole({}) is None
    assert outdated(there) == [], "one that is on its way is not yet one that replaces"


def test_a_few_trainings_keep_their_newest_checkpoint() -> None:
    day = datetime(2024, 1, 1, tzinfo=UTC)
    there = {
        f"training-{name}/step-{step}/{file}": Found(1, day + timedelta(number))
        for number, name in enumerate("dcba") for step in (1, 2) for file in ("tensors.pt", "state.json")
    }  # fmt: skip
    kept = {key for key in there if key not in outdated(there)}
    assert {key.rpartition("/")[0] for key in kept} == {"training-a/step-2", "training-b/step-2", "training-c/step-2"}
    assert newest_of_each({"training-a/step-1", "training-a/step-2", "training-b/step-1"}) == ["training-a/step-2", "training-b/step-1"]
