"""bookspace similar: neighbours of a book, or of a link."""

import argparse
from collections.abc import Sequence

from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, count, reader_warehouse
from embedding.errors import SettingsError
from embedding.filters import Filters, years
from embedding.job import Step
from embedding.query import Answer, similar
from embedding.sql import open_duckdb


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("similar", help="neighbours of a book, or of a link")
    parser.add_argument("title")
    parser.add_argument("--link", action="store_true", help="the title is that of a page that books link to")
    parser.add_argument("--wiki", help="where to look, when the warehouse holds several wikis")
    parser.add_argument("-k", type=count, help="number of neighbours; all that the table holds if it is not given")
    only = parser.add_argument_group("filters", "as many neighbours as without, all of books that pass; unknown fields do not")
    only.add_argument("--other-author", action="store_true", help="by another author")
    only.add_argument("--same-language", action="store_true", help="in the same language")
    only.add_argument("--same-country", action="store_true", help="of the same country")
    only.add_argument("--years", metavar="FROM-TO", help="published between; 1950- and --years=-1950 leave one end open; 50BC-100")
    only.add_argument("--genre", metavar="GENRE", help="with a genre whose name holds this")
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Print the neighbours."""
    between = None if options.years is None else years(options.years)
    filters = Filters(options.other_author, options.same_language, options.same_country, between, options.genre)
    if filters and options.link:
        raise SettingsError("--link does not go with filters: they are on books")
    connection = open_duckdb(reader_warehouse(options))
    print_answer(similar(connection, options.title, "link" if options.link else "book", options.wiki, options.k, filters))


def print_answer(answer: Answer) -> None:
    """Neighbours as lines: rank, similarity, title, what is shared."""
    print(f"\n{answer.title} ({answer.wiki} {answer.snapshot})\n")
    width = max((len(near.title) for near in answer.neighbours), default=0)
    for near in answer.neighbours:
        print(f"{near.rank:>4}  {near.similarity:6.3f}  {near.title:<{width}}  {' · '.join(near.shared_links)}".rstrip())
    if not answer.neighbours:
        print("no book passes the filters")
    if answer.unknown:
        print(f"\nleft out: {'; '.join(answer.unknown)}")
