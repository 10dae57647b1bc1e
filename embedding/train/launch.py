"""Several processes that train together, started by Spark's TorchDistributor: on this machine, or one a Spark task on a cluster."""

import contextlib
import os
import sys
from typing import TYPE_CHECKING

import torch

from embedding.errors import BookspaceError, TrainingError
from embedding.spark import is_local
from embedding.train.checkpoint import Checkpoint
from embedding.train.figures import EpochFigures
from embedding.train.model import BookLinkModel
from embedding.train.report import Report
from embedding.train.task import Task
from embedding.train.trainer import figures_of, new_model

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run_in_processes(task: Task, spark: "SparkSession") -> tuple[BookLinkModel, list[EpochFigures]]:
    """Train in `train.processes` processes.

    With a local master they run on this machine, each on its own GPU where there are as many; else each is a task of its own, and files
    and checkpoints must be seen by all of them.

    Raises:
        TrainingError: one of them could not go on.
    """
    from pyspark.ml.torch.distributor import TorchDistributor

    local = is_local(spark)
    on_gpus = not local and task.settings.device != "cpu" and spark.conf.get("spark.task.resource.gpu.amount", None) is not None
    said = task.checkpoints / "error.txt"
    said.unlink(missing_ok=True)
    distributor = TorchDistributor(num_processes=task.settings.processes, local_mode=local, use_gpu=on_gpus)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # their log
            distributor.run(work, task)
    except Exception as error:
        if said.is_file():
            raise TrainingError(said.read_text(encoding="utf-8")) from error
        raise
    saved = task.open_checkpoints().load()
    if saved is None or saved.facts["epoch"] != saved.facts["epochs"]:
        raise TrainingError(
            f"train_embedding: {task.settings.processes} processes ended and left no model in {task.checkpoints}; run it again"
        )
    return restored(task, saved)


def work(task: Task) -> None:
    """What each process does; the first one reports and writes the checkpoints."""
    from embedding.log import start_log

    cuda = task.settings.device != "cpu" and torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    torch.distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        if torch.distributed.get_rank() == 0:
            start_log()
            with Report(task.settings.tensorboard) as report:
                task.run(report)
        else:
            task.run(lambda *_: None)
    except BookspaceError as error:
        task.checkpoints.mkdir(parents=True, exist_ok=True)
        (task.checkpoints / "error.txt").write_text(str(error), encoding="utf-8")
        raise
    finally:
        torch.distributed.destroy_process_group()


def restored(task: Task, saved: Checkpoint) -> tuple[BookLinkModel, list[EpochFigures]]:
    """The model and the figures of a checkpoint."""
    model = new_model(task.settings, task.books, task.links)
    model.load_state_dict(saved.tensors["model"])
    return model, figures_of(saved)
