"""probe_vectors: books, pairs, book_vectors -> metrics: how well genre and country can be told from the vectors, and from the links.

A job of its own, not a step of the pipeline: nothing waits for its figures.
"""

from collections.abc import Sequence
from typing import Any

from embedding.job import Job, Step, log
from embedding.runs import run_alone


def run(job: Job) -> None:
    """Cross-validate a classifier on the vectors, on TF-IDF and one-hot links and on ALS vectors. Needs no Spark."""
    from embedding.evaluate import probe

    settings, seed = job.settings.probe, job.settings.seed
    least = max(settings.min_books, settings.folds, probe.LEAST_BOOKS)
    samples = {target: probe.choose_books(labels, least, settings.max_books, seed) for target, labels in _labels(job).items()}
    figures: list[tuple[str, float, str, int | None]] = []
    features: dict[str, Any] = {}
    for target, sample in samples.items():
        if len(sample.names) < 2:
            log.warning(
                "probe_vectors: %s: %s books have one, and %d classes have %d books or more: nothing to tell apart, nothing is measured",
                target, f"{sample.labelled:,}", len(sample.names), least,
            )  # fmt: skip
            continue
        features = features or _features(job)
        scores = probe.cross_validated(features, sample, settings.folds, seed)
        on = f"{len(sample.rows):,} of {sample.labelled:,} books with a {target}, {len(sample.names)} classes, {settings.folds} folds"
        _print(target, on, sample.names, scores)
        for name, one in scores.items():
            figures += [(f"{target}_accuracy_{name}", one.accuracy, on, None), (f"{target}_macro_f1_{name}", one.macro_f1, on, None)]
    job.write_metrics(figures)


def _labels(job: Job) -> dict[str, list[str | None]]:
    """Genre (the most telling one) and country of every book that has a vector, in the order of book_id, under one name each."""
    from embedding.atlas.genres import name_genres
    from embedding.atlas.places import name_countries

    paired = job.arrow("paired_books", ["book_id", "page_id"]).sort_by("book_id")
    books = job.arrow("books", ["page_id", "genres", "country"])
    rows = {page: row for row, page in enumerate(books["page_id"].to_pylist())}
    joined = books.take([rows[page] for page in paired["page_id"].to_pylist()])
    genres = name_genres(joined["genres"].to_pylist())
    return {"genre": [row[0] if row else None for row in genres], "country": name_countries(joined["country"].to_pylist())}


def _features(job: Job) -> dict[str, Any]:
    """A row a book: the vectors, and what else could be made of the same pairs, those of the train split."""
    from embedding.evaluate import probe
    from embedding.train.feed import read_pairs

    vectors = job.vectors("book_vectors", "book_id")
    links = probe.one_hot(read_pairs(job.files("pairs"), split="train"), len(vectors), job.inputs["links"].rows_out)
    features = {"book_vectors": vectors, "tf_idf": probe.tf_idf(links), "one_hot": links}
    als = probe.als_vectors(links, vectors.shape[1], job.settings.seed)
    if als is None:
        log.warning("probe_vectors: ALS vectors are left out: implicit is not installed")
    else:
        features[probe.ALS] = als
    return features


def _print(target: str, on: str, names: Sequence[str], scores: Any) -> None:
    print(f"\n{target}: {on}\n({', '.join(names)})\n\n| features | accuracy | macro-F1 |\n|---|---|---|")
    for name, one in scores.items():
        print(f"| {name} | {one.accuracy:.3f} ± {one.spread:.3f} | {one.macro_f1:.3f} |")


STEP = Step(
    "probe_vectors",
    reads=("books", "paired_books", "links", "pairs", "book_vectors"),
    writes=("metrics",),
    settings=("probe",),
    run=run,
)

if __name__ == "__main__":
    run_alone(STEP)
