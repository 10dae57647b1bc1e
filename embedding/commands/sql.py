"""bookspace sql: a query over the tables."""

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from typing import Any

from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, reader_settings
from embedding.errors import NotFoundError
from embedding.job import Session, Step
from embedding.sql import open_duckdb, register_spark
from embedding.warehouse import Warehouse


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("sql", help="an SQL query over the tables")
    parser.add_argument("query")
    parser.add_argument("--engine", choices=("duckdb", "spark"), default="duckdb")
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table", help="json: an object a line")
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Run the query and print its result."""
    settings = reader_settings(options)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_cache)
    connection = open_duckdb(warehouse)
    session = Session(settings)
    try:
        if options.engine == "spark":
            from pyspark.errors import AnalysisException, ParseException

            register_spark(session.spark, warehouse, options.query)
            try:
                result = connection.from_arrow(session.spark.sql(options.query).toArrow())
            except (AnalysisException, ParseException) as error:
                raise NotFoundError(f"SQL: {str(error).splitlines()[0]}") from None
        else:
            from duckdb import Error

            try:
                result = connection.sql(options.query)
            except Error as error:
                raise NotFoundError(f"SQL: {' '.join(str(error).split())}") from None
        if result is not None:
            _print_result(result, options.format)
    finally:
        session.stop()


def _print_result(result: Any, how: str) -> None:
    if how == "table":
        result.show(max_rows=1000, max_width=200 if not sys.stdout.isatty() else None)
    elif how == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(result.columns)
        writer.writerows([_json(cell) if isinstance(cell, list | dict) else cell for cell in row] for row in result.fetchall())
    else:
        for row in result.fetchall():
            print(_json(dict(zip(result.columns, row, strict=True))))


def _json(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)
