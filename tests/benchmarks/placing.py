"""How near fold-in comes to training, beside simpler ways.

    python -m tests.benchmarks.placing FOLDER [--books 300] [--seed 1]

FOLDER is as for the quality bench. A share of the books is drawn. "trained": the model has seen them, and their own vectors are what
should come out of their links. "left out": it has not, and the ten neighbours among the other books are compared with those of a
training that has.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding.pairs.negatives import draws_for, numbered_samples, sample_links, samples_per_book
from embedding.settings_files import load_settings
from embedding.train.checkpoint import Checkpoints
from embedding.train.fold_in import Trained, fold_in
from embedding.train.trainer import train
from tests.benchmarks.quality.data import Likes, Pairs, read_likes
from tests.training_data import in_memory

TOP = 10
Vector = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Fitted:
    """A trained model: the books' vectors, and what fold-in needs."""

    books: NDArray[np.float32]
    trained: Trained


def fit(likes: Likes, pairs: Pairs, seed: int) -> Fitted:
    settings = load_settings([], ["wiki=any"])
    how, known = settings.negatives, np.sort(pairs[:, 0].astype(np.int64) * likes.links + pairs[:, 1])
    counts = np.bincount(pairs[:, 1], minlength=likes.links)
    wanted = samples_per_book(
        np.bincount(pairs[:, 0], minlength=likes.books), np.arange(likes.books), how.per_positive, likes.books, len(pairs)
    )
    owners, places = numbered_samples(np.arange(likes.books), wanted)

    def draw(number: int) -> Pairs:
        drawn = sample_links(owners, places, number, known, np.cumsum(np.ones(likes.links)), seed)
        return np.stack([owners, drawn], 1).astype(np.int32)

    draws = draws_for(len(pairs), how.per_positive, how.draws, how.min_rows)
    data = in_memory(likes.books, likes.links, pairs, [draw(number) for number in range(draws)], seed, device=settings.train.device)
    with TemporaryDirectory() as scratch:
        model, _ = train(settings.train, data, seed, Checkpoints(Path(scratch), {}), lambda *_: None)
    books, links, bias = (array.numpy() for array in model.vectors(settings.train.centre))
    positive = counts.clip(1) ** settings.train.link_weight_power
    positive /= positive[pairs[:, 1]].mean()
    share = how.per_positive * len(pairs) / likes.books
    facts = float(model.scale), model.length(settings.train.centre)
    return Fitted(books, Trained(links, bias, positive, np.ones(likes.links), 0, share, settings.train.loss, *facts))


WAYS: dict[str, Callable[[Trained, NDArray[np.int64]], Vector]] = {
    "mean of its links' vectors": lambda model, own: model.links[own].sum(0),
    "mean, weighed as in the loss": lambda model, own: model.positive[own] @ model.links[own],
    "fold-in": lambda model, own: fold_in(model, own, 1),
}


def nearest(books: NDArray[np.float32], vector: Vector, but: NDArray[np.int64]) -> set[int]:
    cosines = books @ vector
    cosines[but] = -2
    return set(np.argpartition(-cosines, TOP)[:TOP].tolist())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--books", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    likes = read_likes(options.folder)
    drawn = np.sort(np.random.default_rng(options.seed).permutation(np.unique(likes.pairs[:, 0]))[: options.books]).astype(np.int64)
    rest = likes.pairs[~np.isin(likes.pairs[:, 0], drawn)]
    full, other, part = fit(likes, likes.pairs, 1), fit(likes, likes.pairs, 2), fit(likes, rest, 1)
    links_of = {book: likes.pairs[likes.pairs[:, 0] == book, 1].astype(np.int64) for book in drawn.tolist()}
    truth = {book: nearest(full.books, full.books[book], drawn) for book in links_of}
    noise = np.mean([len(truth[book] & nearest(other.books, other.books[book], drawn)) for book in links_of]) / TOP
    print(f"{len(drawn)} of {likes.books:,} books; two trainings, seeds 1 and 2, share {noise:.3f} of the first {TOP} neighbours\n")
    print("| | trained: cosine | trained: shared neighbours | left out: shared neighbours | time a book |\n|---|---|---|---|---|")
    for name, way in WAYS.items():
        cosines, same, unseen, seconds = [], [], [], 0.0
        for book, own in links_of.items():
            started = time.perf_counter()
            vector = way(full.trained, own)
            seconds += time.perf_counter() - started
            cosines.append(float(vector @ full.books[book] / np.linalg.norm(vector)))
            mine = np.array([book])
            same.append(len(nearest(full.books, vector, mine) & nearest(full.books, full.books[book], mine)) / TOP)
            unseen.append(len(nearest(part.books, way(part.trained, own), drawn) & truth[book]) / TOP)
        print(f"| {name} | {np.mean(cosines):.3f} | {np.mean(same):.3f} | {np.mean(unseen):.3f} | {1e3 * seconds / len(drawn):.1f} ms |")


if __name__ == "__main__":
    main()
