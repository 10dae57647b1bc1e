"""Checkpoints: whole or not at all, this training's or none."""

import pickle
import warnings
from pathlib import Path

import pytest
import torch

from embedding.train.checkpoint import fingerprint, load, save

STATE = {"mark": "mine", "epoch": 3, "model": {"weight": torch.arange(6.0).reshape(2, 3)}, "figures": [{"loss": float("nan")}]}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "not" / "there yet" / "training.pt"
    save(file, STATE)
    found = load(file, "mine")
    assert found is not None
    assert found["epoch"] == 3
    assert torch.equal(found["model"]["weight"], STATE["model"]["weight"])  # type: ignore[index]
    assert [path.name for path in file.parent.iterdir()] == ["training.pt"]


def test_another_mark_is_another_training(tmp_path: Path) -> None:
    save(tmp_path / "training.pt", STATE)
    assert load(tmp_path / "training.pt", "yours") is None


def test_a_newer_checkpoint_replaces_the_old_one(tmp_path: Path) -> None:
    for epoch in (1, 2):
        save(tmp_path / "training.pt", STATE | {"epoch": epoch})
    assert (load(tmp_path / "training.pt", "mine") or {})["epoch"] == 2


def test_a_failed_write_keeps_the_old_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "training.pt"
    save(file, STATE)
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        save(file, STATE | {"model": lambda: None})
    assert (load(file, "mine") or {})["epoch"] == 3


def test_none_there_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / "training.pt", "mine") is None
    assert load(tmp_path, "mine") is None


def test_a_damaged_checkpoint_is_none(tmp_path: Path) -> None:
    """Cut off anywhere, or with any byte of its records changed, it is read as none or as what it was, and never raises."""
    file = tmp_path / "training.pt"
    save(file, STATE)
    whole = file.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch warns of odd pickles before it gives up on them
        for length in range(0, len(whole), 41):
            file.write_bytes(whole[:length])
            assert load(file, "mine") is None, length
        for place in range(0, len(whole), 3):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
            load(file, "mine")


@pytest.mark.parametrize("content", [[1, 2], torch.ones(2), {"epoch": 3}], ids=["list", "tensor", "no mark"])
def test_a_file_of_something_else_is_none(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "training.pt")
    assert load(tmp_path / "training.pt", "mine") is None


class _Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.file,)


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path) -> None:
    torch.save({"mark": "mine", "trap": _Trap(tmp_path / "sprung")}, tmp_path / "training.pt")
    assert load(tmp_path / "training.pt", "mine") is None
    assert not (tmp_path / "sprung").exists()
    torch.load(tmp_path / "training.pt", weights_only=False)
    assert (tmp_path / "sprung").exists(), "the trap works, or this test shows nothing"


def test_a_fingerprint_tells_facts_apart_and_not_their_order() -> None:
    one = fingerprint(seed=1, settings={"loss": "bce", "epochs": 3})
    assert one == fingerprint(settings={"epochs": 3, "loss": "bce"}, seed=1)
    others = [fingerprint(seed=2, settings={"loss": "bce", "epochs": 3}), fingerprint(seed=1, settings={"loss": "mse", "epochs": 3})]
    assert len({one, *others}) == 3
