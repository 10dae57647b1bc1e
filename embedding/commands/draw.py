"""bookspace draw: pictures of the published books."""

import argparse
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from embedding.atlas.pictures import PICTURES
from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, reader_settings, wiki
from embedding.errors import EnvironmentProblem, WarehouseError
from embedding.job import Step
from embedding.warehouse import Warehouse

if TYPE_CHECKING:
    from embedding.atlas.pictures.theme import ThemeName

FORMATS = ("png", "svg", "pdf")
log = logging.getLogger("bookspace")


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("draw", help="pictures of the published books, in print quality")
    parser.add_argument("--out", metavar="FOLDER", default="pictures", help="where they are put (pictures)")
    parser.add_argument("--picture", type=_some(PICTURES), default=PICTURES, metavar="NAMES", help=f"{','.join(PICTURES)} (all)")
    parser.add_argument("--map", type=_some(("tsne", "umap")), default=("tsne",), metavar="NAMES", help="tsne,umap (tsne)")
    parser.add_argument("--theme", choices=("light", "dark", "both"), default="both")
    parser.add_argument("--format", type=_some(FORMATS), default=("png",), metavar="NAMES", help=f"{','.join(FORMATS)} (png)")
    parser.add_argument("--book", metavar="TITLE", help="book that is shown with its neighbours; the most linked one if it is not given")
    parser.add_argument("--wiki", type=wiki, help="whose books, when the warehouse holds several wikis")
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Draw the pictures and list their files."""
    try:
        from embedding.atlas.pictures.draw import draw_pictures
    except ModuleNotFoundError as error:
        raise EnvironmentProblem(f"{error.name} is not installed; pip install 'bookspace[map]'") from None
    from embedding.atlas.pictures.read import read_books

    settings, started = reader_settings(options), time.monotonic()
    books = read_books(Warehouse(settings.warehouse, settings.warehouse_cache), options.wiki, options.book)
    themes: tuple[ThemeName, ...] = ("light", "dark") if options.theme == "both" else (options.theme,)
    try:
        files = draw_pictures(books, Path(options.out), options.picture, themes, options.format, options.map, settings.seed)
    except OSError as error:
        raise WarehouseError(f"{options.out}: cannot be written: {error.strerror or error}; name another folder with --out") from None
    for file in files:
        print(f"{file}  {file.stat().st_size / 1000:,.0f} kB")
    log.info("draw: %d files in %.1f s", len(files), time.monotonic() - started)


def _some(allowed: Sequence[str]) -> "_Names":
    return _Names(allowed)


class _Names:
    """An option's value: some of a list of names, with commas between."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._allowed = allowed

    def __call__(self, text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
        if wrong := [name for name in names if name not in self._allowed]:
            raise argparse.ArgumentTypeError(f"{wrong[0]!r} is not allowed: some of {','.join(self._allowed)}")
        return names
