"""bookspace projector: the vectors as TensorBoard's projector shows them."""

import argparse
import logging
import shlex
from collections.abc import Sequence
from pathlib import Path

from embedding.command_line import add_reading_options
from embedding.commands.files import written_beside
from embedding.commands.options import Commands, add_snapshot_options, count, reader_warehouse, shown_snapshot
from embedding.errors import WarehouseError
from embedding.job import Step
from embedding.sql import open_duckdb

MOST_BOOKS = 100_000
log = logging.getLogger("bookspace")


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("projector", help="files for TensorBoard's projector: vectors, neighbours, our maps")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="log folder to write; a new or empty one, or one of before"
    )
    add_snapshot_options(parser)
    parser.add_argument(
        "--books", type=count, default=MOST_BOOKS, metavar="N", help=f"at most so many, those with most links ({MOST_BOOKS:,})"
    )
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Write the folder, whole or not at all, and say how to look at it."""
    from embedding.atlas.projector import CONFIG, write_projector

    warehouse = reader_warehouse(options)
    snapshot = shown_snapshot(warehouse, options.wiki, options.snapshot)
    out: Path = options.out
    with written_beside(out, "folder with --out") as partial:
        if out.exists() and any(out.iterdir()) and not (out / CONFIG).is_file():
            raise WarehouseError(f"{out}: holds other files; name a new folder with --out")
        partial.mkdir()
        written, total = write_projector(open_duckdb(warehouse), snapshot.wiki, snapshot.date, options.books, partial)
        out.mkdir(exist_ok=True)
        for file in sorted(partial.iterdir(), key=lambda file: file.name == CONFIG):  # what names the others comes last
            file.replace(out / file.name)
    if written < total:
        log.warning(
            "projector: %s books with fewer links are left out; --books takes more, as far as the browser bears it", f"{total - written:,}"
        )
    print(
        f"{out}: {written:,} books of {snapshot}. Look at them with\n\n"
        f"  tensorboard --logdir {shlex.quote(str(out))}\n\n"
        "in the tab Projector. Untick “Spherize data”; our own maps are the bookmarks at the bottom right."
    )
