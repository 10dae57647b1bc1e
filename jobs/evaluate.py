"""evaluate: book_vectors, link_vectors, pairs, negatives -> metrics."""

import numpy as np

from embedding.evaluate.ranking import auc, filtered_ranks, with_bias
from embedding.job import Job, Step, log
from embedding.runs import run_alone


def run(job: Job) -> None:
    """Measure the vectors on the test pairs: AUC against negatives, filtered ranks among all links. Needs no Spark."""
    from embedding.train.feed import read_pairs

    settings = job.settings.evaluate
    books, links = job.vectors("book_vectors", "book_id"), job.vectors("link_vectors", "link_id")
    bias = job.arrow("link_vectors", ["link_id", "bias"]).sort_by("link_id")["bias"].to_numpy()
    books, links = with_bias(books, links, bias)
    pairs = job.files("pairs")
    test, false = read_pairs(pairs, split="test"), read_pairs(job.files("negatives"), split="test", draw=0)
    if not len(test):
        log.warning("evaluate: no pairs are held out (pairs.test is 0, or there are too few), so nothing is measured")
    positive, negative = ((books[side[:, 0]] * links[side[:, 1]]).sum(1) for side in (test, false))
    known = np.concatenate([read_pairs(pairs, split=split) for split in ("train", "valid", "test")])
    chosen = test[np.sort(np.random.default_rng(job.settings.seed).permutation(len(test))[: settings.max_pairs])]
    ranks = filtered_ranks(books, links, chosen, known)
    on = f"test split, {len(test):,} pairs and {len(false):,} negatives"
    ranked_on = f"test split, {len(chosen):,} of {len(test):,} pairs ranked among {len(links):,} links"
    figures = [("auc", auc(positive, negative), on, None)]
    if len(ranks):
        figures += [
            ("filtered_mrr", float((1 / ranks).mean()), ranked_on, None),
            (f"filtered_hits_at_{settings.hits_at}", float((ranks <= settings.hits_at).mean()), ranked_on, None),
        ]
    for name, value, measured_on, _ in figures:
        log.info("evaluate: %s %.4f (%s)", name, value, measured_on)
    job.write_metrics(figures)


STEP = Step(
    "evaluate",
    reads=("book_vectors", "link_vectors", "pairs", "negatives"),
    writes=("metrics",),
    settings=("evaluate",),
    run=run,
)

if __name__ == "__main__":
    run_alone(STEP)
