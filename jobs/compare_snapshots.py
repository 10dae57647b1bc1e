"""compare_snapshots: neighbours, vectors and books of this snapshot and the one before -> neighbour_changes, metrics."""

from collections.abc import Iterator

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from embedding.evaluate.alignment import common_rows, mean_cosine
from embedding.job import Job, Step, log
from embedding.manifest import Snapshot
from embedding.neighbours.changes import COMPARED, both_sides, changes, overlap
from embedding.runs import run_alone

MOST_NEIGHBOURS = 10  # that are compared: overlap@10


def run(job: Job) -> None:
    """Measure what publish asks for, and list the neighbours that changed. A first snapshot has nothing to be compared with."""
    neighbours = job.read("neighbours", COMPARED)
    figures = [_without_neighbours(job, neighbours)]
    if job.before and set(STEP.reads_before) <= set(job.inputs_before):
        figures += _compare(job, job.before, neighbours)
    else:
        log.info("compare_snapshots: no published snapshot before %s to compare with", job.snapshot)
    for name, value, measured_on in figures:
        log.info("compare_snapshots: %s %s (%s)", name, f"{value:,.4g}", measured_on)
    job.write_metrics([(*figure, None) for figure in figures])


def _without_neighbours(job: Job, neighbours: DataFrame) -> tuple[str, float, str]:
    books, having = job.inputs["books"].rows_out, neighbours.select("page_id").distinct().count()
    return "without_neighbours", 1 - having / books, f"{books - having:,} of {books:,} books"


def _compare(job: Job, before: Snapshot, neighbours: DataFrame) -> Iterator[tuple[str, float, str]]:
    ids, ids_before = (job.arrow("paired_books", ["page_id"], of)["page_id"].to_numpy() for of in (job.snapshot, before))
    both = len(np.intersect1d(ids, ids_before, assume_unique=True))
    yield "books_share_of_before", len(ids) / max(1, len(ids_before)), f"{len(ids):,} books, {len(ids_before):,} in {before.date}"
    yield "books_added", float(len(ids) - both), f"books with neighbours, against {before.date}"
    yield "books_removed", float(len(ids_before) - both), f"books with neighbours, against {before.date}"

    neighbours_before = job.read("neighbours", COMPARED, before)
    sides = both_sides(neighbours_before, neighbours).persist()
    longest = [int((table.agg(F.max("rank")).first() or (0,))[0] or 0) for table in (neighbours, neighbours_before)]
    k = min(MOST_NEIGHBOURS, *longest)
    share, books = overlap(sides, k)
    yield "overlap_at_k_neighbours", share, f"k = {k}, {books:,} books of both {job.snapshot.date} and {before.date}"
    job.write("neighbour_changes", changes(sides, job.read("paired_books"), before.date))
    sides.unpersist()
    cosine, vectors = _cosine(job, before)
    yield "cosine_to_before", cosine, f"vectors of {vectors:,} books of both {job.snapshot.date} and {before.date}"


def _cosine(job: Job, before: Snapshot) -> tuple[float, int]:
    """Mean cosine of a book's vector with its vector in the snapshot before, and of how many; nan when the widths differ."""
    ids, ids_before = (job.arrow("book_vectors", ["book_id", "page_id"], of).sort_by("book_id")["page_id"] for of in (job.snapshot, before))
    here, there = common_rows(ids.to_numpy(), ids_before.to_numpy())
    now, then = job.vectors("book_vectors", "book_id"), job.vectors("book_vectors", "book_id", before)
    return (mean_cosine(now[here], then[there]) if now.shape[1] == then.shape[1] else float("nan")), len(here)


STEP = Step(
    "compare_snapshots",
    reads=("books", "paired_books", "book_vectors", "neighbours"),
    writes=("neighbour_changes", "metrics"),
    settings=(),
    run=run,
    reads_before=("paired_books", "book_vectors", "neighbours"),
)

if __name__ == "__main__":
    run_alone(STEP)
