"""train_embedding: pairs, negatives -> book_vectors, link_vectors, metrics."""

from typing import TYPE_CHECKING

import numpy as np

from embedding.errors import SettingsError
from embedding.job import Job, Step, log
from embedding.manifest import Snapshot
from embedding.runs import run_alone
from embedding.warehouse import write_table

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from embedding.train.figures import EpochFigures
    from embedding.train.model import BookLinkModel
    from embedding.train.task import Task
    from embedding.train.trainer import Initial


def run(job: Job) -> None:
    """Train the two tables of vectors. Needs no Spark, unless several processes train."""
    import torch

    from embedding.train.before import continued
    from embedding.train.checkpoint import save_tensors
    from embedding.train.curves import draw_curves
    from embedding.train.feed import choose_files
    from embedding.train.feed.fresh import Drawing
    from embedding.train.figures import AMONG, ASKED, NEAREST
    from embedding.train.task import Task

    settings, how = job.settings.train, job.inputs["negatives"].settings["negatives"]
    books = job.arrow("paired_books", ["book_id", "page_id", "title"]).sort_by("book_id")
    links = job.arrow("links", ["link_id", "page_id", "title"]).sort_by("link_id")
    start = _start_values(job, books, links)
    if start:
        settings = settings.model_copy(update=continued(settings.epochs, settings.min_steps, settings.warm_epochs))
    task = Task(
        settings,
        Drawing(how["per_positive"], how["links"], how["power"], how["books"]),
        job.inputs["negatives"].facts["draws"],
        job.settings.seed,
        len(books),
        len(links),
        job.files("pairs"),
        job.files("negatives"),
        {table: made.id for table, made in job.inputs.items()},
        job.warehouse.checkpoints(job.snapshot),
        start,
    )
    model, figures = _train(job, task)
    _align(job, model, books["page_id"].to_numpy())
    book_vectors, link_vectors, bias = (array.cpu().numpy().astype(np.float32) for array in model.vectors(settings.centre))
    for table, key, names, vectors, more in (
        ("book_vectors", "book_id", books, book_vectors, {}),
        ("link_vectors", "link_id", links, link_vectors, {"bias": bias}),
    ):
        columns = {key: names[key], "page_id": names["page_id"], "title": names["title"], "vector": list(vectors), **more}
        write_table(table, columns, job.staged[table].folder)
    # What `bookspace place` needs to know: centred vectors are shorter than 1 before they are brought to that length.
    job.staged["link_vectors"].facts = {"scale": float(model.scale), "length": model.length(settings.centre)}
    save_tensors(
        job.staged["model"].folder / "model.pt",
        {"model": model.state_dict(), "settings": settings.model_dump(), "torch": torch.__version__},
    )
    if missing := draw_curves(figures, job.staged["model"].folder / "training.png"):
        log.info("train_embedding: no picture of the training is drawn: %s", missing)
    job.staged["model"].facts = {"dimensions": settings.dimensions, "books": len(books), "links": len(links)}
    counts = {name: sum(file.rows for file in choose_files(task.pairs, {"split": name})) for name in ("train", "valid")}
    against = sum(file.rows for file in choose_files(task.negatives, {"split": "valid", "draw": 0}))
    held = f"valid split, {counts['valid']:,} pairs and {against:,} negatives"
    places = {
        "train_loss": f"train split, {counts['train']:,} pairs",
        "rows_per_second": task.identity()["train.device"],
        "neighbour_overlap": f"at most {ASKED} books and their {NEAREST} neighbours among {AMONG:,}",
    }
    job.write_metrics(
        [(name, value, places.get(name, held), one.epoch) for one in figures for name, value in vars(one).items() if name != "epoch"]
    )


def _before(job: Job) -> Snapshot | None:
    """The snapshot before, if it has vectors."""
    return job.before if {"book_vectors", "link_vectors"} <= job.inputs_before.keys() else None


def _start_values(job: Job, books: "pa.Table", links: "pa.Table") -> "Initial | None":
    """Vectors and biases of the snapshot before, where they are wanted and it has most of the books and links."""
    from embedding.train.before import MOST, known, split_of, start_values

    before = _before(job)
    if before is None or not job.settings.train.warm_start:
        return None
    if "pairs" not in job.inputs_before or split_of(job.inputs_before["pairs"].settings) != split_of(job.inputs["pairs"].settings):
        log.info("train_embedding: starts anew: the pairs of %s were split by another seed or other shares", before)
        return None
    names = job.arrow("link_vectors", ["link_id", "title", "bias"], before).sort_by("link_id")
    values = start_values(
        (books["page_id"].to_numpy(), links["title"].to_numpy()),
        (_page_ids(job, before), names["title"].to_numpy()),
        (job.vectors("book_vectors", "book_id", before), job.vectors("link_vectors", "link_id", before), names["bias"].to_numpy()),
    )
    shares = [known(table) for table in values[:2]]
    if values[0].shape[1] != job.settings.train.dimensions or min(shares) < MOST:
        log.info("train_embedding: starts anew: the vectors of %s are of another width, or too few of its books or links are here", before)
        return None
    log.info(
        "train_embedding: starts from the vectors of %s: %.1f %% of the books, %.1f %% of the links", before, *(100 * s for s in shares)
    )
    return values


def _align(job: Job, model: "BookLinkModel", page_ids: "NDArray[np.int64]") -> None:
    """Turn the space onto that of the snapshot before."""
    from embedding.train.align import turn_onto

    before, settings = _before(job), job.settings.train
    if before and settings.align:
        common = turn_onto(model, settings.centre, page_ids, _page_ids(job, before), job.vectors("book_vectors", "book_id", before))
        log.info("train_embedding: turned onto the vectors of %s books of %s", f"{common:,}", before)


def _page_ids(job: Job, before: Snapshot) -> "NDArray[np.int64]":
    """page_id of the rows of the snapshot before's book_vectors, as `Job.vectors` gives them."""
    ids: NDArray[np.int64] = job.arrow("book_vectors", ["book_id", "page_id"], before).sort_by("book_id")["page_id"].to_numpy()
    return ids


def _train(job: Job, task: "Task") -> "tuple[BookLinkModel, list[EpochFigures]]":
    """Train in this process or in several, and say what is gone on from."""
    from embedding.train.report import Report
    from embedding.train.trainer import choose_device

    settings, checkpoints = job.settings.train, task.open_checkpoints()
    device = task.identity()["train.device"] if settings.processes > 1 else choose_device(settings.device)
    log.info("train_embedding: %s books and %s links on %s", f"{task.books:,}", f"{task.links:,}", device)
    if settings.resume and (why := checkpoints.describe_other()):
        log.warning("train_embedding: begins anew; %s", why)
    if settings.processes > 1:
        from embedding.exchange import SharedDisk
        from embedding.train.launch import run_in_processes

        if not isinstance(job.exchange, SharedDisk):
            raise SettingsError(
                f"train.processes={settings.processes}: processes on executors do not see the driver's local copy of {job.warehouse.name}; "
                "train on one machine (train.processes=1, or a local master), or give a warehouse that all machines have mounted"
            )
        return run_in_processes(task, job.spark)
    with Report(settings.tensorboard) as report:
        return task.run(report)


STEP = Step(
    "train_embedding",
    reads=("paired_books", "links", "pairs", "negatives"),
    writes=("book_vectors", "link_vectors", "model", "metrics"),
    settings=("train",),
    run=run,
    reads_before=("book_vectors", "link_vectors", "pairs"),
)

if __name__ == "__main__":
    run_alone(STEP)
