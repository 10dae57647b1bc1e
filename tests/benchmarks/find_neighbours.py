"""The step find_neighbours on a million books: seconds of each part, and memory.

    python -m tests.benchmarks.find_neighbours FOLDER [--books 1000000] [--links 100000] [--tables-only] [--set KEY=VALUE ...]

Writes vectors drawn around 500 centres, as tests.benchmarks.neighbours does, and 20 links a book (half of them its centre's own) as the
steps before would leave them, and runs jobs/find_neighbours.py on two cores with 1 GB of memory for Java. Memory is the largest sum over
all processes, Java's among them, of what each holds alone and its part of what they share (PSS), taken twice a second; the index and the
vectors, which the workers map, are counted as far as they are in memory. The tables and the step's log stay in FOLDER. With --tables-only
nothing is indexed and searched: the ten books that come next among those of the same centre stand for a book's neighbours, and what is
measured is what it takes to explain them and to write the tables.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa

from embedding.manifest import Snapshot
from embedding.warehouse import Warehouse, write_table
from tests.benchmarks.neighbours import draw

SNAPSHOT = Snapshot("testwiki", "20240501")
WIDTH, CENTRES, PER_BOOK, OWN_LINKS = 50, 500, 20, 200
MEMORY = "1g"


def _vectors(rows: int, seed: int) -> pa.Array:
    flat = pa.array(draw(rows, WIDTH, seed)[0].ravel())
    return pa.ListArray.from_arrays(pa.array(np.arange(0, (rows + 1) * WIDTH, WIDTH, dtype=np.int32)), flat)


def _pairs(books: int, links: int) -> tuple[np.ndarray, np.ndarray]:
    """book_id and link_id, each pair once: half of a book's links are some of its centre's, half are frequent ones."""
    random = np.random.default_rng(2)
    centres = draw(books, WIDTH)[1]
    found = []
    for start in range(0, books, 100_000):
        ids = np.arange(start, min(start + 100_000, books))
        own = centres[ids][:, None] * OWN_LINKS + random.integers(0, OWN_LINKS, (len(ids), PER_BOOK // 2))
        frequent = (links * random.random((len(ids), PER_BOOK // 2)) ** 3).astype(np.int64)
        found.append(np.unique((ids[:, None] * links + np.hstack([own % links, frequent])).ravel()))
    keys = np.concatenate(found)
    return keys // links, keys % links


def make(root: Path, books: int, links: int) -> Warehouse:
    """The tables that the step reads."""
    warehouse = Warehouse(root)
    of_books, of_links = _pairs(books, links)
    names = {"book": [f"Book {number}" for number in range(books)], "link": [f"Link {number}" for number in range(links)]}
    pages = {"book": np.arange(books) + 1, "link": np.arange(links) + books + 1}
    tables: dict[str, dict[str, Any]] = {
        "paired_books": {
            "book_id": np.arange(books), "page_id": pages["book"], "title": names["book"], "links": np.bincount(of_books, minlength=books),
        },
        "links": {
            "link_id": np.arange(links), "page_id": pages["link"], "title": names["link"], "kind": ["article"] * links,
            "books": np.bincount(of_links, minlength=links),
        },
        "pairs": {
            "book_id": of_books, "link_id": of_links, "mentions": np.ones(len(of_books), np.int32),
            "split": pa.DictionaryArray.from_arrays(np.zeros(len(of_books), np.int8), ["train"]).dictionary_decode(),
        },
    }  # fmt: skip
    with warehouse.write("build_pairs", list(tables), SNAPSHOT, {}, {}) as staged:
        for table, columns in tables.items():
            write_table(table, columns, staged[table].folder)
    counts = {"book": books, "link": links}
    with warehouse.write("train_embedding", ["book_vectors", "link_vectors"], SNAPSHOT, warehouse.inputs(tables, SNAPSHOT), {}) as staged:
        for seed, (kind, count) in enumerate(counts.items()):
            columns = {f"{kind}_id": np.arange(count), "page_id": pages[kind], "title": names[kind], "vector": _vectors(count, seed)}
            write_table(f"{kind}_vectors", columns | {"bias": np.zeros(count, np.float32)}, staged[f"{kind}_vectors"].folder)
    return warehouse


def memory(process: psutil.Process) -> dict[str, float]:
    """Megabytes (PSS) of a process and of all below it: Java's, the driver's, the workers'."""
    found = {"java": 0.0, "driver": 0.0, "workers": 0.0}
    for one in _tree(process):
        try:
            kind = "java" if one.name() == "java" else "driver" if one.pid == process.pid else "workers"
            found[kind] += one.memory_full_info().pss / 1e6
        except psutil.Error:  # it has ended
            continue
    return found


