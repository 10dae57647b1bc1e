"""bookspace register: the tables in a catalog of Spark's, for a Thrift server and for other Spark sessions."""

import argparse
from collections.abc import Sequence

from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, database, reader_settings
from embedding.job import Session, Step
from embedding.warehouse import Warehouse


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("register", help="make the tables known to a catalog of Spark's")
    parser.add_argument(
        "--metastore",
        metavar="PLACE",
        help="a folder, thrift://host:9083, or a Thrift server at work, jdbc:hive2://host:10015; "
        "if not given, what catalog.place says, else <warehouse>/_metastore",
    )
    parser.add_argument("--database", type=database, help="its name in the catalog; as catalog.database says (bookspace)")
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Register the tables and say where."""
    from embedding.catalog import JDBC, check_place, register, register_on_server, with_metastore

    settings = reader_settings(options)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_cache)
    place = options.metastore or settings.catalog.place or str(warehouse.root.absolute() / "_metastore")
    check_place(warehouse, place)
    name = options.database or settings.catalog.database
    if place.startswith(JDBC):
        tables = register_on_server(place, warehouse, name)
    else:
        session = Session(settings.model_copy(update={"spark": with_metastore(settings.spark, place)}))
        try:
            tables = register(session.spark, warehouse, name)
        finally:
            session.stop()
    print(f"{tables} tables and their views are in the database {name} of {place}")
