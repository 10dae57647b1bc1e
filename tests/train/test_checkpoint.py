"""Checkpoints: tensors and JSON, whole or not at all, this training's or none, and in what another's differs."""

import json
import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from embedding.train.checkpoint import FACTS, KEPT, TENSORS, TRAININGS, Checkpoints, differences

IDENTITY = {"train.loss": "bce", "train.epochs": 3, "seed": 1, "table pairs": "a1b2"}
TENSORS_OF = {"model": {"weight": torch.arange(6.0).reshape(2, 3)}, "nearest": None}


def _mine(folder: Path, **changes: Any) -> Checkpoints:
    return Checkpoints(folder, IDENTITY | {name.replace("_", "."): value for name, value in changes.items()})


def _save(checkpoints: Checkpoints, step: int = 1) -> None:
    checkpoints.save(step, TENSORS_OF, {"epoch": step, "epochs": 9})


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    mine = _mine(tmp_path / "not" / "there yet")
    _save(mine, 3)
    found = mine.load()
    assert found is not None
    assert (found.facts["step"], found.facts["epoch"]) == (3, 3)
    assert torch.equal(found.tensors["model"]["weight"], TENSORS_OF["model"]["weight"])  # type: ignore[index]
    assert sorted(path.name for path in found.folder.iterdir()) == sorted([FACTS, TENSORS])
    stored = json.loads((found.folder / FACTS).read_text())
    assert stored["identity"] == IDENTITY
    assert [path.name for path in mine.folder.iterdir()] == ["step-000000000003"]


def test_the_newest_counts_and_few_are_kept(tmp_path: Path) -> None:
    mine = _mine(tmp_path)
    for step in (5, 90, 100, 1000):
        _save(mine, step)
        assert (mine.load() or pytest.fail("none")).facts["step"] == step
        assert mine.newest() == mine.folder / f"step-{step:012}"
    assert len(list(mine.folder.iterdir())) == KEPT


def test_another_training_is_not_taken_up_nor_overwritten(tmp_path: Path) -> None:
    mine, other = _mine(tmp_path), _mine(tmp_path, train_loss="mse")
    _save(other, 7)
    assert mine.load() is None
    assert mine.other() == ({**json.loads((other.newest() / FACTS).read_text())}, ["train.loss is bce and was mse"])  # type: ignore[operator]
    said = "(after step 7, epoch 7 of 9 being done) is another training's and is kept: train.loss is bce and was mse"
    assert said in (mine.describe_other() or "")
    _save(mine, 2)
    assert mine.describe_other() is None
    assert (other.load() or pytest.fail("lost")).facts["step"] == 7
    assert other.other() is not None
    other.clear()
    assert (other.load(), other.newest(), mine.other()) == (None, None, None)


def test_those_of_few_trainings_are_kept(tmp_path: Path) -> None:
    trainings = [_mine(tmp_path, seed=number) for number in range(TRAININGS + 2)]
    for age, one in enumerate(trainings):
        _save(one)
        os.utime(one.folder, (age, age))
    _save(trainings[0], 2)
    assert [one.load() is not None for one in trainings] == [True, *[False] * 2, *[True] * (TRAININGS - 1)]


def test_differences_are_told_by_name() -> None:
    theirs = {**IDENTITY, "train.loss": "mse", "table pairs": "c3", "start values": "x"}
    assert differences(IDENTITY, theirs) == [
        "start values is None and was x",
        "table pairs was written anew",
        "train.loss is bce and was mse",
    ]
    assert differences(IDENTITY, dict(reversed(IDENTITY.items()))) == []


def test_a_failed_write_keeps_the_old_checkpoint(tmp_path: Path) -> None:
    mine = _mine(tmp_path)
    _save(mine, 3)
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        mine.save(4, {"model": lambda: None}, {"epoch": 4})
    with pytest.raises(TypeError):
        mine.save(4, TENSORS_OF, {"epoch": object()})
    assert (mine.load() or pytest.fail("lost")).facts["step"] == 3
    assert [path.name for path in mine.folder.iterdir()] == ["step-000000000003"]


def test_what_a_killed_process_left_is_no_checkpoint_and_goes(tmp_path: Path) -> None:
    mine = _mine(tmp_path)
    _save(mine, 3)
    (mine.folder / "partial").mkdir()
    (mine.folder / "partial" / TENSORS).write_bytes(b"half")
    (mine.folder / "step-000000000004").mkdir()
    assert (mine.load() or pytest.fail("lost")).facts["step"] == 3
    _save(mine, 4)
    assert (mine.load() or pytest.fail("lost")).facts["step"] == 4
    assert not (mine.folder / "partial").exists()


def test_none_there_is_none(tmp_path: Path) -> None:
    mine = _mine(tmp_path / "nowhere")
    assert (mine.load(), mine.other(), mine.newest()) == (None, None, None)


@pytest.mark.parametrize("name", [TENSORS, FACTS])
def test_one_that_is_damaged_is_passed_over_for_the_one_before(tmp_path: Path, name: str) -> None:
    """Cut off anywhere, the one before counts; with any byte changed nothing is raised."""
    mine = _mine(tmp_path)
    _save(mine, 3)
    _save(mine, 4)
    file = mine.newest() / name  # type: ignore[operator]
    whole = file.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch warns of odd pickles before it gives up on them
        for length in range(0, len(whole) - 1, 67):
            file.write_bytes(whole[:length])
            assert (mine.load() or pytest.fail("lost")).facts["step"] == 3, length
            mine.other()
        for place in range(0, len(whole), 5):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
            mine.load()


class _Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.file,)


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path) -> None:
    mine = _mine(tmp_path)
    mine.save(1, {"trap": _Trap(tmp_path / "sprung")}, {"epoch": 1})
    assert mine.load() is None
    assert not (tmp_path / "sprung").exists()
    torch.load(mine.newest() / TENSORS, weights_only=False)  # type: ignore[operator]
    assert (tmp_path / "sprung").exists(), "the trap works, or this test shows nothing"
