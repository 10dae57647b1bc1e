"""bookspace similar: neighbours of a book, or of a link."""

import argparse
from collections.abc import Sequence

from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, count, reader_settings
from embedding.job import Step
from embedding.query import Answer, similar
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("similar", help="neighbours of a book, or of a link")
    parser.add_argument("title")
    parser.add_argument("--link", action="store_true", help="the title is that of a page that books link to")
    parser.add_argument("--wiki", help="where to look, when the warehouse holds several wikis")
    parser.add_argument("-k", type=count, help="number of neighbours; all that the table holds if it is not given")
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Print the neighbours."""
    connection = open_duckdb(Warehouse(reader_settings(options).warehouse))
    print_answer(similar(connection, options.title, "link" if options.link else "book", options.wiki, options.k))


def print_answer(answer: Answer) -> None:
    """Neighbours as lines: rank, similarity, title, what is shared."""
    print(f"\n{answer.title} ({answer.wiki} {answer.snapshot})\n")
    width = max((len(near.title) for near in answer.neighbours), default=0)
    for near in answer.neighbours:
        print(f"{near.rank:>4}  {near.similarity:6.3f}  {near.title:<{width}}  {' · '.join(near.shared_links)}".rstrip())
