"""What a map costs and keeps, side by side with the libraries' own way, on the vectors of a warehouse.

    python -m tests.benchmarks.maps WAREHOUSE WIKI SNAPSHOT [--sides tsne,umap,openTSNE,umap-learn,...]

The sides:

- tsne, umap: our maps, each from its own search for neighbours.
- both: the two of them from one search, as draw_map draws them.
- placed: both, with a tenth of the books fitted and the others placed.
- openTSNE, umap-learn: `TSNE(metric="cosine")` and `UMAP(metric="cosine")`, seeded, and all else as the library has it.

Every side is a process of its own, one after the other, on the cores that this process may use. Seconds are those after the vectors
have been read, imports and compiling included. Kept: share of the ten nearest books that are among the ten nearest on the map, 5,000 books
asked. Memory is the largest resident set.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from embedding.manifest import Snapshot
from embedding.warehouse import Warehouse

SIDES = ("tsne", "umap", "both", "placed", "openTSNE", "umap-learn")
SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("warehouse")
    parser.add_argument("wiki")
    parser.add_argument("snapshot")
    parser.add_argument("--sides", default=",".join(SIDES))
    parser.add_argument("--only", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(_measure(options.only, _vectors(options)))
        return
    print(" ".join(["python -m tests.benchmarks.maps", *sys.argv[1:]]))
    print(
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n"
    )
    print(f"{'side':<12}{'wall, s':>9}{'CPU, s':>9}{'memory, MB':>12}  kept")
    for side in options.sides.split(","):
        command = [sys.executable, "-m", "tests.benchmarks.maps", options.warehouse, options.wiki, options.snapshot, "--only", side]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        print(done.stdout.splitlines()[-1], flush=True)


def _vectors(options: argparse.Namespace) -> Any:
    files = Warehouse(options.warehouse).files("book_vectors", Snapshot(options.wiki, options.snapshot))
    table = pq.read_table(files, partitioning=None).sort_by("book_id")
    vectors = np.array(table["vector"].combine_chunks().flatten()).reshape(len(table), -1)
    return table["page_id"].to_numpy(), vectors


def _measure(side: str, read: Any) -> str:
    page_ids, vectors = read
    started, before = time.perf_counter(), time.process_time()
    places = _draw(side, page_ids, vectors)
    wall, cpu = time.perf_counter() - started, time.process_time() - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    from embedding.atlas.quality import neighbours_kept

    shares, _ = neighbours_kept(vectors, places, 10, 5_000, SEED)
    kept = ", ".join(f"{name} {share:.3f}" for name, share in shares.items())
    return f"{side:<12}{wall:>9.1f}{cpu:>9.1f}{memory:>12,.0f}  {kept}"


def _draw(side: str, page_ids: Any, vectors: Any) -> dict[str, Any]:
    if side == "openTSNE":
        from openTSNE import TSNE

        return {"tsne": np.asarray(TSNE(metric="cosine", random_state=SEED, n_jobs=-1).fit(vectors))}
    if side == "umap-learn":
        from umap import UMAP

        return {"umap": UMAP(metric="cosine", random_state=SEED, n_jobs=1).fit_transform(vectors)}
    from embedding.atlas.layout import draw
    from embedding.atlas.tsne import TsneMap
    from embedding.atlas.umap import UmapMap

    maps: list[Any] = []
    if side != "umap":
        maps.append(TsneMap(30, 500, SEED))
    if side != "tsne":
        maps.append(UmapMap(15, 0.1, None, SEED))
    return draw(maps, vectors, page_ids, {}, len(vectors) // 10 if side == "placed" else len(vectors), SEED)


if __name__ == "__main__":
    main()
