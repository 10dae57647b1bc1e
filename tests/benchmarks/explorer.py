"""The explorer's page: size, time to write it, time until it shows, and what a frame costs, for drawn books or for a warehouse.

    python -m tests.benchmarks.explorer --books 37000 200000 [--warehouse FOLDER] [--folder FOLDER]

Drawn books have titles of the usual length, ten neighbours of their own topic and five shared links each, which pack worse than real
ones, as nothing repeats but by chance. The page opens in Chromium with drawing in software, so a computer with a graphics card is faster.
The second table is the page's own work alone (`frames.py`), in milliseconds of processor time a frame, with one input in every frame.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from embedding.atlas.explorer.books import explorer_contents
from embedding.atlas.explorer.page import explorer_page
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse, write_table
from tests.atlas.browser import browser
from tests.atlas.mapped import SNAPSHOT
from tests.benchmarks.frames import STILL, measure

SYLLABLES = ["ka", "lo", "mi", "ren", "tas", "vo", "wil", "der", "an", "ost", "qui", "shi", "bel", "ur", "fen", "gra"]
NEAR, SHARED, PER_TOPIC = 10, 5, 80
# What is moved, for so many frames.
MOVES = {"drag": 120, "zoom": 120, "hover": 120, "maps": 100}


def main() -> None:
    """Print a table, a row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--books", type=int, nargs="*", default=[])
    parser.add_argument("--warehouse", type=Path, help="a warehouse with a published snapshot and its map")
    parser.add_argument("--folder", type=Path, help="where the pages stay; a temporary folder if it is not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        files = {}
        print("| books | page, MB | written in, s | first paint, s | map drawn, s | all ready, s | search, ms | path, ms | frames/s |")
        print("|---|---|---|---|---|---|---|---|---|")
        if options.warehouse:
            files[folder / "page.html"] = _measure(Warehouse(options.warehouse), folder / "page.html")
        for books in options.books:
            files[folder / f"page-{books}.html"] = _measure(_drawn(books, folder / str(books)), folder / f"page-{books}.html")
        print("\n| books | move | script, ms | style and layout, ms | all, ms | longest task, ms |\n|---|---|---|---|---|---|")
        for file, count in files.items():
            _frames(file, count)


def _frames(file: Path, books: int) -> None:
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(180_000)
        page.add_init_script(STILL)
        page.goto(file.absolute().as_uri())
        page.wait_for_selector("html[data-ready=all][data-map=drawn]")
        page.wait_for_timeout(2_000)  # what is prepared when the page is idle
        for what, frames in MOVES.items():
            cost = measure(chromium, page, what, frames)
            print(f"| {books:,} | {what} | {cost.script:.1f} | {cost.layout:.1f} | {cost.all:.1f} | {cost.longest:.1f} |", flush=True)


def _measure(warehouse: Warehouse, file: Path) -> int:
    snapshot = warehouse.latest()[0]
    begun = time.perf_counter()
    contents = explorer_contents(open_duckdb(warehouse), snapshot.wiki, snapshot.date, 1 << 30, 20_000)
    file.write_text(explorer_page(contents), encoding="utf-8", errors="replace")
    written = time.perf_counter() - begun
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        page.set_default_timeout(180_000)
        page.goto(file.absolute().as_uri())
        page.wait_for_selector("html[data-ready=all][data-map=drawn]")
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000")
        drawn, ready = (page.evaluate(f"performance.getEntriesByName('{name}')[0].startTime / 1000") for name in ("map drawn", "all ready"))
        search = page.evaluate(
            "() => { const field = document.querySelector('#ui-search'); field.value = 'the'; const begun = performance.now();"
            " field.dispatchEvent(new Event('input')); return performance.now() - begun }"
        )
        titles = [contents.books["title"][place] for place in (0, len(contents.books["title"]) // 2)]
        path = page.evaluate(
            "([from, to]) => new Promise(done => { const begun = performance.now(); addEventListener('hashchange', () => setTimeout(() =>"
            " done(performance.now() - begun))); location.hash = `?from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}` })",
            titles,
        )
        page.evaluate("location.hash = ''")
        frames = measure(chromium, page, "drag", 20).a_second
    megabytes = file.stat().st_size / 1e6
    print(
        f"| {contents.about['books']:,} | {megabytes:.1f} | {written:.1f} | {paint:.1f} | {drawn:.1f} | {ready:.1f} | {search:.0f} "
        f"| {path:.0f} | {frames:.1f} |",
        flush=True,
    )
    return len(contents.books["title"])


def _drawn(count: int, folder: Path) -> Warehouse:
    rng = np.random.default_rng(1)

    def names(rows: int, words: int) -> list[str]:
        parts = rng.integers(len(SYLLABLES), size=(rows, words, 3))
        return [" ".join("".join(SYLLABLES[i] for i in word).title() for word in row) for row in parts.tolist()]

    topics = max(1, count // PER_TOPIC)
    topic = np.arange(count) % topics
    titles = [f"{name} {i}" for i, name in enumerate(names(count, 2))]
    links = [f"{name} {i}" for i, name in enumerate(names(20 * topics, 2))]
    centres = rng.normal(size=(topics, 2)) * 30
    places = (centres[topic] + rng.normal(size=(count, 2))).astype(np.float32)
    steps = rng.integers(1, max(2, count // topics), size=(count, NEAR))
    near = (np.arange(count)[:, None] + np.cumsum(np.minimum(steps, 7), axis=1) * topics) % count
    similarity = -np.sort(-rng.uniform(0.3, 0.95, (count, NEAR)), axis=1).astype(np.float32)
    shared = (topic[:, None, None] * 20 + rng.integers(0, 20, (count, NEAR, SHARED))).tolist()
    authors, genres, countries = names(max(1, count // 4), 2), names(400, 1), names(120, 1)
    tables: dict[str, dict[str, Any]] = {
        "book_map": {
            "page_id": range(count), "title": titles, "author": [authors[i] for i in rng.integers(len(authors), size=count)],
            "genre": (chosen := [genres[i] for i in np.minimum(rng.zipf(1.5, count), 400) - 1]), "genres": [[one] for one in chosen],
            "country": [countries[i] for i in np.minimum(rng.zipf(1.5, count), 120) - 1], "language": ["English"] * count,
            "year": rng.integers(1700, 2025, count), "links": [30] * count, "tsne_x": places[:, 0], "tsne_y": places[:, 1],
            "umap_x": places[:, 1], "umap_y": -places[:, 0],
        },
        "links": {
            "link_id": range(len(links)), "title": links, "page_id": [*range(min(count, len(links))), *[None] * max(0, len(links) - count)],
            "kind": ["article"] * len(links), "books": rng.zipf(1.6, len(links)).clip(3, 5000),
        },
        "neighbours": {
            "page_id": np.repeat(np.arange(count), NEAR), "title": [titles[i] for i in range(count) for _ in range(NEAR)],
            "rank": np.tile(np.arange(1, NEAR + 1), count), "neighbour_page_id": near.ravel(),
            "neighbour_title": [titles[i] for i in near.ravel()], "similarity": similarity.ravel(),
            "shared_links": [[links[i] for i in one] for row in shared for one in row],
        },
    }  # fmt: skip
    warehouse = Warehouse(folder)
    for table, columns in tables.items():
        with warehouse.write("test", [table], SNAPSHOT, {}, {}) as staged:
            write_table(table, columns, staged[table].folder)
    warehouse.publish(SNAPSHOT, {table: warehouse.manifest(table, SNAPSHOT) for table in tables})
    return warehouse


if __name__ == "__main__":
    main()
