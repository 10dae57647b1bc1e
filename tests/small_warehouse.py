"""A warehouse with trained vectors, made without Spark: clusters of books that share links, with genres and countries."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedding.manifest import Manifest, Snapshot
from embedding.pairs.negatives import numbered_samples, sample_links
from embedding.runs import run_steps
from embedding.settings_files import load_settings
from embedding.warehouse import Warehouse, write_table
from jobs import train_embedding
from tests.conftest import HEADER

SNAPSHOT = Snapshot("testwiki", "20240501")
CLUSTERS, BOOKS, LINKS = 4, 15, 12  # of each cluster
SETTINGS = ["wiki=testwiki", "snapshot=20240501", "train.dimensions=12", "train.batch_positives=256", "train.min_steps=150"]


def cluster_of(title: str) -> int:
    """The cluster of a book or a link."""
    return int(title.split()[1])


def settings_for(root: Path, *overrides: str) -> Any:
    """The settings with which the warehouse was made."""
    return load_settings([], [*SETTINGS, f"warehouse={root}", *overrides])


def write(warehouse: Warehouse, step: str, tables: Mapping[str, Mapping[str, Sequence[Any]]], reads: Sequence[str], **more: Any) -> None:
    """Write tables as `step`, made from the tables `reads`."""
    inputs: dict[str, Manifest] = warehouse.inputs(reads, SNAPSHOT)
    kept = {name: value for name, value in settings_for(warehouse.root).model_dump().items() if name in ("seed", "pairs", "negatives")}
    with warehouse.write(step, list(tables), SNAPSHOT, inputs, kept) as staged:
        for table, columns in tables.items():
            write_table(table, columns, staged[table].folder)
            staged[table].facts = more.get(table, {})


def make(root: Path, *overrides: str) -> Warehouse:
    """Pages (with redirects), books, links, pairs and negatives, and the vectors that the trainer makes of them."""
    from embedding.wiki.site import Site

    warehouse, random = Warehouse(root), np.random.default_rng(1)
    books = [f"Book {cluster} {number}" for cluster in range(CLUSTERS) for number in range(BOOKS)]
    links = [f"Topic {cluster} {number}" for cluster in range(CLUSTERS) for number in range(LINKS)] + ["Common 9"]
    pairs = [
        (book, link)
        for book, title in enumerate(books)
        for link in sorted({*(random.permutation(LINKS)[:7] + cluster_of(title) * LINKS), CLUSTERS * LINKS})
    ]
    redirects = {f"Alias {title}": title for title in links} | {"Twice moved": "Alias Topic 1 1", "Circle": "Square", "Square": "Circle"}
    pages = [*((title, None) for title in (*books, *links)), *redirects.items()]
    nothing = [None] * len(pages)
    site = Site.from_header(HEADER.encode() + b"</mediawiki>", "header").to_dict()
    columns: dict[str, Sequence[Any]] = {
        "page_id": range(1, len(pages) + 1), "namespace": [0] * len(pages), "title": [title for title, _ in pages],
        "redirect_target": [aim for _, aim in pages], "redirect_namespace": [None if aim is None else 0 for _, aim in pages],
        "revision_id": range(len(pages)), "revision_timestamp": nothing, "wikitext": nothing,
    }  # fmt: skip
    write(warehouse, "read_dump", {"pages": columns}, [], pages={"site": site})
    some = {name: [None] * len(books) for name in ("revision_id", "revision_timestamp", "author", "language", "publisher", "series")}
    columns = {
        "page_id": range(1, len(books) + 1), "title": books, "genres": [[f"Genre {cluster_of(title)} novel", "Novel"] for title in books],
        "country": [("U.S.", "United States")[cluster_of(title) % 2] if cluster_of(title) < 2 else "France" for title in books],
        "infobox": [[]] * len(books), "links": [[]] * len(books), "dropped_links": [[]] * len(books),
        "year": [None] * len(books), "isbn": [None] * len(books), **some,
    }  # fmt: skip
    write(warehouse, "extract_books", {"books": columns}, ["pages"])
    tables: dict[str, Mapping[str, Sequence[Any]]] = {
        "paired_books": {
            "book_id": range(len(books)), "page_id": range(1, len(books) + 1), "title": books,
            "links": np.bincount([book for book, _ in pairs]).tolist(),
        },
        "links": {
            "link_id": range(len(links)), "title": links, "page_id": range(len(books) + 1, len(books) + len(links) + 1),
            "kind": ["article"] * len(links), "books": np.bincount([link for _, link in pairs]).tolist(),
        },
        "pairs": {
            "book_id": [book for book, _ in pairs], "link_id": [link for _, link in pairs], "mentions": [1] * len(pairs),
            "split": ["train"] * len(pairs),
        },
    }  # fmt: skip
    write(warehouse, "build_pairs", tables, ["pages", "books"])
    owners, places = numbered_samples(np.arange(len(books)), np.full(len(books), 16))
    known = np.array(sorted(book * len(links) + link for book, link in pairs))
    drawn = [sample_links(owners, places, draw, known, np.cumsum(np.ones(len(links))), 1) for draw in range(4)]
    with warehouse.write(
        "sample_negatives", ["negatives"], SNAPSHOT, warehouse.inputs(["pairs", "links"], SNAPSHOT), settings_for(root).model_dump()
    ) as staged:
        for draw, chosen in enumerate(drawn):
            part = {"book_id": owners, "link_id": chosen, "draw": [draw] * len(owners), "split": ["train"] * len(owners)}
            write_table("negatives", part, staged["negatives"].folder)
            staged["negatives"].facts = {"draws": len(drawn)}
            (staged["negatives"].folder / "part-00000.parquet").rename(staged["negatives"].folder / f"train-{draw}.parquet")
    run_steps([train_embedding.STEP], settings_for(root, *overrides))
    return warehouse
