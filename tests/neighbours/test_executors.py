"""Annoy on Spark's workers."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from embedding.exchange import LentFolder
from embedding.neighbours import executors
from embedding.neighbours.exact import ExactSearch
from embedding.neighbours.executors import Question, search_on_executors
from embedding.neighbours.files import IndexFolder

Row = tuple[int, int, int, float]


def _index(path: Path, rows: int, seed: int) -> IndexFolder:
    vectors = np.random.default_rng(seed).normal(size=(rows, 12)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    path.mkdir()
    folder = IndexFolder(path)
    folder.write_rows(vectors, pa.table({"item": range(rows)}))
    folder.build(20, 1)
    return folder


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> IndexFolder:
    return _index(tmp_path_factory.mktemp("index") / "books", 700, 1)


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> IndexFolder:
    return _index(tmp_path_factory.mktemp("index") / "links", 90, 2)


def _answer(spark: SparkSession, index: IndexFolder, queries: IndexFolder, k: int, search_k: int | None) -> list[Row]:
    question = Question(LentFolder(index.folder), LentFolder(queries.folder), k, search_k)
    return sorted(tuple(row) for row in search_on_executors(spark, question, len(queries.vectors())).collect())


def _expected(found: np.ndarray, near: np.ndarray) -> list[Row]:
    return [(row, int(found[row, i]), i + 1, float(near[row, i])) for row in range(len(found)) for i in np.argsort(found[row])]


@pytest.mark.parametrize("a_partition", [20_000, 37])
def test_the_number_of_partitions_changes_nothing(
    a_partition: int, spark: SparkSession, books: IndexFolder, links: IndexFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "QUERIES_A_PARTITION", a_partition)
    wide = 100_000  # everything is inspected: as exact search
    exact = ExactSearch(np.array(books.vectors()))
    assert _answer(spark, books, books, 5, wide) == _expected(*exact.neighbours(np.arange(700), 5))
    assert _answer(spark, books, links, 5, wide) == _expected(*exact.nearest(np.array(links.vectors()), 5))
    assert _answer(spark, books, books, 5, None) == _expected(*exact.neighbours(np.arange(700), 5))


def test_few_rows_give_all_others(spark: SparkSession, tmp_path: Path) -> None:
    few = _index(tmp_path / "few", 3, 3)
    answer = _answer(spark, few, few, 10, 1)
    assert [row[:2] for row in answer] == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
