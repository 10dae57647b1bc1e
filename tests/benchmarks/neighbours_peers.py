"""Other libraries' searches, run as themselves: `python neighbours_peers.py NAME VECTORS.npy OUT.npy K THREADS`.

Needs numpy, faiss-cpu, hnswlib and nothing of this project, so that they live in an environment of their own. OUT gets the row numbers
of the K nearest other rows; seconds of building and of asking, wall and CPU, and megabytes are printed as JSON.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

Search = Callable[[Any, int], Any]


def faiss_flat(vectors: Any, threads: int) -> Search:
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return lambda queries, k: index.search(queries, k)[1]


def faiss_ivf(vectors: Any, threads: int) -> Search:
    """Inverted lists: 4 sqrt(rows) of them, a sixteenth looked at."""
    import faiss

    faiss.omp_set_num_threads(threads)
    lists = int(4 * len(vectors) ** 0.5)
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(vectors.shape[1]), vectors.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    index.nprobe = max(1, lists // 16)
    return lambda queries, k: index.search(queries, k)[1]


def hnsw(vectors: Any, threads: int) -> Search:
    """hnswlib: M 16, 200 candidates while building, 100 while asking."""
    import hnswlib

    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), ef_construction=200, M=16, random_seed=1)
    index.set_num_threads(threads)
    index.add_items(vectors)
    index.set_ef(100)
    return lambda queries, k: index.knn_query(queries, k=k)[0]


PEERS = {"faiss flat": faiss_flat, "faiss IVF": faiss_ivf, "hnswlib": hnsw}


def main() -> None:
    name, source, target, k, threads = sys.argv[1:]
    vectors = np.load(source)
    PEERS[name](vectors[:4000], int(threads))(vectors[:10], 5)  # libraries loaded, threads started
    clock = [(time.perf_counter(), time.process_time())]
    search = PEERS[name](vectors, int(threads))
    clock.append((time.perf_counter(), time.process_time()))
    found = search(vectors, int(k) + 1)
    clock.append((time.perf_counter(), time.process_time()))
    rows = np.arange(len(vectors))[:, None]
    itself = found == rows
    itself[~itself.any(1), -1] = True  # a row that was not found itself gives up its last one
    np.save(target, found[~itself].reshape(len(found), -1))
    build, ask = ((after[0] - before[0], after[1] - before[1]) for before, after in pairwise(clock))
    print(json.dumps({"build": build, "ask": ask, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}))


if __name__ == "__main__":
    main()
