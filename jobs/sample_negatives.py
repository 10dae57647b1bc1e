"""sample_negatives: pairs, links -> negatives."""

import numpy as np
from pyspark.sql import functions as F

from embedding.job import Job, Step
from embedding.pairs.negatives import draws_for, link_weights, sample_negatives
from embedding.pairs.split import SPLITS
from embedding.runs import run_alone
from embedding.tables import ROWS_PER_FILE


def run(job: Job) -> None:
    """Draw negatives for every split; several draws for train, one for the held-out ones."""
    settings = job.settings.negatives
    books_of_link = job.arrow("links", ["link_id", "books"]).sort_by("link_id")["books"].to_numpy().astype(np.int64)
    cumulative = np.cumsum(link_weights(books_of_link, settings.links, settings.power))
    pairs = job.read("pairs")
    number = draws_for(pairs.where(F.col("split") == "train").count(), settings.per_positive, settings.draws, settings.min_rows)
    draws = {split: number if split == "train" else 1 for split in SPLITS}
    evenly = settings.books == "uniform"
    drawn = sample_negatives(pairs, draws, cumulative, settings.per_positive, job.settings.seed, evenly).persist()

    staged = job.staged["negatives"]
    staged.facts = {"draws": number}
    job.write_apart("negatives", drawn.where(F.col("link_id") >= 0), ("split", "draw"), ("book_id", "link_id"), ROWS_PER_FILE)
    full = F.count(F.when(F.col("link_id") < 0, True))
    staged.rows_in, without = drawn.agg(F.count(F.lit(1)), full).first() or (0, 0)
    staged.dropped = {"book links to every link": without}
    drawn.unpersist()


STEP = Step("sample_negatives", reads=("pairs", "links"), writes=("negatives",), settings=("negatives",), run=run)

if __name__ == "__main__":
    run_alone(STEP)
