"""The command `bookspace`."""

import argparse
import os
import sys
from collections.abc import Sequence

from embedding import __version__
from embedding.command_line import reported
from embedding.commands import (
    download,
    draw,
    explore,
    export,
    place,
    projector,
    prune,
    register,
    report,
    rollback,
    run,
    sample,
    similar,
    sql,
    status,
    views,
)
from embedding.job import Step
from embedding.log import start_log

COMMANDS = (run, similar, explore, draw, report, sql, views, register, status, sample, download, export, projector, place, rollback, prune)


def main(steps: Sequence[Step], arguments: Sequence[str] | None = None) -> None:
    """Run one subcommand.

    Args:
        steps: the pipeline, which `run` runs.
        arguments: the command line; None: the process's own.
    """
    options = _parser().parse_args(arguments)
    start_log()
    try:
        with reported(options.warehouse or "the warehouse", options.debug):
            options.run(options, steps)
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output, for example `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more at its end
        raise SystemExit(141) from None  # as a shell says of a command that SIGPIPE ended


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bookspace", description="A Wikipedia dump turned into a space of books.")
    parser.add_argument("--version", action="version", version=f"bookspace {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser
