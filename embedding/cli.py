"""The command `bookspace`."""

import argparse
import csv
import json
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedding import __version__
from embedding.errors import NotFoundError
from embedding.job import Session, Step, add_options, add_reading_options, reported, run_steps, settings_of, start_log
from embedding.manifest import Snapshot
from embedding.query import Answer, similar
from embedding.settings import Settings
from embedding.sql import open_duckdb, quote, register_spark
from embedding.warehouse import Warehouse


def main(steps: Sequence[Step], arguments: Sequence[str] | None = None) -> None:
    """Run one subcommand.

    Args:
        steps: the pipeline, which `run` runs.
        arguments: the command line; None: the process's own.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    start_log()
    with reported(options.warehouse or "the warehouse", options.debug):
        {"run": _run, "similar": _similar, "sql": _sql, "status": _status, "sample": _sample, "download": _download}[options.command](
            options, steps
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bookspace", description="A Wikipedia dump turned into a space of books.")
    parser.add_argument("--version", action="version", version=f"bookspace {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run every step, from the dump to published neighbours")
    run.add_argument("--show", metavar="TITLE", help="book whose neighbours are printed at the end; the most linked one if it is not given")

    ask = commands.add_parser("similar", help="neighbours of a book, or of a link")
    ask.add_argument("title")
    ask.add_argument("--link", action="store_true", help="the title is that of a page that books link to")
    ask.add_argument("--wiki", help="where to look, when the warehouse holds several wikis")
    ask.add_argument("-k", type=_count, help="number of neighbours; all that the table holds if it is not given")

    sql = commands.add_parser("sql", help="an SQL query over the tables")
    sql.add_argument("query")
    sql.add_argument("--engine", choices=("duckdb", "spark"), default="duckdb")
    sql.add_argument("--format", choices=("table", "csv", "json"), default="table", help="json: an object a line")

    status = commands.add_parser("status", help="the snapshots, with counts and figures")

    sample = commands.add_parser("sample", help="write the sample dump of well-known books")
    sample.add_argument("file", type=Path)

    download = commands.add_parser("download", help="fetch a wiki's dump from dumps.wikimedia.org, and print its folder")
    download.add_argument("wiki", type=_wiki, metavar="WIKI", help="database name, for example simplewiki")
    download.add_argument("--date", type=_day, metavar="YYYYMMDD", help="that dump; the newest complete one if it is not given")
    add_options(run)
    for command in (ask, sql, status, sample, download):
        add_reading_options(command)
    return parser


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not allowed: a whole number, at least 1")
    return int(text)


def _wiki(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", text):
        raise argparse.ArgumentTypeError(f"{text} is not allowed: a database name, for example simplewiki")
    return text


def _day(text: str) -> str:
    from embedding.download.site import is_day

    if not is_day(text):
        raise argparse.ArgumentTypeError(f"{text} is not allowed: a day, YYYYMMDD")
    return text


def _reader_settings(options: argparse.Namespace) -> Settings:
    """Settings of a command that only reads: no wiki need be named."""
    return settings_of(options) if options.conf else settings_of(options, "wiki=any")


def _run(options: argparse.Namespace, steps: Sequence[Step]) -> None:
    settings = settings_of(options)
    snapshot = run_steps(steps, settings)
    warehouse = Warehouse(settings.warehouse)
    connection = open_duckdb(warehouse)
    answer = similar(connection, options.show or _most_linked(connection, snapshot), wiki=snapshot.wiki)
    _print_answer(answer)
    query = (
        f"SELECT rank, neighbour_title, similarity, shared_links FROM neighbours_latest WHERE title = {quote(answer.title)} ORDER BY rank"
    )
    where = "" if settings.warehouse == "warehouse" else f" --warehouse {shlex.quote(settings.warehouse)}"
    command = f"bookspace sql{where} " + (f'"{query}"' if not set('"$`\\!') & set(query) else shlex.quote(query))
    print(f"\nThe tables lie in {warehouse.root.absolute()}; bookspace status lists them. Try next:\n\n  {command}")


def _most_linked(connection: Any, snapshot: Snapshot) -> str:
    chosen = connection.execute(
        "SELECT title FROM paired_books WHERE wiki = ? AND snapshot = ? ORDER BY links DESC, title LIMIT 1", [snapshot.wiki, snapshot.date]
    ).fetchone()
    return str(chosen[0])


def _similar(options: argparse.Namespace, _: Sequence[Step]) -> None:
    connection = open_duckdb(Warehouse(_reader_settings(options).warehouse))
    _print_answer(similar(connection, options.title, "link" if options.link else "book", options.wiki, options.k))


def _print_answer(answer: Answer) -> None:
    print(f"\n{answer.title} ({answer.wiki} {answer.snapshot})\n")
    width = max((len(near.title) for near in answer.neighbours), default=0)
    for near in answer.neighbours:
        print(f"{near.rank:>4}  {near.similarity:6.3f}  {near.title:<{width}}  {' · '.join(near.shared_links)}".rstrip())


def _sql(options: argparse.Namespace, _: Sequence[Step]) -> None:
    settings = _reader_settings(options)
    warehouse = Warehouse(settings.warehouse)
    connection = open_duckdb(warehouse)
    session = Session(settings)
    try:
        if options.engine == "spark":
            from pyspark.errors import AnalysisException, ParseException

            register_spark(session.spark, warehouse)
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


def _status(options: argparse.Namespace, _: Sequence[Step]) -> None:
    warehouse = Warehouse(_reader_settings(options).warehouse)
    snapshots = warehouse.snapshots()
    if not snapshots:
        raise NotFoundError(f"{warehouse.root}: holds no snapshot yet; make one with `bookspace run`")
    published, latest = set(warehouse.published()), set(warehouse.latest())
    figures = _figures(warehouse)
    counted = ("pages", "books", "links", "pairs", "neighbours")
    measured = {"AUC": "auc", "MRR": "filtered_mrr", "recall@k": "recall_at_k_neighbours"}
    rows = [["wiki", "snapshot", "published", *counted, *measured]]
    for snapshot in snapshots:
        counts = [f"{warehouse.manifest(table, snapshot).rows_out:,}" if warehouse.has(table, snapshot) else "-" for table in counted]
        values = [figures.get((snapshot.wiki, snapshot.date, metric)) for metric in measured.values()]
        state = "latest" if snapshot in latest else "yes" if snapshot in published else "no"
        rows.append([snapshot.wiki, snapshot.date, state, *counts, *("-" if value is None else f"{value:.4f}" for value in values)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            "  ".join(
                cell.ljust(width) if i < 3 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
        )


def _figures(warehouse: Warehouse) -> dict[tuple[str, str, str], float]:
    connection = open_duckdb(warehouse)
    there = connection.execute("SELECT 1 FROM duckdb_views() WHERE view_name = 'metrics'").fetchall()
    rows = connection.execute("SELECT wiki, snapshot, metric, value FROM metrics WHERE epoch IS NULL").fetchall() if there else []
    return {(wiki, snapshot, metric): value for wiki, snapshot, metric, value in rows}


def _sample(options: argparse.Namespace, _: Sequence[Step]) -> None:
    from embedding.sample.generator import write_sample

    books = write_sample(options.file)
    print(f"{options.file}: {books} books")


def _download(options: argparse.Namespace, _: Sequence[Step]) -> None:
    from embedding.download.dump import download_dump

    print(download_dump(options.wiki, _reader_settings(options).download, options.date))
