"""bookspace export: the vectors of a snapshot as a file that other programs read."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from embedding.command_line import add_reading_options
from embedding.commands.files import written_beside
from embedding.commands.options import Commands, add_snapshot_options, reader_warehouse, shown_snapshot
from embedding.errors import NotFoundError
from embedding.job import Step
from embedding.manifest import Snapshot
from embedding.warehouse import Warehouse

FORMATS = ("word2vec", "word2vec-binary", "numpy", "parquet", "embedding-atlas")


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("export", help="for other programs: word2vec, NumPy, Parquet, embedding-atlas")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        required=True,
        help="word2vec: as gensim's KeyedVectors loads it; embedding-atlas: the map",
    )
    parser.add_argument("--links", action="store_true", help="the vectors of links, not of books")
    add_snapshot_options(parser)
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Write the file, whole or not at all, and say what is in it."""
    warehouse = reader_warehouse(options)
    snapshot = shown_snapshot(warehouse, options.wiki, options.snapshot)
    write = _write_map if options.format == "embedding-atlas" else _write_vectors
    file: Path = options.file
    with written_beside(file, "file") as partial, partial.open("wb") as out:
        what = write(options, warehouse, snapshot, out)
    print(f"{file}: {what}, {file.stat().st_size / 1e6:.1f} MB")


def _write_vectors(options: argparse.Namespace, warehouse: Warehouse, snapshot: Snapshot, out: IO[bytes]) -> str:
    from embedding.export.formats import WRITERS
    from embedding.export.stored import StoredVectors

    stored = StoredVectors(warehouse, snapshot, "link_vectors" if options.links else "book_vectors")
    remark = WRITERS[options.format](stored, out)
    what = f"{stored.rows:,} vectors of {stored.dimensions} numbers, {stored.table} of {snapshot}, as {options.format}"
    return f"{what}; {remark}" if remark else what


def _write_map(options: argparse.Namespace, warehouse: Warehouse, snapshot: Snapshot, out: IO[bytes]) -> str:
    from embedding.atlas.embedding_atlas import write_embedding_atlas
    from embedding.sql import open_duckdb

    if options.links:
        raise NotFoundError("links are on no map; leave out --links, or choose another --format")
    return f"{write_embedding_atlas(open_duckdb(warehouse), snapshot, out):,} books of {snapshot} with places and neighbours"
