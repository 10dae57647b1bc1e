"""bookspace rollback: the view goes back to the snapshot that was published before."""

import argparse
from collections.abc import Sequence

from embedding.catalog import check_place, follow
from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, reader_settings, wiki
from embedding.errors import NotFoundError
from embedding.job import Step
from embedding.warehouse import Warehouse


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("rollback", help="take the newest published snapshot out of view: the one before is shown again")
    parser.add_argument("wiki", nargs="?", type=wiki, metavar="WIKI", help="which, when the warehouse holds several wikis")
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Withdraw the snapshot in view, and say what is shown now."""
    settings = reader_settings(options)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_cache)
    check_place(warehouse, settings.catalog.place)
    shown = {snapshot.wiki: snapshot for snapshot in warehouse.latest()}
    if not shown:
        raise NotFoundError(f"{warehouse.name}: shows no snapshot")
    if options.wiki is None and len(shown) > 1:
        raise NotFoundError(f"{warehouse.name}: shows snapshots of {', '.join(shown)}; name the wiki, for example {next(iter(shown))}")
    name = options.wiki or next(iter(shown))
    if name not in shown:
        raise NotFoundError(f"{warehouse.name}: shows no snapshot of {name}; it shows {', '.join(map(str, shown.values()))}")
    current = shown[name]
    back = warehouse.publication.before(current)
    if back is None:
        raise NotFoundError(f"{current} stays in view: no snapshot of {name} was published before it")
    warehouse.lineage(warehouse.publication.marks()[back].tables, back)  # whole, or the error says what is missing
    warehouse.publication.withdraw(current)
    print(f"The _latest views show {back}. {current} is withdrawn, its tables are kept; `bookspace status` lists them.")
    if place := follow(settings, warehouse):
        print(f"The tables are registered in {place}.")
