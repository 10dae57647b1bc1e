"""bookspace views: the SQL statements that make the tables known to DuckDB or to Spark."""

import argparse
from collections.abc import Sequence

from embedding.catalog import check_place
from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, database, reader_warehouse
from embedding.job import Step
from embedding.views import catalog_statements, duckdb_statements


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("views", help="print the SQL that makes the tables known to DuckDB or Spark")
    parser.add_argument("--engine", choices=("duckdb", "spark"), default="duckdb", help="spark: external tables of its catalog")
    parser.add_argument("--database", type=database, default="bookspace", help="of Spark's catalog")
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Print the statements."""
    warehouse = reader_warehouse(options)
    check_place(warehouse, options.engine)
    made = duckdb_statements(warehouse) if options.engine == "duckdb" else catalog_statements(warehouse, options.database)
    print("".join(f"{statement};\n" for statement in made), end="")
