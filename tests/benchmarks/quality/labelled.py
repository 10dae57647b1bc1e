"""A second kind of data: a snapshot of a warehouse, judged by whether neighbours share author, series or main genre.

A pair is left out where the link's title names the author, series or genre of its own book, so that what is judged is not given.
"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedding.atlas.genres import name_genres
from embedding.manifest import Snapshot
from embedding.warehouse import Warehouse
from tests.benchmarks.quality.data import Pairs

TOP = 10


@dataclass(frozen=True)
class Labelled:
    """Books with their links and labels.

    Attributes:
        books, links: how many there are.
        pairs: book_id and link_id, sorted, shape (n, 2).
        labels: kind of label: that of each book, "" where it has none.
    """

    books: int
    links: int
    pairs: Pairs
    labels: dict[str, list[str]]

    def figures(self, top: NDArray[np.int64]) -> dict[str, float]:
        """nDCG@10 of each kind: every book of a label that another book has too asks, and books with its label are right."""
        discount = 1 / np.log2(np.arange(2, TOP + 2))
        result = {}
        for kind, labels in self.labels.items():
            counts, own = Counter(labels), np.array(labels)
            asked = [book for book, label in enumerate(labels) if label and counts[label] > 1]
            gains = []
            for book in asked:
                right = own[top[book]] == own[book]
                gains.append((right * discount).sum() / discount[: min(TOP, counts[labels[book]] - 1)].sum())
            result[f"nDCG@10 {kind}"] = float(np.mean(gains))
        return result


def read_labelled(root: Path, name: str) -> Labelled:
    """The pairs of all splits of a snapshot, named as wiki/YYYYMMDD."""
    warehouse, snapshot = Warehouse(root), Snapshot(*name.split("/"))

    def read(table: str, columns: list[str], order: str) -> dict[str, list]:  # type: ignore[type-arg]
        return pq.read_table(warehouse.files(table, snapshot), columns=columns, partitioning=None).sort_by(order).to_pydict()

    paired, links = read("paired_books", ["book_id", "page_id"], "book_id"), read("links", ["link_id", "title"], "link_id")
    books = read("books", ["page_id", "author", "series", "genres"], "page_id")
    rows = {page: row for row, page in enumerate(books["page_id"])}
    at = [rows[page] for page in paired["page_id"]]
    labels = {kind: [_folded(books[kind][row] or "") for row in at] for kind in ("author", "series")}
    labels["genre"] = [_folded(genres[0]) if genres else "" for genres in name_genres([books["genres"][row] for row in at])]
    titles, found = [_folded(title) for title in links["title"]], read("pairs", ["book_id", "link_id"], "book_id")
    kept = sorted(
        (book, link)
        for book, link in zip(found["book_id"], found["link_id"], strict=True)
        if not any(word and word in titles[link] for word in _given_away(book, labels))
    )
    return Labelled(len(at), len(titles), np.array(kept, np.int32), labels)


def _given_away(book: int, labels: dict[str, list[str]]) -> list[str]:
    genre = labels["genre"][book]
    return [labels["author"][book], labels["series"][book], genre, re.sub(r" (fiction|novel|literature)$", "", genre)]


def _folded(text: str) -> str:
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(letter))
    return " ".join(re.findall(r"\w+", plain))
