"""bookspace status: the snapshots, with counts and figures."""

import argparse
from collections.abc import Sequence

from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, reader_settings
from embedding.errors import NotFoundError
from embedding.job import Step
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse

COUNTED = ("pages", "books", "links", "pairs", "neighbours")
MEASURED = {"AUC": "auc", "MRR": "filtered_mrr", "recall@k": "recall_at_k_neighbours"}


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("status", help="the snapshots, with counts and figures")
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Print a line a snapshot."""
    warehouse = Warehouse(reader_settings(options).warehouse)
    snapshots = warehouse.snapshots()
    if not snapshots:
        raise NotFoundError(f"{warehouse.root}: holds no snapshot yet; make one with `bookspace run`")
    published, latest = set(warehouse.published()), set(warehouse.latest())
    figures = _figures(warehouse)
    rows = [["wiki", "snapshot", "published", *COUNTED, *MEASURED]]
    for snapshot in snapshots:
        counts = [f"{warehouse.manifest(table, snapshot).rows_out:,}" if warehouse.has(table, snapshot) else "-" for table in COUNTED]
        values = [figures.get((snapshot.wiki, snapshot.date, metric)) for metric in MEASURED.values()]
        state = "latest" if snapshot in latest else "yes" if snapshot in published else "no"
        rows.append([snapshot.wiki, snapshot.date, state, *counts, *("-" if value is None else f"{value:.4f}" for value in values)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) if i < 3 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
        print("  ".join(cells).rstrip())


def _figures(warehouse: Warehouse) -> dict[tuple[str, str, str], float]:
    connection = open_duckdb(warehouse)
    there = connection.execute("SELECT 1 FROM duckdb_views() WHERE view_name = 'metrics'").fetchall()
    rows = connection.execute("SELECT wiki, snapshot, metric, value FROM metrics WHERE epoch IS NULL").fetchall() if there else []
    return {(wiki, snapshot, metric): value for wiki, snapshot, metric, value in rows}
