"""find_neighbours: book_vectors, link_vectors, pairs -> neighbours, link_neighbours, the Annoy indexes, metrics."""

from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from embedding.errors import WarehouseError
from embedding.job import Job, Step, log
from embedding.neighbours.tables import neighbour_table, shared
from embedding.runs import run_alone


def run(job: Job) -> None:
    """Find the nearest books of every book and the nearest links of every link, and what they have in common."""
    pairs = job.read("pairs").select("book_id", "link_id").persist()
    books = job.read("paired_books").select("book_id", "page_id", "title", F.col("links").alias("frequency"))
    links = job.read("links").select("link_id", "page_id", "title", F.col("books").alias("frequency"))
    figures = []
    for table, vectors, index, key, other, names, features in (
        ("neighbours", "book_vectors", "book_index", "book_id", "link_id", books, links),
        ("link_neighbours", "link_vectors", "link_index", "link_id", "book_id", links, books),
    ):
        found, recall = _search(job, vectors, index, key)
        figures.append((f"recall_at_k_{table}", *recall, None))
        explained = shared(
            found.select("row", "neighbour"),
            pairs.select(F.col(key).alias("row"), F.col(other).alias("feature")),
            features.select(F.col(other).alias("feature"), "title", "frequency"),
            job.inputs[vectors].rows_out,
            job.settings.neighbours.shared_links,
        )
        named = names.select(F.col(key).alias("row"), "page_id", "title")
        job.write(table, neighbour_table(found, explained, named))
    pairs.unpersist()
    job.write_metrics(figures)


def _search(job: Job, table: str, index: str, key: str) -> tuple[DataFrame, tuple[float, str]]:
    """Neighbours of every row (row, neighbour, rank, similarity), and the recall of Annoy with what it was measured on."""
    from embedding.evaluate.ranking import recall
    from embedding.neighbours.annoy_index import AnnoySearch, build_index
    from embedding.neighbours.exact import ExactSearch
    from embedding.neighbours.search import choose_method

    settings = job.settings.neighbours
    vectors = job.vectors(table, key)
    if len(vectors) < 2:
        raise WarehouseError(
            f"table {table} of {job.snapshot} holds {len(vectors)} vector: nothing has a neighbour; "
            "lower pairs.min_books, or give a larger dump"
        )
    rows = np.arange(len(vectors))
    file = job.staged[index].folder / "index.ann"
    build_index(vectors, file, settings.trees, job.settings.seed)
    annoy, exact = AnnoySearch(vectors, file, settings.search_k), ExactSearch(vectors)
    sample = np.sort(np.random.default_rng(job.settings.seed).permutation(rows)[: settings.recall_queries])
    right, _ = exact.neighbours(sample, settings.k)
    while (share := recall(annoy.neighbours(sample, settings.k)[0], right)) < settings.min_recall and annoy.widen():
        pass
    method = choose_method(settings.method, len(vectors))
    log.info(
        "find_neighbours: %s vectors by %s search; Annoy's recall@%d %.4f with search_k %d",
        f"{len(vectors):,}", method, settings.k, share, annoy.search_k,
    )  # fmt: skip
    found, cosines = (exact if method == "exact" else annoy).neighbours(rows, settings.k)
    job.staged[index].facts = {
        "metric": "angular", "vectors": len(vectors), "dimensions": vectors.shape[1], "trees": settings.trees,
        "search_k": annoy.search_k, "row": key, "tables_by": method,
    }  # fmt: skip
    k = found.shape[1]
    columns: dict[str, Any] = {
        "row": pa.array(np.repeat(rows, k), pa.int32()),
        "neighbour": pa.array(found.ravel(), pa.int32()),
        "rank": pa.array(np.tile(np.arange(1, k + 1), len(rows)), pa.int32()),
        "similarity": pa.array(cosines.ravel(), pa.float32()),
    }
    measured_on = f"{len(sample):,} of {len(rows):,} {table}, Annoy (search_k {annoy.search_k}) against exact search, k = {k}"
    return job.spark.createDataFrame(pa.table(columns)), (share, measured_on)


STEP = Step(
    "find_neighbours",
    reads=("book_vectors", "link_vectors", "pairs", "paired_books", "links"),
    writes=("neighbours", "link_neighbours", "book_index", "link_index", "metrics"),
    settings=("neighbours",),
    run=run,
)

if __name__ == "__main__":
    run_alone(STEP)
