"""train_embedding: pairs, negatives -> book_vectors, link_vectors, metrics."""

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from embedding.job import Job, Step, log
from embedding.runs import run_alone
from embedding.warehouse import write_table

if TYPE_CHECKING:
    from embedding.train.trainer import EpochFigures

SECONDS_BETWEEN_REPORTS = 5


def run(job: Job) -> None:
    """Train the two tables of vectors. Needs no Spark."""
    import torch

    from embedding.train import checkpoint
    from embedding.train.feed import read_pairs
    from embedding.train.trainer import choose_device, train

    settings = job.settings.train
    device = choose_device(settings.device)
    books = job.arrow("paired_books", ["book_id", "page_id", "title"]).sort_by("book_id")
    links = job.arrow("links", ["link_id", "page_id", "title"]).sort_by("link_id")
    pairs, negatives = job.files("pairs"), job.files("negatives")
    draws = job.inputs["negatives"].settings["negatives"]["draws"]
    positives = read_pairs(pairs, split="train")
    held_out = read_pairs(pairs, split="valid"), read_pairs(negatives, split="valid", draw=0)
    log.info(
        "train_embedding: %s pairs of %s books and %s links on %s",
        f"{len(positives):,}",
        f"{len(books):,}",
        f"{len(links):,}",
        device,
    )

    mark = checkpoint.fingerprint(settings=settings.model_dump(), seed=job.settings.seed, inputs={t: m.id for t, m in job.inputs.items()})
    model, figures = train(
        settings,
        len(books),
        len(links),
        positives,
        lambda epoch: read_pairs(negatives, split="train", draw=epoch % draws),
        held_out,
        job.settings.seed,
        mark,
        job.warehouse.checkpoint(job.snapshot),
        _Reporter(),
    )
    book_vectors, link_vectors, bias = (array.cpu().numpy().astype(np.float32) for array in model.vectors(settings.centre))
    for table, key, names, vectors, more in (
        ("book_vectors", "book_id", books, book_vectors, {}),
        ("link_vectors", "link_id", links, link_vectors, {"bias": bias}),
    ):
        columns = {key: names[key], "page_id": names["page_id"], "title": names["title"], "vector": list(vectors), **more}
        write_table(table, columns, job.staged[table].folder)
    # What `bookspace place` needs to know: centred vectors are shorter than 1 before they are brought to that length.
    job.staged["link_vectors"].facts = {"scale": float(model.scale), "length": model.length(settings.centre)}
    checkpoint.save(
        job.staged["model"].folder / "model.pt",
        {"model": model.state_dict(), "settings": settings.model_dump(), "torch": torch.__version__},
    )
    job.staged["model"].facts = {"dimensions": settings.dimensions, "books": len(books), "links": len(links)}
    held = f"valid split, {len(held_out[0]):,} pairs and {len(held_out[1]):,} negatives"
    places = {"train_loss": f"train split, {len(positives):,} pairs", "rows_per_second": str(device)}
    job.write_metrics(
        [(name, value, places.get(name, held), one.epoch) for one in figures for name, value in vars(one).items() if name != "epoch"]
    )


class _Reporter:
    """Logs the first epoch, the last, and between them one every few seconds."""

    def __init__(self) -> None:
        self._last = -math.inf

    def __call__(self, one: "EpochFigures", epochs: int, seconds_left: float) -> None:
        if time.monotonic() - self._last < SECONDS_BETWEEN_REPORTS and one.epoch < epochs:
            return
        self._last = time.monotonic()
        watched = (
            ""
            if math.isnan(one.valid_loss)
            else f"; held out: loss {one.valid_loss:.4f}, accuracy {one.valid_accuracy:.4f}, AUC {one.valid_auc:.4f}"
        )
        speed = f"{one.rows_per_second:,.0f} rows/s, {seconds_left:.0f} s left"
        log.info("train_embedding: epoch %d of %d, loss %.4f%s; %s", one.epoch, epochs, one.train_loss, watched, speed)


STEP = Step(
    "train_embedding",
    reads=("paired_books", "links", "pairs", "negatives"),
    writes=("book_vectors", "link_vectors", "model", "metrics"),
    settings=("train",),
    run=run,
)

if __name__ == "__main__":
    run_alone(STEP)
