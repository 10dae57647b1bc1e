"""A warehouse with two published snapshots of the sample's books, made without Spark: their vectors are drawn at random."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from embedding.atlas.table import map_columns
from embedding.manifest import Snapshot
from embedding.neighbours.exact import ExactSearch
from embedding.sample.generator import read_facts
from embedding.tables import TABLES
from embedding.warehouse import Warehouse, write_table

BEFORE, TODAY = Snapshot("samplewiki", "20260101"), Snapshot("samplewiki", "20260201")
TOPICS = ["Russian literature", "Ecology", "Satire", "London", "War", "Love", "Robot", "Marriage", "Sea", "Moscow", "Paris", "Ghost"]


def _vectors(rows: int, seed: int) -> np.ndarray:
    """Unit vectors; with another seed they move a little."""
    vectors = np.random.default_rng(1).normal(size=(rows, 3)) + 0.1 * np.random.default_rng(seed).normal(size=(rows, 3))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _near(asking: np.ndarray, given: np.ndarray, own: bool) -> list[tuple[int, int, int, float]]:
    """row, rank, other, similarity of the ten nearest."""
    search = ExactSearch(given)
    found, similar = search.neighbours(np.arange(len(asking)), 10) if own else search.nearest(asking, 10)
    return [(row, i + 1, int(found[row, i]), float(similar[row, i])) for row in range(len(found)) for i in range(found.shape[1])]


def _write(warehouse: Warehouse, step: str, snapshot: Snapshot, **tables: dict[str, list[Any]]) -> None:
    with warehouse.write(step, list(tables), snapshot, {}, {}) as staged:
        for table, columns in tables.items():
            write_table(table, columns, staged[table].folder)


def make(root: Path) -> Warehouse:
    """Write the warehouse."""
    warehouse = Warehouse(root)
    facts = read_facts()
    titles, pages, none = [book.title for book in facts], [1000 + i for i in range(len(facts))], [None] * len(facts)
    books = {
        "page_id": pages, "title": titles, "year": [int(book.year) if book.year else None for book in facts],
        "genres": [list(book.genres) for book in facts],
        **{name: [", ".join(getattr(book, name)) or None for book in facts] for name in ("author", "language", "country")},
    }  # fmt: skip
    links = _vectors(len(TOPICS), 3)
    for seed, snapshot in enumerate((BEFORE, TODAY)):
        vectors = _vectors(len(facts), seed)
        vectors[titles.index("Brave New World")] = vectors[titles.index("Dune (novel)")]  # so that a chain leads from one to the other
        books_near = _near(vectors, vectors, True)
        near = [(pages[a], titles[a], rank, pages[b], titles[b], s, ["x"] if rank == 1 else []) for a, rank, b, s in books_near]
        about = [(pages[a], titles[a], rank, b, None, TOPICS[b], s, 0) for a, rank, b, s in _near(vectors, links, False)]
        topic = [(a, None, TOPICS[a], rank, pages[b], titles[b], s, 1) for a, rank, b, s in _near(links, vectors, False)]
        _write(warehouse, "extract_books", snapshot, books=dict.fromkeys(TABLES["books"].columns.names, none) | books)
        vector_columns = {"book_id": list(range(len(facts))), "page_id": pages, "title": titles, "vector": list(vectors)}
        _write(warehouse, "train_embedding", snapshot, book_vectors=vector_columns)
        _write(
            warehouse, "find_neighbours", snapshot,
            neighbours=_columns("neighbours", near),
            book_links_nearest=_columns("book_links_nearest", about),
            link_books=_columns("link_books", topic),
        )  # fmt: skip
        paired = pa.table({"page_id": pages, "title": titles, "links": [5] * len(pages)})
        known = pa.table({name: books.get(name, none) for name in ("page_id", "author", "genres", "country", "language", "year")})
        _write(warehouse, "draw_map", snapshot, book_map=map_columns(paired, known, {}))
        warehouse.publish(snapshot, {})
    return warehouse


def _columns(table: str, rows: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in zip(TABLES[table].columns.names, zip(*rows, strict=True), strict=True)}
