"""The quality of recipes and peers on the same pairs, as one table.

    python -m tests.benchmarks.quality FOLDER [--snapshot WIKI/DATE] [--peers PYTHON]
                                              [--seeds 1,2,3] [--only NAME ...] [--set KEY=VALUE ...]

FOLDER holds book_links.tsv.bz2 and likes.tsv.bz2. nDCG@10 and HR@10 are those of people's likes, of vectors trained on all pairs. AUC,
filtered MRR and hits@10 are those of 5 % of the pairs, of vectors trained on the others. Times are of one fit on all pairs, on the
cores that the process may use, data read and libraries loaded beforehand. The peers are run by the interpreter `--peers` (pip install
implicit scikit-learn gensim); without it they are left out, and said so. `--set` changes a setting of the recipe bookspace.
With `--snapshot` FOLDER is a warehouse, and the neighbours are judged by what books say of themselves: see labelled.py.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding.evaluate.ranking import with_bias
from tests.benchmarks.quality import peers, recipes
from tests.benchmarks.quality.data import Likes, Pairs, hold_out, read_likes
from tests.benchmarks.quality.labelled import Labelled, read_labelled
from tests.benchmarks.quality.measures import held_out_figures, neighbours, ranked_figures

HELD_OUT = 0.05
COLUMNS = ("AUC", "MRR", "hits@10", "wall", "cpu")


def figures_of(name: str, likes: Likes | Labelled, seed: int, options: argparse.Namespace) -> dict[str, float]:
    """One row of the table for one seed."""
    if name == "random":
        top = np.random.default_rng(seed).integers(likes.books, size=(likes.books, 10))
        return _judged(top, likes)
    fitted = _fit(name, likes, likes.pairs, seed, options)
    figures = _judged(neighbours(fitted["books"]), likes) | {"wall": float(fitted["wall"]), "cpu": float(fitted["cpu"])}
    if "links" in fitted:
        known, held_out = hold_out(likes.pairs, HELD_OUT, seed)
        part = _fit(name, likes, known, seed, options)
        books, links = part["books"], part["links"]
        if "bias" in part:
            books, links = with_bias(books, links, part["bias"])
        figures |= held_out_figures(books, links, held_out, likes.pairs, seed)
    return figures


def _judged(top: NDArray[np.int64], data: Likes | Labelled) -> dict[str, float]:
    return data.figures(top) if isinstance(data, Labelled) else ranked_figures(top, data)


def _fit(name: str, likes: Likes | Labelled, pairs: Pairs, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    if name in recipes.RECIPES:
        return recipes.fit(name, likes.books, likes.links, pairs, seed, options.set if name == "bookspace" else ())
    with TemporaryDirectory() as scratch:
        given, found = f"{scratch}/in.npz", f"{scratch}/out.npz"
        np.savez(given, pairs=pairs, books=likes.books, links=likes.links)
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}  # implicit runs threads of its own
        subprocess.run([options.peers, peers.__file__, name, given, found, str(seed)], check=True, env=environment)
        with np.load(found) as arrays:
            return dict(arrays)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--snapshot", metavar="WIKI/DATE")
    parser.add_argument("--peers")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--set", nargs="+", default=[])
    options = parser.parse_args()
    likes = read_labelled(options.folder, options.snapshot) if options.snapshot else read_likes(options.folder)
    judged = tuple(f"nDCG@10 {kind}" for kind in likes.labels) if isinstance(likes, Labelled) else ("nDCG@10", "HR@10")
    columns = (*judged, *COLUMNS)
    names = ["random", *(peers.PEERS if options.peers else ()), *recipes.RECIPES]
    print("python -m tests.benchmarks.quality", " ".join(argument for argument in sys.argv[2:] if argument != options.peers))
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {sys.version.split()[0]}; seeds {options.seeds}")
    print(f"{likes.books:,} books, {likes.links:,} links, {len(likes.pairs):,} pairs")
    if not options.peers:
        print("the peers are left out: no --peers")
    print(f"\n| | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for name in options.only or names:
        rows = [figures_of(name, likes, int(seed), options) for seed in options.seeds.split(",")]
        cells = [_cell(column, [row[column] for row in rows if column in row]) for column in columns]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _cell(column: str, values: list[float]) -> str:
    if not values:
        return ""
    mean = statistics.mean(values)
    if column in ("wall", "cpu"):
        return f"{mean:.2f} s" if mean < 10 else f"{mean:.1f} s"
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 and column.startswith("nDCG@10") else ""
    return f"{mean:.4f}{spread}"


if __name__ == "__main__":
    main()
