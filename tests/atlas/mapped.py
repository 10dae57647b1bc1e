"""Warehouses in miniature that hold what the explorer, the projector files and the exports read, without a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from embedding.manifest import Snapshot
from embedding.warehouse import Warehouse, write_table

SNAPSHOT = Snapshot("enwiki", "20260101")


@dataclass(frozen=True)
class Book:
    """A book as the tests write it."""

    title: str
    author: str | None = None
    genres: Sequence[str] = ()
    country: str | None = None
    language: str | None = None
    year: int | None = None
    linked: int = 0
    near: Sequence[tuple[int, float, Sequence[str]]] = field(default_factory=list)
    """Neighbours: number of the book, cosine, shared links."""


def write_mapped(folder: Path, books: Sequence[Book], snapshot: Snapshot = SNAPSHOT, publish: bool = True) -> Warehouse:
    """A warehouse with book_map, neighbours, links and book_vectors of these books; page_id is the place in the list + 1."""
    warehouse = Warehouse(folder)
    angle = np.linspace(0, 2 * np.pi, max(1, len(books)), endpoint=False, dtype=np.float32)
    x, y = np.cos(angle)[: len(books)], np.sin(angle)[: len(books)]
    ids = list(range(1, len(books) + 1))
    tables: dict[str, dict[str, Any]] = {
        "book_map": {
            "page_id": ids, "title": [b.title for b in books], "author": [b.author for b in books],
            "genre": [b.genres[0] if b.genres else None for b in books], "genres": [list(b.genres) for b in books],
            "country": [b.country for b in books], "language": [b.language for b in books], "year": [b.year for b in books],
            "links": [5] * len(books), "tsne_x": 20 * x, "tsne_y": 20 * y, "umap_x": y, "umap_y": 3 * x,
        },
        "links": {
            "link_id": range(len(books)), "title": [b.title for b in books], "page_id": ids, "kind": ["book"] * len(books),
            "books": [b.linked for b in books],
        },
        "neighbours": {
            "page_id": [ids[i] for i, b in enumerate(books) for _ in b.near],
            "title": [b.title for b in books for _ in b.near],
            "rank": [rank for b in books for rank, _ in enumerate(b.near, 1)],
            "neighbour_page_id": [ids[other] for b in books for other, _, _ in b.near],
            "neighbour_title": [books[other].title for b in books for other, _, _ in b.near],
            "similarity": [cosine for b in books for _, cosine, _ in b.near],
            "shared_links": [list(shared) for b in books for _, _, shared in b.near],
        },
        "book_vectors": {
            "book_id": range(len(books)), "page_id": ids, "title": [b.title for b in books], "vector": list(np.stack([x, y], axis=1)),
        },
    }  # fmt: skip
    manifests = {}
    for table, columns in tables.items():
        with warehouse.write("test", [table], snapshot, {}, {}) as staged:
            write_table(table, columns, staged[table].folder)
        manifests[table] = warehouse.manifest(table, snapshot)
    if publish:
        warehouse.publish(snapshot, manifests)
    return warehouse


TOLSTOY = ["Leo Tolstoy", "Russian literature", "Category:Novels set in Russia"]

LIBRARY = [
    Book("War and Peace", "Leo Tolstoy", ["Historical novel", "War novel"], "Russia", "Russian", 1869, 9,
         [(1, 0.91, TOLSTOY), (2, 0.74, ["Russian literature"]), (3, 0.5, [])]),
    Book("Anna Karenina", "Leo Tolstoy", ["Realist novel"], "Russia", "Russian", 1878, 8, [(0, 0.91, TOLSTOY), (2, 0.6, [])]),
    Book("The Idiot", "Fyodor Dostoevsky", ["Realist novel"], "Russia", "Russian", 1869, 7, [(0, 0.74, ["Russian literature"])]),
    Book("Les Misérables", "Victor Hugo", ["Historical novel"], "France", "French", 1862, 6, [(0, 0.5, []), (4, 0.7, ["Paris"])]),
    Book("Œdipe à Paris", "Ægidius Łukasz", ["Play"], "France", "French", 1950, 5, [(3, 0.7, ["Paris"]), (5, 0.4, [])]),
    Book("Odyssey", "Homer", ["Epic poetry"], "Greece", "Ancient Greek", -700, 4, [(4, 0.4, ["Epic"])]),
    Book("Alone on a shelf", None, [], None, None, None, 3, []),
    Book("Its twin", "Nobody", [], None, None, 2011, 2, [(6, 0.3, [])]),
    Book("Far away", "Somebody", ["Play"], "Japan", "Japanese", 2001, 1, [(9, 0.8, ["Moon"])]),
    Book("Farther away", "Somebody", ["Play"], "Japan", "Japanese", 2003, 1, [(8, 0.8, ["Moon"])]),
    Book("? (film tie-in) #1 & 50% \"more\"", "Who's who", ["Play"], "Japan", "Japanese", 2004, 0, [(8, 0.2, ["What? #2 & 3%"])]),
]  # fmt: skip

HOSTILE = [
    "<img src=x onerror=\"window.broken = 'img'\">",
    "</script><script>window.broken = 'script'</script>",
    "<!--<script>",
    "]]> <svg onload=window.broken='svg'>",
    "it's \"quoted\" `back` ${window.broken = 'template'} \\",
    "javascript:window.broken='address'",
    "العربية والكتاب",
    "📚 emoji 👩‍👩‍👧‍👦 book",
    "line\u2028separator\u2029and\ttab",
    "__proto__",
    "@@app@@ {{braces}} %s",
    "x" * 255,
]
