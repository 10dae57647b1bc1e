"""bookspace run: every step, from the dump to published neighbours."""

import argparse
import shlex
from collections.abc import Sequence
from typing import Any

from embedding.command_line import add_options, add_wait, settings_of
from embedding.commands.options import Commands
from embedding.commands.similar import print_answer
from embedding.job import Step
from embedding.manifest import Snapshot
from embedding.query import similar
from embedding.runs import run_steps
from embedding.sql import open_duckdb
from embedding.views import quote
from embedding.warehouse import Warehouse


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("run", help="run every step, from the dump to published neighbours")
    parser.add_argument(
        "--show", metavar="TITLE", help="book whose neighbours are printed at the end; the most linked one if it is not given"
    )
    parser.add_argument("--force", action="store_true", help="run every step, also those whose tables are up to date")
    parser.add_argument("--from", metavar="STEP", dest="first", help="begin with this step, and run it and all behind it in any case")
    add_wait(parser)
    add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, steps: Sequence[Step]) -> None:
    """Run the steps, print the neighbours of one book, and say what to try next."""
    settings = settings_of(options)
    snapshot = run_steps(steps, settings, resume=not options.force, first=options.first, wait=options.wait)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_cache)
    connection = open_duckdb(warehouse)
    answer = similar(connection, options.show or _most_linked(connection, snapshot), wiki=snapshot.wiki)
    print_answer(answer)
    query = (
        f"SELECT rank, neighbour_title, similarity, shared_links FROM neighbours_latest WHERE title = {quote(answer.title)} ORDER BY rank"
    )
    where = "" if settings.warehouse == "warehouse" else f" --warehouse {shlex.quote(settings.warehouse)}"
    command = f"bookspace sql{where} " + (f'"{query}"' if not set('"$`\\!') & set(query) else shlex.quote(query))
    place = warehouse.name if warehouse.mirror else warehouse.root.absolute()
    print(f"\nThe tables lie in {place}; bookspace status lists them. Try next:\n\n  {command}")


def _most_linked(connection: Any, snapshot: Snapshot) -> str:
    chosen = connection.execute(
        "SELECT title FROM paired_books WHERE wiki = ? AND snapshot = ? ORDER BY links DESC, title LIMIT 1", [snapshot.wiki, snapshot.date]
    ).fetchone()
    return str(chosen[0])
