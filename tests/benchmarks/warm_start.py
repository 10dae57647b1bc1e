"""Start values from an older training: how many neighbours stay, and what becomes of the quality.

    python -m tests.benchmarks.warm_start FOLDER [--seed 1]

FOLDER holds book_links.tsv.bz2 and likes.tsv.bz2. The older training lacks 5 % of the books and 3 % of the pairs; 5 % of the pairs are
held out of both.
"""

import argparse
import os
import platform
import sys
from pathlib import Path

import numpy as np

from tests.benchmarks.quality.data import Likes, hold_out, read_likes
from tests.benchmarks.quality.measures import held_out_figures, like_figures, neighbours
from tests.benchmarks.quality.recipes import fit

HALF = ("train.epochs=10", "train.min_steps=200")
# Name: settings, whether it starts from the older vectors, seed beyond that of the older training.
RUNS: dict[str, tuple[tuple[str, ...], bool, int]] = {
    "anew, another seed": ((), False, 1),
    "anew, half the epochs, another seed": (HALF, False, 1),
    "from the older vectors": ((), True, 1),
    "from the older vectors, half the epochs": (HALF, True, 1),
    "the same, learning rate .03": ((*HALF, "train.learning_rate=0.03"), True, 1),
}


def measure(likes: Likes, seed: int) -> None:
    """Train, and print a line a run."""
    from embedding.evaluate.ranking import with_bias

    now, held_out = hold_out(likes.pairs, 0.05, seed=7)
    random = np.random.default_rng(3)
    new = random.random(likes.books) < 0.05
    old = now[~new[now[:, 0]] & (random.random(len(now)) > 0.03)]
    before = fit("bookspace", likes.books, likes.links, old, seed)
    both = np.flatnonzero(~new & (np.bincount(old[:, 0], minlength=likes.books) > 0))
    was = neighbours(before["books"])
    books = np.where(new[:, None], np.nan, before["books"]).astype(np.float32)
    start = books, before["links"].astype(np.float32), before["bias"].astype(np.float32)
    for name, (overrides, warm, more) in RUNS.items():
        found = fit("bookspace", likes.books, likes.links, now, seed + more, overrides, start if warm else None)
        near = neighbours(found["books"])
        stayed = np.mean([len(np.intersect1d(was[book], near[book])) / len(near[book]) for book in both])
        told = like_figures(found["books"], likes)
        wide = with_bias(found["books"], found["links"], found["bias"])
        told |= held_out_figures(*wide, held_out, likes.pairs, seed)
        seconds = [f"{found[clock]:.1f}" for clock in ("wall", "cpu")]
        figures = [f"{stayed:.3f}", *(f"{told[key]:.4f}" for key in ("nDCG@10", "AUC", "MRR")), *seconds]
        print(f"| {name} | {' | '.join(figures)} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"python -m tests.benchmarks.warm_start {' '.join(sys.argv[1:])}")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}\n")
    print(f"| | overlap@10 | nDCG@10 | AUC | MRR | wall, s | CPU, s |\n|{'---|' * 7}")
    measure(read_likes(options.folder), options.seed)


if __name__ == "__main__":
    main()
