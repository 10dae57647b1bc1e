"""draw_map: book_vectors, paired_books, books -> book_map, metrics."""

from typing import TYPE_CHECKING

import numpy as np

from embedding.errors import EnvironmentProblem
from embedding.job import Job, Step, log, run_alone
from embedding.warehouse import write_table

if TYPE_CHECKING:
    from embedding.atlas.layout import Map

QUERIES, K = 5_000, 10  # what the share of neighbours kept is measured on


def run(job: Job) -> None:
    """Draw 2-D maps of the books, so that like stands near like. Needs no Spark."""
    maps = _maps(job)
    from embedding.atlas.layout import draw
    from embedding.atlas.quality import neighbours_kept
    from embedding.atlas.table import map_columns

    vectors = job.vectors("book_vectors", "book_id")
    paired = job.arrow("paired_books", ["book_id", "page_id", "title", "links"]).sort_by("book_id")
    page_ids = paired["page_id"].to_numpy().astype(np.int64)
    places = draw(maps, vectors, page_ids, {}, job.settings.map.sample, job.settings.seed)
    books = job.arrow("books", ["page_id", "author", "genres", "country", "language", "year"])
    write_table("book_map", map_columns(paired, books, places), job.staged["book_map"].folder)
    kept, asked = neighbours_kept(vectors, places, K, QUERIES, job.settings.seed)
    figures = [(f"{name}_neighbours_kept", share, f"{asked:,} of {len(vectors):,} books, k = {K}", None) for name, share in kept.items()]
    for name, value, measured_on, _ in figures:
        log.info("draw_map: %s %.4f (%s)", name, value, measured_on)
    job.write_metrics(figures)


def _maps(job: Job) -> "list[Map]":
    """The ways to draw that the settings name."""
    settings, seed = job.settings.map, job.settings.seed
    maps: list[Map] = []
    try:
        if "tsne" in settings.methods:
            from embedding.atlas.tsne import TsneMap

            maps.append(TsneMap(settings.perplexity, settings.tsne_iterations, seed))
        if "umap" in settings.methods:
            from embedding.atlas.umap import UmapMap

            maps.append(UmapMap(settings.umap_neighbours, settings.umap_min_dist, settings.umap_epochs, seed))
    except ModuleNotFoundError as error:
        raise EnvironmentProblem(f"{error.name} is not installed; pip install 'bookspace[map]'") from None
    return maps


STEP = Step(
    "draw_map",
    reads=("book_vectors", "paired_books", "books"),
    writes=("book_map", "metrics"),
    settings=("map",),
    run=run,
)

if __name__ == "__main__":
    run_alone(STEP)
