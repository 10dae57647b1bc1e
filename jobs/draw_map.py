"""draw_map: book_vectors, paired_books, books -> book_map, metrics."""

from typing import TYPE_CHECKING

import numpy as np

from embedding.errors import EnvironmentProblem
from embedding.job import Job, Step, log
from embedding.runs import run_alone
from embedding.warehouse import write_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embedding.atlas.layout import Map
    from embedding.atlas.start import Places

QUERIES, K = 5_000, 10  # what the share of neighbours kept is measured on


def run(job: Job) -> None:
    """Draw 2-D maps of the books, so that like stands near like, and books where they stood before. Needs no Spark."""
    maps = _maps(job)
    from embedding.atlas.layout import draw
    from embedding.atlas.quality import moved, neighbours_kept
    from embedding.atlas.table import map_columns

    settings, seed = job.settings.map, job.settings.seed
    vectors = job.vectors("book_vectors", "book_id")
    paired = job.arrow("paired_books", ["book_id", "page_id", "title", "links"]).sort_by("book_id")
    page_ids = paired["page_id"].to_numpy().astype(np.int64)
    old = _old_places(job, page_ids)
    places = draw(maps, vectors, page_ids, old if settings.keep_places else {}, settings.sample, seed)
    books = job.arrow("books", ["page_id", "author", "genres", "country", "language", "year"])
    write_table("book_map", map_columns(paired, books, places), job.staged["book_map"].folder)
    job.staged["book_map"].facts = {"fitted": min(settings.sample, len(vectors)), "started_from_before": bool(old and settings.keep_places)}

    kept, asked = neighbours_kept(vectors, places, K, QUERIES, seed)
    figures = [(f"{name}_neighbours_kept", share, f"{asked:,} of {len(vectors):,} books, k = {K}", None) for name, share in kept.items()]
    for name in places.keys() & old.keys():
        common = int(np.isfinite(old[name]).all(1).sum())
        figures.append((f"{name}_moved", moved(old[name], places[name]), f"{common:,} books that {job.before} has too", None))
    for name, value, measured_on, _ in figures:
        log.info("draw_map: %s %.4f (%s)", name, value, measured_on)
    job.write_metrics(figures)


def _old_places(job: Job, page_ids: "NDArray[np.int64]") -> "dict[str, Places]":
    """Where the books stand on the maps of the snapshot before; a map that it has not is left out."""
    if "book_map" not in job.inputs_before:
        return {}
    from embedding.atlas.table import old_places

    coordinates = job.arrow("book_map", ["page_id", "tsne_x", "tsne_y", "umap_x", "umap_y"], job.before)
    return {name: places for name, places in old_places(page_ids, coordinates).items() if np.isfinite(places).any()}


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
    reads_before=("book_map",),
)

if __name__ == "__main__":
    run_alone(STEP)
