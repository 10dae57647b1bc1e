"""bookspace explore: the map of all books, as one page that opens without a server."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, add_snapshot_options, count, reader_warehouse, shown_snapshot
from embedding.commands.pages import write_page
from embedding.job import Step
from embedding.sql import open_duckdb

MOST_BOOKS = 200_000
TOPICS = 20_000
log = logging.getLogger("bookspace")


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("explore", help="the map of all books: one page, opened in the browser")
    add_snapshot_options(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write the page; bookspace-WIKI-SNAPSHOT.html here if not given")
    parser.add_argument("--no-open", action="store_true", help="write the page, but do not open it")
    parser.add_argument(
        "--books", type=count, default=MOST_BOOKS, metavar="N", help=f"at most so many, the most linked ones ({MOST_BOOKS:,})"
    )
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Write the page, say where it lies, and open it."""
    from embedding.atlas.explorer.books import explorer_contents
    from embedding.atlas.explorer.page import explorer_page

    warehouse = reader_warehouse(options)
    snapshot = shown_snapshot(warehouse, options.wiki, options.snapshot)
    contents = explorer_contents(open_duckdb(warehouse), snapshot.wiki, snapshot.date, options.books, TOPICS)
    if left_out := contents.about["left_out"]:
        log.warning("explore: %s less linked books are left out; --books takes more, and the page grows", f"{left_out:,}")
    out = options.out or Path(f"bookspace-{snapshot.wiki}-{snapshot.date}.html")
    write_page(out, explorer_page(contents), not options.no_open)
