"""A training of files: what is held in memory and what is streamed, and what makes it the same training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embedding.errors import WarehouseError
from embedding.train.feed import read_pairs
from embedding.train.feed.fresh import FreshFeed
from embedding.train.feed.serve import MemoryFeed, Part, StreamFeed
from embedding.train.optimiser import RowAdam, WholeAdam
from embedding.train.task import open_data
from embedding.train.trainer import _Run
from tests.train.tasks import BOOKS, LINKS, task


@pytest.mark.parametrize(
    ("pairs", "changes", "kinds"),
    [
        (300, {}, (MemoryFeed, MemoryFeed)),
        (300, {"feed": "pyarrow", "fresh_negatives": True}, (MemoryFeed, FreshFeed)),
        (40_000, {"resident_mb": 1}, (MemoryFeed, StreamFeed)),
        (140_000, {"resident_mb": 1, "feed": "pyarrow"}, (StreamFeed, StreamFeed)),
    ],
)
def test_what_fits_is_held_and_the_rest_is_streamed(
    pairs: int, changes: dict[str, object], kinds: tuple[type, type], tmp_path: Path
) -> None:
    one = task(tmp_path, tmp_path, pairs, **changes)
    data = open_data(one)
    assert (type(data.positives), type(data.negatives)) == kinds
    train = read_pairs(one.pairs, split="train")
    assert (data.link_pairs == np.bincount(train[:, 1], minlength=LINKS)).all()
    shares = np.concatenate([share.numpy() for share in data.positives.shares(1, 5, 0, Part())])
    keys = [np.sort(rows[:, 0].astype(np.int64) * LINKS + rows[:, 1]) for rows in (shares, train)]
    assert (keys[0] == keys[1]).all()
    assert data.negatives.rows(0) == 2 * pairs
    assert [len(rows) for rows in data.held_out] == [600, 600]


def test_nothing_to_train_on_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="table pairs holds no pair to train on"):
        open_data(replace(task(tmp_path, tmp_path), pairs=[]))


def test_what_changes_the_result_makes_another_training(tmp_path: Path) -> None:
    one = task(tmp_path, tmp_path)
    started = np.zeros((BOOKS, 8), np.float32), np.zeros((LINKS, 8), np.float32), np.zeros(LINKS, np.float32)
    others = [
        replace(one, seed=2),
        replace(one, tables={"pairs": "z", "negatives": "b"}),
        replace(one, initial=started),
        *(replace(one, settings=one.settings.model_copy(update=change)) for change in ({"epochs": 4}, {"fresh_negatives": True})),
    ]
    assert len({str(other.identity()) for other in [one, *others]}) == 6
    alike = {
        "feed": "pyarrow",
        "processes": 2,
        "resume": False,
        "checkpoint_seconds": 1.0,
        "tensorboard": "there",
        "device": "auto",
        "align": False,
    }
    if one.identity()["train.device"] == replace(one, settings=one.settings.model_copy(update=alike)).identity()["train.device"]:
        assert replace(one, settings=one.settings.model_copy(update=alike)).identity() == one.identity()


@pytest.mark.parametrize(("batch", "kind"), [(10, RowAdam), (1000, WholeAdam)])
@pytest.mark.parametrize("fresh", [False, True])
def test_an_adam_that_several_processes_choose_otherwise_makes_another_training(
    batch: int, kind: type, fresh: bool, tmp_path: Path
) -> None:
    """So a checkpoint of the one is passed over, and said, where the other cannot go on from it."""
    one = task(tmp_path, tmp_path / "checkpoints", 300, adam="auto", batch_positives=batch, fresh_negatives=fresh)
    run = _Run(one.settings, open_data(one), one.seed, one.open_checkpoints(), None)
    assert isinstance(run.optimiser, kind)
    assert run.rows(0) / run.steps == pytest.approx(one.step_rows(), abs=1)
    run.save()
    two = replace(one, settings=one.settings.model_copy(update={"processes": 2}))
    assert one.identity()["train.adam"] == "auto", "as of older checkpoints"
    if kind is WholeAdam:
        assert two.open_checkpoints().load(), "the same training"
        return
    assert two.open_checkpoints().load() is None
    assert (two.open_checkpoints().describe_other() or "").endswith("train.adam is whole (of several processes) and was auto")
