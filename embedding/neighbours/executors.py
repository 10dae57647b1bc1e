"""Search on Spark's executors: each process opens the files that the driver lends and searches for its part of the queries."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from embedding.exchange import Lent
from embedding.neighbours.files import IndexFolder
from embedding.neighbours.search import Rows, Search, Vectors

COLUMNS = "row int, neighbour int, rank int, similarity float"
QUERIES_A_PARTITION = 20_000


@dataclass(frozen=True)
class Question:
    """Which rows of an index are nearest to the vectors of a file.

    Attributes:
        index: its folder.
        queries: folder of the index whose vectors ask; the same one: each row asks for its neighbours, itself not among them.
        k: rows each.
        search_k: vectors that Annoy inspects a query; None: all are compared (exact search).
    """

    index: Lent
    queries: Lent
    k: int
    search_k: int | None

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Answer the queries whose numbers are in the column id."""
        search = _search(self)
        queries = IndexFolder(self.queries.place()).vectors()
        for batch in batches:
            rows = batch["id"].to_numpy()
            if self.index == self.queries:
                yield as_batch(rows, *search.neighbours(rows, self.k))
            else:
                yield as_batch(rows, *search.nearest(queries[rows], self.k))


@lru_cache(maxsize=1)  # a worker answers many parts of one question
def _search(question: Question) -> Search:
    folder = IndexFolder(question.index.place())
    if question.search_k is not None:
        return folder.search(question.search_k)
    from embedding.neighbours.exact import ExactSearch

    return ExactSearch(folder.vectors())


def search_on_executors(spark: SparkSession, question: Question, count: int) -> DataFrame:
    """Answer a question for all `count` vectors that ask: row, neighbour, rank, similarity. The number of partitions changes nothing."""
    partitions = max(spark.sparkContext.defaultParallelism, -(-count // QUERIES_A_PARTITION))
    return spark.range(0, count, 1, min(count, partitions)).mapInArrow(question, COLUMNS)


def as_batch(rows: Rows, found: Rows, similar: Vectors) -> pa.RecordBatch:
    """What was found for some rows, both of shape (rows, k), as rows of COLUMNS."""
    k = found.shape[1]
    columns = {
        "row": pa.array(np.repeat(rows, k), pa.int32()),
        "neighbour": pa.array(found.ravel(), pa.int32()),
        "rank": pa.array(np.tile(np.arange(1, k + 1), len(rows)), pa.int32()),
        "similarity": pa.array(similar.ravel(), pa.float32()),
    }
    return pa.RecordBatch.from_pydict(columns)
