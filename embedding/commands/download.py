"""bookspace download: a wiki's dump from dumps.wikimedia.org."""

import argparse
from collections.abc import Sequence

from embedding.command_line import add_reading_options
from embedding.commands.options import Commands, reader_settings, wiki
from embedding.job import Step

NOT_YET = 75  # EX_TEMPFAIL of sysexits.h: a scheduler is to ask again


def add(commands: Commands) -> None:
    """Declare the options."""
    parser = commands.add_parser("download", help="fetch a wiki's dump from dumps.wikimedia.org, and print its folder")
    parser.add_argument("wiki", type=wiki, metavar="WIKI", help="database name, for example simplewiki")
    parser.add_argument("--date", type=_day, metavar="YYYYMMDD", help="that dump; the newest complete one if it is not given")
    parser.add_argument(
        "--check",
        action="store_true",
        help=f"fetch nothing: print the date of the dump if it is complete; exit code {NOT_YET} if it is still to come",
    )
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _: Sequence[Step]) -> None:
    """Fetch the dump and print its folder, or see whether it is complete and print its date."""
    from embedding.download.dump import complete_date, download_dump

    settings = reader_settings(options).download
    if not options.check:
        print(download_dump(options.wiki, settings, options.date))
        return
    date = complete_date(options.wiki, settings, options.date)
    if date is None:
        raise SystemExit(NOT_YET)
    print(date)


def _day(text: str) -> str:
    from embedding.download.site import is_day

    if not is_day(text):
        raise argparse.ArgumentTypeError(f"{text} is not allowed: a day, YYYYMMDD")
    return text
