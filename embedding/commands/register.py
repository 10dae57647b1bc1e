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
    parser.add_argument("--metastore", metavar="PLACE", help="a folder, or thrift://host:9083; <warehouse>/_metastore if it is not given")
    parser.add_argument("--database", type=database, default="bookspace", help="its name in the catalog")
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Register the tables and say where."""
    from embedding.catalog import register, with_metastore

    settings = reader_settings(options)
    warehouse = Warehouse(settings.warehouse)
    metastore = options.metastore or str(warehouse.root.absolute() / "_metastore")
    session = Session(settings.model_copy(update={"spark": with_metastore(settings.spark, metastore)}))
    try:
        tables = register(session.spark, warehouse, options.database)
    finally:
        session.stop()
    print(f"{tables} tables and their views are in the database {options.database} of {metastore}")
