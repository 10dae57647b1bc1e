"""bookspace sample: the sample dump of well-known books, as a file."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from embedding.command_line import add_reading_options
from embedding.commands.options import Commands
from embedding.job import Step


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("sample", help="write the sample dump of well-known books")
    parser.add_argument("file", type=Path)
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Write the file."""
    from embedding.sample.generator import write_sample

    books = write_sample(options.file)
    print(f"{options.file}: {books} books")
