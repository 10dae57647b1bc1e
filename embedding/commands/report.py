"""bookspace report: one page on how a snapshot was made, what came of it, and how good it is."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, add_snapshot_options, reader_warehouse, shown_snapshot
from embedding.commands.pages import write_page
from embedding.job import Step
from embedding.sql import open_duckdb

log = logging.getLogger("bookspace")


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("report", help="a page on a snapshot: counts, drops, curves, quality, maps, neighbours")
    add_snapshot_options(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it; report-WIKI-SNAPSHOT.html here if not given")
    parser.add_argument("--no-open", action="store_true", help="write the page, but do not open it")
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Write the page, say where it lies, and open it."""
    from embedding.atlas.report.maps import Maps, read_maps
    from embedding.atlas.report.page import report_page
    from embedding.atlas.report.read import read_report

    warehouse = reader_warehouse(options)
    snapshot = shown_snapshot(warehouse, options.wiki, options.snapshot)
    report = read_report(warehouse, open_duckdb(warehouse), snapshot)
    maps: Maps | None = None
    try:
        maps = read_maps(warehouse, snapshot)
    except ModuleNotFoundError as error:
        log.warning("report: without the maps, as %s is not installed; pip install 'bookspace[map]'", error.name)
    out = options.out or Path(f"report-{snapshot.wiki}-{snapshot.date}.html")
    write_page(out, report_page(report, maps), not options.no_open)
