"""find_neighbours: book_vectors, link_vectors, pairs -> the four tables of neighbours, the Annoy indexes, metrics."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from embedding.errors import WarehouseError
from embedding.job import Job, Step, log
from embedding.neighbours.tables import between_table, neighbour_table, shared
from embedding.runs import run_alone

if TYPE_CHECKING:
    from embedding.neighbours.files import IndexFolder
    from embedding.neighbours.search import Rows, Search, Vectors
    from embedding.neighbours.tuning import Tuned

BROADCAST_ROWS = 100_000
KEYS = {"book": "book_id", "link": "link_id"}
# table: what asks, what is found.
SEARCHES = {
    "neighbours": ("book", "book"),
    "link_neighbours": ("link", "link"),
    "book_links_nearest": ("book", "link"),
    "link_books": ("link", "book"),
}


def run(job: Job) -> None:
    """Find what is near to every book and to every link, and what near ones have in common."""
    for kind in KEYS:
        _write_rows(job, kind)
    tuned = _build(job, "book") | _build(job, "link")
    pairs = _merged(job, "pairs").select("book_id", "link_id", "mentions").persist()
    names = {
        "book": _merged(job, "paired_books").select("book_id", "page_id", "title", F.col("links").alias("frequency")),
        "link": _merged(job, "links").select("link_id", "page_id", "title", F.col("books").alias("frequency")),
    }
    for table, (asks, given) in SEARCHES.items():
        found = _search(job, table, tuned[table]).persist()
        key, other = KEYS[asks], KEYS["link" if asks == "book" else "book"]
        named = [names[kind].withColumnRenamed(KEYS[kind], "row").drop("frequency") for kind in (asks, given)]
        if asks == given:
            explained = shared(
                found.select("row", "neighbour"),
                pairs.select(F.col(key).alias("row"), F.col(other).alias("feature")),
                names["link" if asks == "book" else "book"].select(F.col(other).alias("feature"), "title", "frequency"),
                job.inputs[f"{asks}_vectors"].rows_out,
                job.settings.neighbours.shared_links,
            )
            job.write(table, neighbour_table(found, explained, named[0]))
        else:
            job.write(table, between_table(table, found, pairs, *named))
        found.unpersist()
    pairs.unpersist()
    job.write_metrics(
        (
            f"recall_at_k_{table}",
            one.recall,
            f"{_sample_size(job, SEARCHES[table][0]):,} of {_rows(job, SEARCHES[table][0]):,} {SEARCHES[table][0]}_vectors, "
            f"Annoy ({one.trees} trees, search_k {one.search_k}) against exact search, k = {job.settings.neighbours.k}",
            None,
        )
        for table, one in tuned.items()
    )


def _merged(job: Job, table: str) -> DataFrame:
    """A table that Spark does not broadcast if it is large: it would go by the bytes on disk, which are packed to a tenth."""
    rows = job.read(table)
    return rows.hint("merge") if job.inputs[table].rows_out > BROADCAST_ROWS else rows


def _folder(job: Job, kind: str) -> "IndexFolder":
    from embedding.neighbours.files import IndexFolder

    return IndexFolder(job.staged[f"{kind}_index"].folder)


def _rows(job: Job, kind: str) -> int:
    return job.inputs[f"{kind}_vectors"].rows_out


def _sample_size(job: Job, kind: str) -> int:
    return min(job.settings.neighbours.recall_queries, _rows(job, kind))


def _write_rows(job: Job, kind: str) -> None:
    """Stage the vectors of the books or of the links, and what each is, beside where their index will be."""
    table, key = f"{kind}_vectors", KEYS[kind]
    vectors = job.vectors(table, key)
    if len(vectors) < 2:
        raise WarehouseError(
            f"table {table} of {job.snapshot} holds {len(vectors)} vector: nothing has a neighbour; "
            "lower pairs.min_books, or give a larger dump"
        )
    if not (finite := np.isfinite(vectors).all(1)).all():
        raise WarehouseError(
            f"table {table} of {job.snapshot}: vector {np.argmin(finite)} holds what is no number; run train_embedding again, "
            "with a lower train.learning_rate"
        )
    items: pa.Table = job.arrow(table, [key, "page_id", "title"]).sort_by(key)
    _folder(job, kind).write_rows(vectors, items)


def _build(job: Job, kind: str) -> dict[str, "Tuned"]:
    """Stage the index of the books or of the links, with trees enough; how each table that it serves is to be searched."""
    from embedding.neighbours.exact import ExactSearch
    from embedding.neighbours.tuning import Limits, tune

    settings, folder = job.settings.neighbours, _folder(job, kind)
    limits = Limits(settings.trees, settings.max_trees, settings.search_k, settings.max_search_k, settings.min_recall)
    exact = ExactSearch(folder.vectors())
    served = [table for table, (_, given) in SEARCHES.items() if given == kind]
    right = {table: _sample(job, table, exact) for table in served}

    def build(trees: int) -> None:
        log.info("find_neighbours: building the index of %s %ss, %d trees", f"{_rows(job, kind):,}", kind, trees)
        folder.build(trees, job.settings.seed)

    tuned = tune(
        build,
        {table: partial(lambda table, search_k: _sample(job, table, folder.search(search_k)), table) for table in served},
        right,
        limits,
    )
    first = tuned[served[0]]
    job.staged[f"{kind}_index"].facts = {
        **folder.facts(), "trees": first.trees, "seed": job.settings.seed, "item": KEYS[kind],
        "search_k": {table: one.search_k for table, one in tuned.items()},
    }  # fmt: skip
    log.info(
        "find_neighbours: index of %s %ss, %d trees; %s", f"{_rows(job, kind):,}", kind, first.trees,
        ", ".join(f"recall@{settings.k} of {table} {one.recall:.4f} with search_k {one.search_k:,}" for table, one in tuned.items()),
    )  # fmt: skip
    return tuned


def _sample(job: Job, table: str, search: "Search") -> "Vectors":
    """Cosines that a search finds for a seeded sample of a table's queries, shape (queries, k)."""
    asks, given = SEARCHES[table]
    rows = np.random.default_rng(job.settings.seed).permutation(_rows(job, asks))[: job.settings.neighbours.recall_queries]
    return _ask(job, search, np.sort(rows), asks, given)[1]


