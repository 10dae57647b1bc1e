"""bookspace export: the vectors of a snapshot as a file that other programs read."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, reader_settings, shown_snapshot
from embedding.errors import WarehouseError
from embedding.job import Step
from embedding.warehouse import Warehouse

FORMATS = ("word2vec", "word2vec-binary", "numpy", "parquet")


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("export", help="vectors for other programs: word2vec, NumPy, Parquet")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--format", choices=FORMATS, required=True, help="word2vec (text and binary): as gensim's KeyedVectors loads it")
    parser.add_argument("--links", action="store_true", help="the vectors of links, not of books")
    parser.add_argument("--wiki", help="which wiki, when the warehouse holds several")
    parser.add_argument("--snapshot", metavar="YYYYMMDD", help="which snapshot; the newest published one if it is not given")
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Write the file, whole or not at all, and say what is in it."""
    from embedding.export.formats import WRITERS
    from embedding.export.stored import StoredVectors

    warehouse = Warehouse(reader_settings(options).warehouse)
    snapshot = shown_snapshot(warehouse, options.wiki, options.snapshot)
    stored = StoredVectors(warehouse, snapshot, "link_vectors" if options.links else "book_vectors")
    file: Path = options.file
    partial = file.with_name(f".{file.name}.partial")
    try:
        with partial.open("wb") as out:
            remark = WRITERS[options.format](stored, out)
        partial.replace(file)
    except OSError as error:
        raise WarehouseError(f"{file}: cannot be written: {error.strerror or error}; name another file") from None
    finally:
        partial.unlink(missing_ok=True)
    what = f"{stored.rows:,} vectors of {stored.dimensions} numbers, {stored.table} of {snapshot}, as {options.format}"
    print(f"{file}: {what}, {file.stat().st_size / 1e6:.1f} MB{f'; {remark}' if remark else ''}")
