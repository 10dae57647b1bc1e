"""What a set of vectors is worth."""

import numpy as np
from numpy.typing import NDArray

from embedding.evaluate.ranking import auc, filtered_ranks
from embedding.neighbours.exact import ExactSearch
from tests.benchmarks.quality.data import Likes, Pairs

Floats = NDArray[np.float32]
TOP = 10


def like_figures(books: Floats, likes: Likes) -> dict[str, float]:
    """nDCG@10 and HR@10: every liked book asks for its cosine neighbours among all books; its reader's other books are the right answers.

    Averaged over pairs of a reader and a book, as the data set's README says. Gains are 0 and 1; discount 1 / log2(place + 1)
    (Jarvelin and Kekalainen, Cumulated gain-based evaluation of IR techniques, 2002).
    """
    return ranked_figures(neighbours(books), likes)


def neighbours(books: Floats) -> NDArray[np.int64]:
    """The 10 cosine neighbours of every book, best first, shape (books, 10)."""
    unit = books / np.maximum(np.linalg.norm(books, axis=1, keepdims=True), 1e-12)
    return ExactSearch(unit).neighbours(np.arange(len(books)), TOP)[0]


def ranked_figures(top: NDArray[np.int64], likes: Likes) -> dict[str, float]:
    """`like_figures` of given neighbours."""
    discount = 1 / np.log2(np.arange(2, TOP + 2))
    gains, hits = [], []
    for liked in likes.users:
        found = np.isin(top[liked], liked)  # a book is not its own neighbour
        gains.append((found * discount).sum(1) / discount[: min(TOP, len(liked) - 1)].sum())
        hits.append(found.any(1))
    return {"nDCG@10": float(np.concatenate(gains).mean()), "HR@10": float(np.concatenate(hits).mean())}


def held_out_figures(books: Floats, links: Floats, held_out: Pairs, pairs: Pairs, seed: int) -> dict[str, float]:
    """AUC against pairs drawn at random, filtered MRR and hits@10 among all links, of pairs that were not trained on."""
    random = np.random.default_rng(seed)
    drawn = np.stack([random.integers(len(books), size=2 * len(held_out)), random.integers(len(links), size=2 * len(held_out))], 1)
    known = np.sort(pairs[:, 0].astype(np.int64) * len(links) + pairs[:, 1])
    keys = drawn[:, 0] * len(links) + drawn[:, 1]
    false = drawn[known[np.minimum(np.searchsorted(known, keys), len(known) - 1)] != keys]
    positive, negative = ((books[side[:, 0]] * links[side[:, 1]]).sum(1) for side in (held_out, false))
    ranks = filtered_ranks(books, links, held_out, pairs)
    return {"AUC": auc(positive, negative), "MRR": float((1 / ranks).mean()), "hits@10": float((ranks <= TOP).mean())}