def _ask(job: Job, search: "Search", rows: "Rows", asks: str, given: str) -> "tuple[Rows, Vectors]":
    k = job.settings.neighbours.k
    return search.neighbours(rows, k) if asks == given else search.nearest(_folder(job, asks).vectors()[rows], k)


def _search(job: Job, table: str, tuned: "Tuned") -> DataFrame:
    """What is near to every row, by the method of the settings: row, neighbour, rank, similarity."""
    from embedding.neighbours.exact import ExactSearch, on_gpu
    from embedding.neighbours.executors import Question, as_batch, search_on_executors
    from embedding.neighbours.files import INDEX, VECTORS
    from embedding.neighbours.search import EXACT_UP_TO, choose_method

    asks, given = SEARCHES[table]
    method = choose_method(job.settings.neighbours.method, _rows(job, given), tuned.search_k)
    log.info("find_neighbours: %s of %s %ss by %s search", table, f"{_rows(job, asks):,}", asks, method)
    if method == "annoy" or (max(_rows(job, asks), _rows(job, given)) > EXACT_UP_TO and not on_gpu()):
        search_k = tuned.search_k if method == "annoy" else None
        index = job.exchange.lend(f"{given}_index", _folder(job, given).folder, [VECTORS, INDEX] if search_k else [VECTORS])
        queries = index if asks == given else job.exchange.lend(f"{asks}_index", _folder(job, asks).folder, [VECTORS])
        return search_on_executors(job.spark, Question(index, queries, job.settings.neighbours.k, search_k), _rows(job, asks))
    rows = np.arange(_rows(job, asks))
    answer = as_batch(rows, *_ask(job, ExactSearch(_folder(job, given).vectors()), rows, asks, given))
    return job.spark.createDataFrame(pa.Table.from_batches([answer]))


STEP = Step(
    "find_neighbours",
    reads=("book_vectors", "link_vectors", "pairs", "paired_books", "links"),
    writes=("neighbours", "link_neighbours", "book_links_nearest", "link_books", "book_index", "link_index", "metrics"),
    settings=("neighbours",),
    run=run,
)

if __name__ == "__main__":
    run_alone(STEP)
