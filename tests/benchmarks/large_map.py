"""A map of more books than any wiki has: time, memory and what it keeps; and the pictures of it.

    python -m tests.benchmarks.large_map FOLDER [--books 1000000] [--runs draw_map,pictures,export]

The books are drawn: topics of about a hundred books in themes of about a hundred topics, as vectors of `--dimensions` numbers, with genres
by theme. FOLDER keeps the warehouse, and is taken as it is when it holds one. Each run is a process of its own, and "memory" is the most
that it ever had resident; nothing here needs Spark.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding.manifest import Snapshot
from embedding.tables import TABLES
from embedding.warehouse import Warehouse, write_table

SNAPSHOT = Snapshot("drawnwiki", "20260101")
PER_TOPIC, PER_THEME, NEAR = 100, 100, 10
NOISE = (0.9, 0.7)  # of a topic around its theme, of a book around its topic, where a theme has length 1
GENRES = (
    "Fantasy",
    "Crime",
    "Romance",
    "History",
    "Horror",
    "Poetry",
    "Biography",
    "Satire",
    "Drama",
    "War",
    "Travel",
    "Science",
    "Westerns",
)


def drawn_vectors(books: int, dimensions: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Unit vectors, shape (books, dimensions), and each one's topic."""
    rng = np.random.default_rng(seed)
    topics = -(-books // PER_TOPIC)
    themes = -(-topics // PER_THEME)

    def around(centres: NDArray[np.float32], of: NDArray[np.int64], noise: float) -> NDArray[np.float32]:
        return centres[of] + noise * rng.normal(size=(len(of), dimensions)).astype(np.float32) / np.float32(np.sqrt(dimensions))

    first = around(np.zeros((1, dimensions), np.float32), np.zeros(themes, np.int64), 1.0)
    second = around(first, np.arange(topics) // PER_THEME, NOISE[0])
    of = np.arange(books) // PER_TOPIC
    vectors = around(second, of, NOISE[1])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), of


def write_drawn(folder: Path, books: int, dimensions: int, seed: int) -> None:
    """A published snapshot with all that map and pictures read; neighbours are the nearest of the same topic."""
    vectors, topic = drawn_vectors(books, dimensions, seed)
    rng = np.random.default_rng(seed)
    ids = np.arange(books)
    pages, titles = 7 * ids + 3, [f"Drawn book {i}" for i in range(books)]
    links, theme = np.minimum(5 + rng.zipf(1.6, books), 5_000), topic // PER_THEME
    genres = [[GENRES[i]] if i < len(GENRES) else [] for i in (theme + rng.integers(0, 3, books)) % (len(GENRES) + 1)]
    none: list[None] = [None] * books
    tables: dict[str, dict[str, Any]] = {
        "books": {
            "page_id": pages, "title": titles, "author": [f"Author {i}" for i in rng.integers(0, books // 4 + 1, books)], "genres": genres,
            "country": [f"Country {i}" for i in np.minimum(rng.zipf(1.7, books), 90)], "language": ["English"] * books,
            "year": rng.integers(1700, 2026, books),
        },
        "paired_books": {"book_id": ids, "page_id": pages, "title": titles, "links": links},
        "book_vectors": {"book_id": ids, "page_id": pages, "title": titles, "vector": list(vectors)},
        "neighbours": _neighbours(vectors, topic, pages, titles),
    }  # fmt: skip
    tables["books"] = dict.fromkeys(TABLES["books"].columns.names, none) | tables["books"]
    warehouse = Warehouse(folder)
    for table, columns in tables.items():
        with warehouse.write(TABLES[table].step, [table], SNAPSHOT, {}, {}) as staged:
            write_table(table, columns, staged[table].folder)


def _neighbours(vectors: NDArray[np.float32], topic: NDArray[np.int64], pages: NDArray[np.int64], titles: list[str]) -> dict[str, Any]:
    near, cosines = [], []
    for start in range(0, len(vectors), PER_TOPIC):
        own = vectors[start : start + PER_TOPIC]
        similar = own @ own.T
        np.fill_diagonal(similar, -2)
        best = np.argsort(-similar, axis=1)[:, :NEAR]
        near.append(start + best)
        cosines.append(np.take_along_axis(similar, best, 1))
    rows, values = np.concatenate(near), np.concatenate(cosines).ravel()
    mine, count = np.repeat(np.arange(len(rows)), rows.shape[1]), rows.size
    return {
        "page_id": pages[mine], "title": [titles[i] for i in mine], "rank": np.tile(np.arange(1, rows.shape[1] + 1), len(rows)),
        "neighbour_page_id": pages[rows.ravel()], "neighbour_title": [titles[i] for i in rows.ravel()], "similarity": values,
        "shared_links": [[]] * count,
    }  # fmt: skip


def measured(name: str, command: list[str]) -> None:
    """Run a command, and print its row."""
    started = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        sys.exit(f"{' '.join(command)} failed")
    print(f"| {name} | {wall:,.0f} | {used.ru_utime + used.ru_stime:,.0f} | {used.ru_maxrss / 1e6:.1f} |", flush=True)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--books", type=int, default=1_000_000)
    parser.add_argument("--dimensions", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", default="draw_map,pictures,export")
    options = parser.parse_args()
    root = options.folder
    if not (root / "book_vectors").exists():
        write_drawn(root, options.books, options.dimensions, options.seed)
    print(" ".join(["python -m tests.benchmarks.large_map", *sys.argv[1:]]))
    print(
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n"
    )
    print("| run | wall, s | CPU, s | memory, GB |\n|---|---|---|---|", flush=True)
    where = ["--warehouse", str(root)]
    draw_map = [sys.executable, "-m", "jobs.draw_map", *where, "--set", f"wiki={SNAPSHOT.wiki}", "--snapshot", SNAPSHOT.date]
    bookspace = [sys.executable, "-m", "jobs.pipeline"]
    for run in options.runs.split(","):
        if run == "draw_map":
            measured("draw_map", draw_map)
            warehouse = Warehouse(root)
            warehouse.publish(SNAPSHOT, warehouse.manifests_there(("book_vectors", "neighbours", "book_map"), SNAPSHOT))
        elif run == "pictures":
            measured("all pictures, light", [*bookspace, "draw", *where, "--theme", "light", "--out", str(root / "pictures")])
        elif run == "export":
            file = root / "books.parquet"
            measured("export for embedding-atlas", [*bookspace, "export", str(file), "--format", "embedding-atlas", *where])


if __name__ == "__main__":
    main()
