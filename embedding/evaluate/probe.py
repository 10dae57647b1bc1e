"""A probe: what a simple classifier can tell of a book from its features, cross-validated.

Every set of features goes through the same classifier, multinomial logistic regression, with its strength of regularisation chosen
on the training part of every fold, so that no set is at an advantage by its scale or width.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedding.errors import EnvironmentProblem

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Ints = NDArray[np.integer[Any]]
INVERSE_STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)  # of the regularisation: scikit-learn's C
MAX_ITERATIONS = 200
TOLERANCE = 1e-3
LEAST_BOOKS = 4  # of a class: with two folds two are left to learn from, of which one is held out to choose C
TUNED_ON = 0.2  # of the training part, to choose C
MAJORITY = "majority"
ALS = "als_vectors"


@dataclass(frozen=True)
class Sample:
    """The books that a label can be learned from.

    Attributes:
        rows: book_id, sorted, shape (n,).
        classes: number of the class of each, shape (n,).
        names: of the classes.
        labelled: books with a label, those of small classes among them.
    """

    rows: NDArray[np.int64]
    classes: NDArray[np.int64]
    names: list[str]
    labelled: int


@dataclass(frozen=True)
class Scores:
    """Means over the folds; `spread` is the standard deviation of the accuracy."""

    accuracy: float
    spread: float
    macro_f1: float


def choose_books(labels: Sequence[str | None], min_books: int, max_books: int, seed: int) -> Sample:
    """The books whose label enough others have; a seeded sample when there are too many.

    Args:
        labels: of each book, or None.
        min_books: fewer make no class.
        max_books: at most so many books are kept; classes that fall below min_books by that are dropped.
        seed: of the sample.
    """
    chosen = np.array([row for row, label in enumerate(labels) if label is not None], np.int64)
    labelled = len(chosen)
    chosen = _of_large_classes(chosen, labels, min_books)
    if len(chosen) > max_books:
        chosen = np.sort(np.random.default_rng(seed).permutation(chosen)[:max_books])
        chosen = _of_large_classes(chosen, labels, min_books)
    names = sorted({str(labels[row]) for row in chosen})
    numbers = {name: number for number, name in enumerate(names)}
    return Sample(chosen, np.array([numbers[str(labels[row])] for row in chosen], np.int64), names, labelled)


def _of_large_classes(rows: NDArray[np.int64], labels: Sequence[str | None], least: int) -> NDArray[np.int64]:
    counts = Counter(labels[row] for row in rows)
    return np.array([row for row in rows if counts[labels[row]] >= least], np.int64)


def one_hot(pairs: Ints, books: int, links: int) -> "csr_matrix":
    """1 where a book has a link, shape (books, links)."""
    from scipy.sparse import csr_matrix

    return csr_matrix((np.ones(len(pairs), np.float32), (pairs[:, 0], pairs[:, 1])), (books, links))


def tf_idf(matrix: "csr_matrix") -> "csr_matrix":
    """Every link weighed by its rarity, rows of length 1."""
    from sklearn.feature_extraction.text import TfidfTransformer

    return TfidfTransformer().fit_transform(matrix)


def als_vectors(matrix: "csr_matrix", dimensions: int, seed: int) -> NDArray[np.float32] | None:
    """Vectors of books by implicit's alternating least squares on BM25 weights; None when implicit is not installed."""
    try:
        from implicit.als import AlternatingLeastSquares
        from implicit.nearest_neighbours import bm25_weight
    except ImportError:
        return None
    from threadpoolctl import threadpool_limits

    weighed = bm25_weight(matrix.T.tocsr(), K1=100, B=0.8).T.tocsr().astype(np.float32)
    with threadpool_limits(1, "blas"):  # implicit runs threads of its own, and complains of others
        model = AlternatingLeastSquares(factors=dimensions, random_state=seed)
        model.fit(weighed, show_progress=False)
    return np.asarray(model.user_factors, np.float32)


def cross_validated(features: Mapping[str, Any], sample: Sample, folds: int, seed: int) -> dict[str, Scores]:
    """Accuracy and macro-F1 of every set of features, and of the most frequent class ("majority"), over the same stratified folds.

    Args:
        features: name: a row a book, dense or sparse, of all books.
        sample: which of them have which class; every class has at least `folds` books.
        folds: at least 2.
        seed: of the folds.

    Raises:
        EnvironmentProblem: scikit-learn is not installed.
    """
    try:
        from sklearn.metrics import f1_score
        from sklearn.model_selection import StratifiedKFold
    except ModuleNotFoundError:
        raise EnvironmentProblem("scikit-learn is not installed; pip install 'bookspace[probe]'") from None
    from tqdm import tqdm

    parts = list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(sample.rows, sample.classes))
    result = {}
    with tqdm(total=(len(features) + 1) * folds, unit="fold", desc="probe", mininterval=1, disable=None) as bar:
        for name in (*features, MAJORITY):
            rights, f1s = [], []
            for known, asked in parts:
                truth = sample.classes[asked]
                if name == MAJORITY:
                    said = np.full(len(asked), np.bincount(sample.classes[known]).argmax())
                else:
                    rows = features[name][sample.rows]
                    said = _fitted(rows[known], sample.classes[known], seed).predict(rows[asked])
                rights.append(float((said == truth).mean()))
                f1s.append(float(f1_score(truth, said, average="macro", zero_division=0.0)))
                bar.update()
            result[name] = Scores(float(np.mean(rights)), float(np.std(rights)), float(np.mean(f1s)))
    return result


def _fitted(rows: Any, classes: Ints, seed: int) -> Any:
    """The classifier, with the C that does best on a part of the rows that is held out for it."""
    import warnings

    from scipy.sparse import issparse
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # Weights of links stay as they are; the numbers of a vector are brought to one scale.
    scaler = "passthrough" if issparse(rows) else StandardScaler()
    model = make_pipeline(scaler, LogisticRegression(max_iter=MAX_ITERATIONS, tol=TOLERANCE))
    held_out = max(math.ceil(TUNED_ON * len(classes)), len(np.unique(classes)))  # a row of each class at least
    split = StratifiedShuffleSplit(1, test_size=held_out, random_state=seed)
    search = GridSearchCV(model, {"logisticregression__C": INVERSE_STRENGTHS}, cv=split)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # where C is largest, and least likely to be chosen
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)  # many classes of few books
        return search.fit(rows, classes)
