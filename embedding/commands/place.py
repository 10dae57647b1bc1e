"""bookspace place: where a new book would stand, by its links alone."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, add_snapshot_options, count, reader_settings, shown_snapshot
from embedding.commands.similar import print_answer
from embedding.job import Step
from embedding.place import Placed, place
from embedding.query import Answer
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("place", help="vector and neighbours of a new book, by its links alone")
    parser.add_argument("--links", nargs="+", required=True, metavar="TITLE", help="pages that the book links to; redirects are followed")
    add_snapshot_options(parser)
    parser.add_argument("-k", type=count, default=10, help="number of neighbours (10)")
    parser.add_argument("--json", action="store_true", help="all as one JSON object, with the vector")
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Place the book, and print its neighbours."""
    settings = reader_settings(options)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_cache)
    snapshot = shown_snapshot(warehouse, options.wiki, options.snapshot)
    placed = place(open_duckdb(warehouse), warehouse, snapshot, options.links, options.k, settings.neighbours.shared_links)
    if options.json:
        print(json.dumps(_as_dict(placed), ensure_ascii=False))
        return
    for title, why in placed.unknown.items():
        print(f"left out, not in the vocabulary: {title!r}; {why}", file=sys.stderr)
    print_answer(Answer(f"A book with {' · '.join(placed.links)}", snapshot.wiki, snapshot.date, placed.neighbours))


def _as_dict(placed: Placed) -> dict[str, object]:
    return asdict(placed) | {"vector": placed.vector.tolist()}
