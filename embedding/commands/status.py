"""bookspace status: the snapshots, with counts and figures."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, reader_warehouse
from embedding.errors import NotFoundError
from embedding.job import Step
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse

COUNTED = ("pages", "books", "links", "pairs", "neighbours")
MEASURED = {"AUC": "auc", "MRR": "filtered_mrr", "recall@k": "recall_at_k_neighbours"}

_STATES = {"published": "yes", "refused": "refused", "withdrawn": "withdrawn"}


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("status", help="the snapshots, with counts and figures")
    parser.add_argument("--gates", action="store_true", help="what each gate of publish measured, a line a gate")
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Print a line a snapshot."""
    warehouse = reader_warehouse(options)
    snapshots = warehouse.snapshots()
    if not snapshots:
        raise NotFoundError(f"{warehouse.name}: holds no snapshot yet; make one with `bookspace run`")
    marks, latest = warehouse.publication.marks(), set(warehouse.latest())
    figures = _figures(warehouse)
    rows = [["wiki", "snapshot", "published", *COUNTED, *MEASURED]]
    for snapshot in snapshots:
        counts = [f"{warehouse.manifest(table, snapshot).rows_out:,}" if warehouse.has(table, snapshot) else "-" for table in COUNTED]
        values = [figures.get((snapshot.wiki, snapshot.date, metric)) for metric in MEASURED.values()]
        mark = marks.get(snapshot)
        state = "latest" if snapshot in latest else _STATES[mark.state] if mark else "no"
        rows.append([snapshot.wiki, snapshot.date, state, *counts, *("-" if value is None else f"{value:.4f}" for value in values)])
    if options.gates:
        rows = [["wiki", "snapshot", "published", "gate", "value", "bound", "holds", "measured on"]]
        for snapshot, mark in marks.items():
            state = "latest" if snapshot in latest else _STATES[mark.state]
            rows += [[snapshot.wiki, snapshot.date, state, *_gate(gate)] for gate in mark.gates]
    _print_rows(rows, 8 if options.gates else 3)


def _print_rows(rows: Sequence[Sequence[str]], left: int) -> None:
    """Print a table; the first `left` columns begin on the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) if i < left else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
        print("  ".join(cells).rstrip())


def _gate(gate: Mapping[str, Any]) -> list[str]:
    value, holds = gate["value"], {True: "yes", False: "NO", None: "not measured"}[gate["holds"]]
    bound = f"{'<=' if gate['side'] == 'most' else '>='} {gate['bound']:,.4g}"
    return [gate["setting"], "-" if value is None else f"{value:,.4g}", bound, holds, gate["measured_on"]]


def _figures(warehouse: Warehouse) -> dict[tuple[str, str, str], float]:
    connection = open_duckdb(warehouse)
    there = connection.execute("SELECT 1 FROM duckdb_views() WHERE view_name = 'metrics'").fetchall()
    rows = connection.execute("SELECT wiki, snapshot, metric, value FROM metrics WHERE epoch IS NULL").fetchall() if there else []
    return {(wiki, snapshot, metric): value for wiki, snapshot, metric, value in rows}
