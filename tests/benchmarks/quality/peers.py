"""Other libraries, run as themselves: `python peers.py NAME IN.npz OUT.npz SEED`.

Needs numpy, scipy, implicit, scikit-learn, gensim and nothing of this project, so that they live in an environment of their own.
IN holds `pairs` (book_id, link_id), `books` and `links` (how many). OUT gets `books`, where there are such vectors `links`, and the
seconds of wall and CPU that the fit took.
"""

import os
import sys
import time
from typing import Any

import numpy as np

WIDTH = 50
Vectors = tuple[Any, Any]  # of books and links


def als(matrix: Any, seed: int) -> Vectors:
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(factors=WIDTH, random_state=seed)
    model.fit(matrix, show_progress=False)
    return model.user_factors, model.item_factors


def als_bm25(matrix: Any, seed: int) -> Vectors:
    from implicit.nearest_neighbours import bm25_weight

    return als(bm25_weight(matrix.T.tocsr(), K1=100, B=0.8).T.tocsr().astype(np.float32), seed)


def bpr(matrix: Any, seed: int) -> Vectors:
    from implicit.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(factors=WIDTH - 1, random_state=seed)  # and one for the bias, which it appends
    model.fit(matrix, show_progress=False)
    return model.user_factors, model.item_factors


def tfidf(matrix: Any, seed: int) -> Vectors:
    from sklearn.feature_extraction.text import TfidfTransformer

    return TfidfTransformer().fit_transform(matrix), None


def svd_tfidf(matrix: Any, seed: int) -> Vectors:
    return _svd(tfidf(matrix, seed)[0], seed)


def svd_ppmi(matrix: Any, seed: int) -> Vectors:
    """Positive pointwise mutual information of book and link (Levy and Goldberg, 2014)."""
    import scipy.sparse as sp

    total, rows, columns = matrix.sum(), np.asarray(matrix.sum(1)).ravel(), np.asarray(matrix.sum(0)).ravel()
    found = matrix.tocoo()
    data = np.maximum(0, np.log(found.data * total / (rows[found.row] * columns[found.col])))
    return _svd(sp.csr_matrix((data, (found.row, found.col)), matrix.shape), seed)


def _svd(matrix: Any, seed: int) -> Vectors:
    from sklearn.decomposition import TruncatedSVD

    model = TruncatedSVD(WIDTH, random_state=seed)
    return model.fit_transform(matrix), model.components_.T


def word2vec(matrix: Any, seed: int) -> Vectors:
    """A sentence a book: itself and its links in random order; the vectors of the books' own words."""
    from gensim.models import Word2Vec

    random = np.random.default_rng(seed)
    text = []
    for book in range(matrix.shape[0]):
        links = random.permutation(matrix.indices[matrix.indptr[book] : matrix.indptr[book + 1]])
        text.append([f"b{book}", *(f"l{link}" for link in links)])
    workers = len(os.sched_getaffinity(0))
    model = Word2Vec(text, vector_size=WIDTH, window=10_000, min_count=1, sg=1, negative=5, epochs=5, seed=seed, workers=workers)
    nothing = np.zeros(WIDTH, np.float32)  # of a link that no book has
    of_books, of_links = (
        np.stack([model.wv[word] if word in model.wv.key_to_index else nothing for word in (f"{kind}{i}" for i in range(count))])
        for kind, count in zip("bl", matrix.shape, strict=True)
    )
    return of_books, of_links


PEERS = {
    "implicit ALS": als,
    "implicit ALS, BM25 weights": als_bm25,
    "implicit BPR": bpr,
    "SVD of TF-IDF": svd_tfidf,
    "SVD of PPMI": svd_ppmi,
    "gensim word2vec": word2vec,
    "TF-IDF, full width": tfidf,
}


def main() -> None:
    import scipy.sparse as sp

    name, source, target, seed = sys.argv[1:]
    given = np.load(source)
    pairs = given["pairs"]
    shape = int(given["books"]), int(given["links"])
    matrix = sp.csr_matrix((np.ones(len(pairs), np.float32), (pairs[:, 0], pairs[:, 1])), shape)
    PEERS[name](matrix[:50], 1)  # imports, and threads started
    wall, cpu = time.perf_counter(), time.process_time()
    books, links = PEERS[name](matrix, int(seed))
    seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    books = books.toarray() if sp.issparse(books) else np.asarray(books)
    np.savez(target, books=books.astype(np.float32), **({} if links is None else {"links": np.asarray(links, np.float32)}), **seconds)


if __name__ == "__main__":
    main()
