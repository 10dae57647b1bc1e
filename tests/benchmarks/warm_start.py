"""Start values from an older training: how many neighbours stay, and what becomes of the quality.

    python -m tests.benchmarks.warm_start FOLDER [--seeds 5] [--months 6]

FOLDER holds book_links.tsv.bz2 and likes.tsv.bz2. The older training lacks 5 % of the books and 3 % of the pairs; 5 % of the pairs are
held out of both. Every seed draws another 5 % and 3 %, and trains all rows; the figures are the means over the seeds. "new" is the mean
reciprocal rank of the held-out pairs of the new books alone. With --months so many trainings follow each other instead, each from the last
one's vectors, while the books grow from 70 % to all and the pairs of each from 85 % to all; the last one is set beside a training anew.
"""

import argparse
import os
import platform
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from embedding.settings_files import load_settings
from tests.benchmarks.quality.data import Likes, hold_out, read_likes
from tests.benchmarks.quality.measures import held_out_figures, like_figures, neighbours
from tests.benchmarks.quality.recipes import fit


def _continued() -> tuple[str, ...]:
    from embedding.train.before import continued

    train = load_settings([], ["wiki=any"]).train
    return tuple(f"train.{key}={value}" for key, value in continued(train.epochs, train.min_steps, train.warm_epochs).items())


# Name: settings, whether it starts from the older vectors, seed beyond that of the older training.
RUNS: dict[str, tuple[tuple[str, ...], bool, int]] = {
    "anew": ((), False, 0),
    "anew, another seed": ((), False, 1),
    "anew, a single step": (("train.epochs=1", "train.min_steps=1", "train.batch_positives=10000000"), False, 0),
    "from the older vectors": (_continued(), True, 0),
    "the same, all epochs": ((), True, 0),
    "the same, train.warm_length=1": ((*_continued(), "train.warm_length=1"), True, 0),
    "the same, train.warm_length=10": ((*_continued(), "train.warm_length=10"), True, 0),
    "the same, train.warm_length=80": ((*_continued(), "train.warm_length=80"), True, 0),
}


def measure(likes: Likes, seed: int) -> dict[str, list[float]]:
    """A row of figures a run."""
    from embedding.evaluate.ranking import with_bias

    now, held_out = hold_out(likes.pairs, 0.05, seed=7)
    random = np.random.default_rng(3 + seed)
    new = random.random(likes.books) < 0.05
    old = now[~new[now[:, 0]] & (random.random(len(now)) > 0.03)]
    before = fit("bookspace", likes.books, likes.links, old, seed)
    both = np.flatnonzero(~new & (np.bincount(old[:, 0], minlength=likes.books) > 0))
    was = neighbours(before["books"])
    books = np.where(new[:, None], np.nan, before["books"]).astype(np.float32)
    start = books, before["links"].astype(np.float32), before["bias"].astype(np.float32)
    rows = {}
    for name, (overrides, warm, more) in RUNS.items():
        found = fit("bookspace", likes.books, likes.links, now, seed + more, overrides, start if warm else None)
        near = neighbours(found["books"])
        stayed = float(np.mean([len(np.intersect1d(was[book], near[book])) / len(near[book]) for book in both]))
        wide = with_bias(found["books"], found["links"], found["bias"])
        told = like_figures(found["books"], likes) | held_out_figures(*wide, held_out, likes.pairs, seed)
        of_new = held_out_figures(*wide, held_out[new[held_out[:, 0]]], likes.pairs, seed)["MRR"]
        rows[name] = [stayed, told["nDCG@10"], told["AUC"], told["MRR"], of_new, found["wall"], found["cpu"]]
    return rows


def measure_months(likes: Likes, seed: int, months: int) -> dict[str, list[float]]:
    """A row of figures for the last of several trainings in a row, and one for a training anew."""
    from embedding.evaluate.ranking import with_bias

    pairs, held_out = hold_out(likes.pairs, 0.05, seed=7)
    random = np.random.default_rng(10 + seed)
    since = np.where(random.random(likes.books) < 0.7, 0, random.integers(1, months + 1, likes.books))  # month in which a book comes
    of_pair = np.where(random.random(len(pairs)) < 0.85, 0, random.integers(1, months + 1, len(pairs)))
    rows = {}
    for name in ("in a row", "anew"):
        found: dict[str, np.ndarray] | None = None
        for month in range(0 if name == "in a row" else months - 1, months + 1):
            now, before, start = pairs[(since[pairs[:, 0]] <= month) & (of_pair <= month)], found, None
            if before and name == "in a row":
                books = np.where((since >= month)[:, None], np.nan, before["books"]).astype(np.float32)
                start = books, before["links"].astype(np.float32), before["bias"].astype(np.float32)
            found = fit("bookspace", likes.books, likes.links, now, seed, _continued() if start else (), start)
        assert found
        assert before
        near, was = neighbours(found["books"]), neighbours(before["books"])
        stayed = float(np.mean([len(np.intersect1d(was[book], near[book])) / len(near[book]) for book in np.flatnonzero(since < months)]))
        told = like_figures(found["books"], likes)
        told |= held_out_figures(*with_bias(found["books"], found["links"], found["bias"]), held_out, likes.pairs, seed)
        rows[f"{months} months {name}"] = [stayed, told["nDCG@10"], told["AUC"], told["MRR"], np.nan, found["wall"], found["cpu"]]
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--months", type=int)
    options = parser.parse_args()
    print(f"python -m tests.benchmarks.warm_start {' '.join(sys.argv[1:])}")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}\n")
    print(f"| | overlap@10 | nDCG@10 | AUC | MRR | MRR, new | wall, s | CPU, s |\n|{'---|' * 8}")
    likes, rows = read_likes(options.folder), defaultdict(list)
    for seed in range(1, options.seeds + 1):
        for name, figures in (measure_months(likes, seed, options.months) if options.months else measure(likes, seed)).items():
            rows[name].append(figures)
    for name, found in rows.items():
        stayed, *quality, wall, cpu = np.mean(found, 0)
        print(f"| {name} | {stayed:.3f} | {' | '.join(f'{figure:.4f}' for figure in quality)} | {wall:.1f} | {cpu:.1f} |")


if __name__ == "__main__":
    main()
