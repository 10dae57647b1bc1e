"""How fast pairs reach the trainer, beside pyarrow alone and Petastorm's own loader.

    python -m tests.benchmarks.feed [--rows 8] [--runs 3]

Writes so many million pairs as build_pairs does (a row group of 2^20 rows a file) and takes one epoch of each way, in turns; the best of
the runs. An epoch is every row once, shuffled but where the way does not shuffle; the rows are counted.
"""

import argparse
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedding.tables import ROWS_PER_FILE, TABLES
from embedding.train.feed.files import File, choose_files
from embedding.train.feed.parquet import read_files
from embedding.train.feed.serve import Feed, MemoryFeed, Part, StreamFeed

STEP = 3 << 13


def write(folder: Path, rows: int) -> list[Path]:
    random, files = np.random.default_rng(1), []
    for number, start in enumerate(range(0, rows, ROWS_PER_FILE)):
        count = min(ROWS_PER_FILE, rows - start)
        books = np.sort(random.integers(0, 37_020, count))
        columns = {"book_id": books, "link_id": random.integers(0, 41_758, count), "mentions": np.ones(count), "split": ["train"] * count}
        files.append(folder / f"part-{number:05}.parquet")
        schema = TABLES["pairs"].columns
        table = pa.table({name: pa.array(columns[name]).cast(schema.field(name).type) for name in schema.names}, schema=schema)
        pq.write_table(table, files[-1], compression="zstd", row_group_size=ROWS_PER_FILE)
    return files


def epoch(feed: Feed) -> int:
    return sum(len(share) for share in feed.shares(0, max(1, feed.rows(0) // STEP), 0, Part()))


def petastorm_loader(files: list[File], shuffled: bool) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from petastorm import make_batch_reader
        from petastorm.pytorch import BatchedDataLoader

        queue = 1_000_000 if shuffled else 0
        with make_batch_reader(
            [f"file://{f.path}" for f in files], schema_fields=["book_id", "link_id"], workers_count=2, num_epochs=1
        ) as r:
            return sum(len(batch["book_id"]) for batch in BatchedDataLoader(r, batch_size=STEP, shuffling_queue_capacity=queue))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=float, default=8, help="millions")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    import torch

    rows, cpu = int(options.rows * 1e6), torch.device("cpu")
    with TemporaryDirectory() as scratch:
        files = choose_files(write(Path(scratch), rows), {"split": "train"})
        held = MemoryFeed([read_files(files)], 1, cpu)

        def streamed(reader: str) -> int:
            read = partial(read_files, reader=reader)  # type: ignore[arg-type]
            return epoch(StreamFeed([files], read, 4 << 20, 1, cpu))

        ways: dict[str, Callable[[], int]] = {
            "in memory, shuffled whole": lambda: epoch(held),
            "streamed through Petastorm, shuffled in windows of 4 M rows": lambda: streamed("petastorm"),
            "streamed through pyarrow, likewise": lambda: streamed("pyarrow"),
            "read through Petastorm, as written": lambda: len(read_files(files)),
            "read through pyarrow, as written": lambda: len(read_files(files, "pyarrow")),
            "Petastorm's BatchedDataLoader, 2 threads, as read": lambda: petastorm_loader(files, False),
            "the same with its shuffling queue of 1 M rows": lambda: petastorm_loader(files, True),
        }
        best: dict[str, float] = {}
        counts: dict[str, int] = {}
        for _ in range(options.runs):
            for name, way in ways.items():
                started = time.perf_counter()
                counts[name] = way()
                best[name] = min(best.get(name, 1e9), time.perf_counter() - started)
    print("python -m tests.benchmarks.feed", " ".join(sys.argv[1:]))
    print(
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {sys.version.split()[0]}; {rows:,} rows, {options.runs} runs\n"
    )
    print("| | million rows/s | rows that came |\n|---|---|---|")
    for name, seconds in best.items():
        print(f"| {name} | {counts[name] / seconds / 1e6:.1f} | {counts[name]:,} |")


if __name__ == "__main__":
    main()
