"""bookspace projector: the vectors as TensorBoard's projector shows them."""

import argparse
import logging
import shlex
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, count, reader_settings, shown_snapshot
from embedding.errors import WarehouseError
from embedding.job import Step
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse

MOST_BOOKS = 100_000
log = logging.getLogger("bookspace")


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("projector", help="files for TensorBoard's projector: vectors, neighbours, our maps")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="log folder to write; a new or empty one, or one of before"
    )
    parser.add_argument("--wiki", help="which wiki, when the warehouse holds several")
    parser.add_argument("--snapshot", metavar="YYYYMMDD", help="which snapshot; the newest published one if it is not given")
    parser.add_argument(
        "--books", type=count, default=MOST_BOOKS, metavar="N", help=f"at most so many, those with most links ({MOST_BOOKS:,})"
    )
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Write the folder, whole or not at all, and say how to look at it."""
    from embedding.atlas.projector import CONFIG, write_projector

    warehouse = Warehouse(reader_settings(options).warehouse)
    snapshot = shown_snapshot(warehouse, options.wiki, options.snapshot)
    out: Path = options.out
    partial = out.with_name(f".{out.name}.partial")
    try:
        if out.exists() and any(out.iterdir()) and not (out / CONFIG).is_file():
            raise WarehouseError(f"{out}: holds other files; name a new folder with --out")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        written, total = write_projector(open_duckdb(warehouse), snapshot.wiki, snapshot.date, options.books, partial)
        out.mkdir(exist_ok=True)
        for file in sorted(partial.iterdir(), key=lambda file: file.name == CONFIG):  # what names the others comes last
            file.replace(out / file.name)
    except OSError as error:
        raise WarehouseError(f"{out}: cannot be written: {error.strerror or error}; name another folder with --out") from None
    finally:
        with suppress(OSError):
            shutil.rmtree(partial)
    if written < total:
        log.warning(
            "projector: %s books with fewer links are left out; --books takes more, as far as the browser bears it", f"{total - written:,}"
        )
    print(
        f"{out}: {written:,} books of {snapshot}. Look at them with\n\n"
        f"  tensorboard --logdir {shlex.quote(str(out))}\n\n"
        "in the tab Projector. Untick “Spherize data”; our own maps are the bookmarks at the bottom right."
    )
