"""Which pictures there are, and drawing them into files."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from embedding.atlas.pictures import ON_MAPS, maps
from embedding.atlas.pictures import book as one_book
from embedding.atlas.pictures.canvas import noting_letters, save, sheet
from embedding.atlas.pictures.groups import Groups, most_frequent, periods
from embedding.atlas.pictures.read import MAP_TITLES, Books, MapName
from embedding.atlas.pictures.similarities import draw_similarities, random_pairs
from embedding.atlas.pictures.theme import THEMES, Theme, ThemeName
from embedding.errors import NotFoundError

log = logging.getLogger("bookspace")


@dataclass(frozen=True)
class Picture:
    """A picture before it is drawn: its file's name, its title, what stands below, and how it is drawn."""

    name: str
    title: str
    subtitle: str
    draw: Callable[[Figure, Theme], None]


def draw_pictures(
    books: Books,
    folder: Path,
    pictures: Sequence[str],
    themes: Sequence[ThemeName],
    formats: Sequence[str],
    wanted: Sequence[MapName],
    seed: int,
) -> list[Path]:
    """Draw pictures into a folder.

    Args:
        books: what they show.
        folder: made when it is not there.
        pictures: some of PICTURES.
        themes: each picture is drawn in each of them.
        formats: png, svg, pdf.
        wanted: the maps on which those pictures are drawn that show one.
        seed: of the pairs that the histogram draws.

    Returns:
        The files.

    Raises:
        NotFoundError: a map that is wanted was not drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    missing: set[str] = set()
    for picture in _pictures(books, pictures, wanted, seed):
        started = time.monotonic()
        for theme in themes:
            files = [folder / f"{picture.name}-{theme}.{ending}" for ending in formats]
            with noting_letters(missing), sheet(THEMES[theme], picture.title, picture.subtitle) as figure:
                picture.draw(figure, THEMES[theme])
                save(figure, files)
            written += files
        log.info("draw: %s in %.1f s", picture.name, time.monotonic() - started)
    if missing:
        some = "".join(sorted(missing)[:12])
        log.warning(
            "draw: no installed font has %d letters of the titles (%s ...); fonts-noto-cjk or another Noto font may", len(missing), some
        )
    return written


def _pictures(books: Books, names: Sequence[str], wanted: Sequence[MapName], seed: int) -> Iterator[Picture]:
    of = f"{len(books.table):,} books of {books.snapshot}"
    for name in (name for name in ON_MAPS if name in names):
        for which in wanted:
            points = books.points(which)
            if points is None:
                raise NotFoundError(
                    f"the {MAP_TITLES[which]} map of {books.snapshot} was not drawn; put {which} into map.methods and run draw_map"
                )
            yield _on_map(books, name, which, points, f"{of} · {MAP_TITLES[which]} of their vectors")
    titles, row = books.column("title"), _row(books)
    if "extremes" in names:
        cosines = (books.vectors @ books.vectors[row]).astype(np.float64)
        yield Picture(
            "extremes",
            f"Nearest to {titles[row]}, and farthest from it",
            f"of {of}",
            lambda f, t: one_book.draw_extremes(f, t, titles, cosines, row),
        )
    if "similarities" in names:
        pairs = random_pairs(books.vectors, seed)
        yield Picture(
            "similarities", "How similar are two books?", of, lambda f, t: draw_similarities(f, t, pairs, books.similarities, books.k)
        )


def _on_map(books: Books, name: str, which: MapName, points: maps.Points, subtitle: str) -> Picture:
    """A picture of a map."""
    wiki, file = books.snapshot.wiki, f"{name}-{which}"
    if name == "books":
        return Picture(file, f"The books of {wiki}", subtitle, lambda f, t: maps.draw_all(f, t, points))
    if name == "titles":
        titles, links = books.column("title"), books.table["links"].to_numpy()
        return Picture(file, f"The books of {wiki} with most links", subtitle, lambda f, t: maps.draw_titles(f, t, points, titles, links))
    if name == "neighbours":
        return _neighbours(books, file, points, subtitle)
    if name == "years":
        years = periods(books.column("year"))
        return Picture(
            file, f"The books of {wiki} by year", subtitle,
            lambda f, t: maps.draw_groups(f, t, points, years, "year", t.period_colours(len(years.names)), shapes=False, named=False),
        )  # fmt: skip
    column = {"genres": "genre", "countries": "country", "languages": "language"}[name]
    groups: Groups = most_frequent(books.column(column))
    return Picture(
        file, f"The books of {wiki} by {column}", subtitle,
        lambda f, t: maps.draw_groups(f, t, points, groups, column, t.groups, shapes=True, named=True),
    )  # fmt: skip


def _neighbours(books: Books, file: str, points: maps.Points, subtitle: str) -> Picture:
    rows = {title: i for i, title in enumerate(books.column("title"))}
    near = [one for one in books.answer.neighbours if one.title in rows]
    places, titles, cosines = [rows[one.title] for one in near], [one.title for one in near], [one.similarity for one in near]
    row = rows[books.answer.title]
    return Picture(
        file, f"The neighbours of {books.answer.title}", subtitle,
        lambda f, t: one_book.draw_neighbours(f, t, points, row, places, titles, cosines),
    )  # fmt: skip


def _row(books: Books) -> int:
    return int(books.column("title").index(books.answer.title))
