"""bookspace prune: removes old snapshots, and what killed runs have left."""

import argparse
from collections.abc import Sequence

from embedding.catalog import check_place, follow
from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, count, reader_settings, wiki
from embedding.errors import NotFoundError
from embedding.job import Step
from embedding.prune import removals, remove
from embedding.warehouse import Warehouse


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("prune", help="remove old snapshots, and what killed runs have left")
    parser.add_argument("wiki", nargs="?", type=wiki, metavar="WIKI", help="whose; all wikis' if it is not given")
    parser.add_argument("--keep", type=count, required=True, metavar="N", help="the newest N snapshots stay, and the one in view")
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Remove, and print a line a snapshot."""
    settings = reader_settings(options)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_cache)
    check_place(warehouse, settings.catalog.place)
    there = sorted({snapshot.wiki for snapshot in warehouse.snapshots()})
    if options.wiki is not None and options.wiki not in there:
        raise NotFoundError(f"{warehouse.name}: holds no snapshot of {options.wiki}" + (f"; it holds {', '.join(there)}" if there else ""))
    total = 0
    for removal in removals(warehouse, [options.wiki] if options.wiki else there, options.keep):
        if not options.dry_run:
            try:
                remove(warehouse, removal)
            except OSError as error:
                raise warehouse.write_error("prune", error) from error
        total += removal.bytes
        print(f"{'would remove' if options.dry_run else 'removed'} {removal.name}: {removal.bytes:,} bytes")
    print(f"{total:,} bytes {'would be freed' if options.dry_run else 'freed'}")
    if total and not options.dry_run and (place := follow(settings, warehouse)):
        print(f"the tables are registered in {place}")