def _tree(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def without_search(arguments: Sequence[str]) -> None:
    """Run the step, but for the search."""
    from pyspark.sql import DataFrame

    from embedding.job import Job
    from embedding.neighbours.executors import COLUMNS, as_batch
    from embedding.neighbours.tuning import Tuned
    from embedding.runs import run_alone
    from jobs import find_neighbours

    def built(_: Job, kind: str) -> dict[str, Tuned]:
        return {table: Tuned(1, 1, 1.0) for table, (_, given) in find_neighbours.SEARCHES.items() if given == kind}

    def searched(job: Job, table: str, _: Tuned) -> DataFrame:
        asks, given = (job.inputs[f"{kind}_vectors"].rows_out for kind in find_neighbours.SEARCHES[table])
        order = np.argsort(draw(given, WIDTH)[1], kind="stable").astype(np.int32)
        places = np.argsort(order).astype(np.int32)
        k = job.settings.neighbours.k

        def answer(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                rows = batch["id"].to_numpy()
                found = order[(places[rows % given][:, None] + np.arange(1, k + 1)) % given].astype(np.int64)
                yield as_batch(rows, found, np.tile(np.linspace(1, 0, k, dtype=np.float32), (len(rows), 1)))

        return job.spark.range(0, asks, 1, 50).mapInArrow(answer, COLUMNS)

    find_neighbours._build, find_neighbours._search = built, searched
    run_alone(find_neighbours.STEP, arguments)


def main() -> None:
    """Make the tables, run the step, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--books", type=int, default=1_000_000)
    parser.add_argument("--links", type=int, default=100_000)
    parser.add_argument("--tables-only", action="store_true")
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    warehouse = Warehouse(options.folder)
    if not warehouse.has("book_vectors", SNAPSHOT):
        make(options.folder, options.books, options.links)
    pairs = warehouse.manifest("pairs", SNAPSHOT).rows_out
    print(f"python -m tests.benchmarks.find_neighbours {' '.join(sys.argv[1:])}")
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {pairs:,} pairs; spark.driver_memory={MEMORY}\n"
    )
    sets = [f"wiki={SNAPSHOT.wiki}", f"snapshot={SNAPSHOT.date}", "spark.master=local[2]", f"spark.driver_memory={MEMORY}", *options.set]
    program = "import sys; from tests.benchmarks.find_neighbours import without_search; without_search(sys.argv[1:])"
    command = [sys.executable, *(["-c", program] if options.tables_only else ["-m", "jobs.find_neighbours"])]
    command += ["--warehouse", str(options.folder)]
    command += [part for one in sets for part in ("--set", one)]
    with (options.folder / "find_neighbours.log").open("w+b") as log:
        process = subprocess.Popen(command, stderr=log)
        watched, started = psutil.Process(process.pid), time.perf_counter()
        before, largest, told, running = 0.0, memory(watched), 0, True
        while running:
            running = process.poll() is None
            now = memory(watched)
            largest = max(largest, now, key=lambda one: sum(one.values()))
            log.seek(0)
            said = re.findall(r"^[\d:]{8} (find_neighbours: (?!stage).*)", log.read().decode(), re.M)
            for line in said[told:]:
                passed = time.perf_counter() - started
                parts = ", ".join(f"{kind} {mb:,.0f}" for kind, mb in largest.items())
                print(f"{passed - before:7.0f} s  {sum(largest.values()):6,.0f} MB ({parts})  until: {line}", flush=True)
                before, largest, told = passed, now, told + 1
            time.sleep(0.5)
        if process.returncode:
            log.seek(0)
            raise SystemExit(log.read().decode())


if __name__ == "__main__":
    main()
