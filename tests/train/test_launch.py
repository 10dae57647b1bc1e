"""Several processes train as one does."""

import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from embedding.errors import TrainingError
from embedding.train.figures import EpochFigures
from embedding.train.launch import restored, run_in_processes
from embedding.train.task import Task
from tests.train.tasks import TOGETHER, start, task


def _alone(one: Task) -> tuple[list[np.ndarray], list[EpochFigures]]:
    model, figures = one.run(lambda *_: None)
    return [table.numpy() for table in model.vectors()], figures


def _together(one: Task, folder: Path, processes: int) -> tuple[list[np.ndarray], list[EpochFigures]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(processes)}
    running = [start(one, folder / f"{rank}.task", TOGETHER, **where, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(processes)]
    said = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * processes, said
    assert "epoch 3 of 3" in said[0], "the first one reports"
    assert "epoch" not in said[1]
    saved = one.open_checkpoints().load()
    assert saved is not None
    model, figures = restored(one, saved)
    return [table.numpy() for table in model.vectors()], figures


def _assert_alike(found: tuple[list[np.ndarray], list[EpochFigures]], wanted: tuple[list[np.ndarray], list[EpochFigures]]) -> None:
    for one, other in zip(found[1], wanted[1], strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-4)
        assert one.valid_auc == pytest.approx(other.valid_auc, abs=1e-3)
    for table, like in zip(found[0], wanted[0], strict=True):
        assert np.abs(table - like).max() < 0.02
        assert np.abs(table - like).mean() < 1e-3


@pytest.mark.parametrize("changes", [{"resident_mb": 1, "learn_scale": True}, {"fresh_negatives": True, "loss": "mse"}], ids=["bce", "mse"])
def test_two_processes_give_the_loss_curve_of_one(changes: dict[str, Any], tmp_path: Path) -> None:
    """The same global batches: positives and negatives of an odd number, streamed or drawn, in parts that differ by a row."""
    one = task(tmp_path, tmp_path / "one", 29_999, **changes)
    two = task(tmp_path, tmp_path / "two", 29_999, **changes)
    _assert_alike(_together(two, tmp_path, 2), _alone(one))


@pytest.mark.slow  # Spark starts processes that load torch
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Spark leaves their pipes to the garbage collector
def test_spark_starts_the_processes(spark: SparkSession, tmp_path: Path) -> None:
    one = task(tmp_path, tmp_path / "one")
    two = task(tmp_path, tmp_path / "two", processes=2)
    model, figures = run_in_processes(two, spark)
    _assert_alike(([table.numpy() for table in model.vectors()], figures), _alone(one))
    with pytest.raises(TrainingError, match="memory is full; lower train"):
        run_in_processes(Task(**(vars(two) | {"books": 1 << 44, "seed": 3})), spark)
