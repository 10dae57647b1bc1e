"""All pairs: the ten nearest of every row, by our searches and by other libraries on the same vectors, as one table.

    python -m tests.benchmarks.neighbours [--rows 37000] [--width 50] [--peers PYTHON] [--only NAME ...] [--vectors FILE.npy]

Vectors are drawn around 500 centres, seeded, or read from a file. Sides: exact (blocked product in this process), Annoy on Spark's
executors (index built, trees and search_k raised until recall@10 is .99, as the step does), faiss flat and IVF and hnswlib, run by
the interpreter `--peers` (pip install faiss-cpu hnswlib); without it they are left out, and said so. Each side is a process of its own on
two cores, one after the other. recall@10 is against exact search in double precision, on 1,000 rows. "build" is the index, "ask" all
queries. Memory is the largest sum over the process and its children of what each holds alone and its part of what they share (PSS);
of the peers the largest resident set. Spark's start is counted apart and printed below.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tests.benchmarks import neighbours_peers

K, CORES, QUERIES = 10, 2, 1000
OURS = ("exact", "annoy")


def draw(rows: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around 500 centres, which are the same for every seed, and the number of each one's centre."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(500, width)).astype(np.float32)
    random = random if seed == 0 else np.random.default_rng(seed)
    chosen = random.integers(0, 500, rows)
    vectors = centres[chosen] + np.float32(0.7) * random.standard_normal((rows, width), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), chosen


class Memory:
    """The largest memory of this process and its children, in MB, while the block runs."""

    def __enter__(self) -> "Memory":
        self.mb = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(1):
            total = 0
            for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.mb = max(self.mb, total / 1e6)


def _cpu() -> float:
    total = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        times = process.cpu_times()
        total += times.user + times.system
    return total


def exact(vectors: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    """Our exact search."""
    from embedding.neighbours.exact import ExactSearch

    ExactSearch(vectors[:4000]).neighbours(np.arange(100), K)
    with Memory() as memory:
        clock = [(time.perf_counter(), _cpu())]
        search = ExactSearch(vectors)
        clock.append((time.perf_counter(), _cpu()))
        found, _ = search.neighbours(np.arange(len(vectors)), K)
        clock.append((time.perf_counter(), _cpu()))
    return _figures(clock) | {"mb": memory.mb}, found


def annoy(vectors: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    """Annoy as the step find_neighbours uses it."""
    import pyarrow as pa

    from embedding.exchange import LentFolder
    from embedding.job import Session
    from embedding.neighbours.exact import ExactSearch
    from embedding.neighbours.executors import Question, search_on_executors
    from embedding.neighbours.files import IndexFolder
    from embedding.neighbours.tuning import Limits, tune
    from embedding.settings_files import load_settings

    settings = load_settings([], ["wiki=any", f"spark.master=local[{CORES}]", "spark.driver_memory=1g"])
    session, wanted = Session(settings), settings.neighbours
    started = time.perf_counter()
    session.spark.range(10).mapInArrow(lambda batches: batches, "id long").collect()
    start = time.perf_counter() - started
    rows, count = _sample(len(vectors)), len(vectors)
    with tempfile.TemporaryDirectory() as scratch, Memory() as memory:
        folder = IndexFolder(Path(scratch))
        folder.write_rows(vectors, pa.table({"row": np.arange(count)}))
        del vectors
        clock = [(time.perf_counter(), _cpu())]
        limits = Limits(wanted.trees, wanted.max_trees, wanted.search_k, wanted.max_search_k, wanted.min_recall)
        right = {"t": ExactSearch(folder.vectors()).neighbours(rows, K)[1]}
        tuned = tune(
            lambda trees: folder.build(trees, 1), {"t": lambda search_k: folder.search(search_k).neighbours(rows, K)[1]}, right, limits
        )["t"]
        clock.append((time.perf_counter(), _cpu()))
        lent = LentFolder(folder.folder)
        answer = search_on_executors(session.spark, Question(lent, lent, K, tuned.search_k), count)
        answer.write.parquet(f"file://{scratch}/found")
        clock.append((time.perf_counter(), _cpu()))
        import pyarrow.parquet as pq

        table = pq.read_table(f"{scratch}/found", columns=["row", "rank", "neighbour"]).sort_by(
            [("row", "ascending"), ("rank", "ascending")]
        )
        found = table["neighbour"].to_numpy().reshape(count, K)
        megabytes = (folder.folder / "index.ann").stat().st_size / 1e6
    session.stop()
    note = f"{tuned.trees} trees, search_k {tuned.search_k:,}, index {megabytes:,.0f} MB; Spark's start {start:.0f} s, not counted"
    return _figures(clock) | {"mb": memory.mb, "note": note}, found


def _figures(clock: list[tuple[float, float]]) -> dict[str, Any]:
    build, ask = ((after[0] - before[0], after[1] - before[1]) for before, after in pairwise(clock))
    return {"build": build, "ask": ask}


def _sample(rows: int) -> np.ndarray:
    return np.sort(np.random.default_rng(1).permutation(rows)[:QUERIES])


def recall(vectors: np.ndarray, found: np.ndarray) -> float:
    """Share of the sample's ten nearest that were found; one as near as the tenth counts."""
    rows, wide = _sample(len(vectors)), vectors.astype(np.float64)
    hits = 0
    for row in rows:
        cosines = wide @ wide[row]
        cosines[row] = -np.inf
        hits += int((cosines[found[row]] >= np.partition(cosines, -K)[-K] - 1e-6).sum())
    return hits / (K * len(rows))


def _side(name: str, source: str, target: str, peers: str) -> dict[str, Any]:
    if name in OURS:
        command = [sys.executable, "-m", "tests.benchmarks.neighbours", "--side", name, "--vectors", source, "--found", target]
    else:
        command = [peers, neighbours_peers.__file__, name, source, target, str(K), str(CORES)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=37_000)
    parser.add_argument("--width", type=int, default=50)
    parser.add_argument("--vectors")
    parser.add_argument("--peers")
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--found", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        figures, found = (exact if options.side == "exact" else annoy)(np.load(options.vectors))
        np.save(options.found, found)
        print(json.dumps(figures))
        return
    print("python -m tests.benchmarks.neighbours", " ".join(word for word in sys.argv[1:] if word not in (options.peers, options.vectors)))
    with tempfile.TemporaryDirectory() as scratch:
        source = options.vectors or f"{scratch}/vectors.npy"
        if not options.vectors:
            np.save(source, draw(options.rows, options.width)[0])
        vectors = np.load(source, mmap_mode="r")
        cores = len(os.sched_getaffinity(0))
        print(
            f"{platform.machine()}, {cores} cores, Python {platform.python_version()}; {vectors.shape[0]:,} x {vectors.shape[1]}, k = {K}"
        )
        if not options.peers:
            print("the peers are left out: no --peers")
        print("\n| | build | ask | CPU | recall@10 | memory |\n|---|---|---|---|---|---|")
        notes = []
        for name in options.only or [*OURS, *(neighbours_peers.PEERS if options.peers else ())]:
            figures = _side(name, source, f"{scratch}/found.npy", options.peers)
            share = recall(np.asarray(vectors), np.load(f"{scratch}/found.npy"))
            build, ask = figures["build"], figures["ask"]
            print(
                f"| {name} | {build[0]:.1f} s | {ask[0]:.1f} s | {build[1] + ask[1]:.1f} s | {share:.4f} | {figures['mb']:,.0f} MB |",
                flush=True,
            )
            notes += [f"{name}: {figures['note']}"] if "note" in figures else []
        print("\n" + "\n".join(notes))


if __name__ == "__main__":
    main()
