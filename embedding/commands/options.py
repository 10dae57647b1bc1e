"""Options and readings of options that several subcommands share."""

import argparse
import re
from typing import Any

from embedding.command_line import settings_of
from embedding.errors import NotFoundError
from embedding.manifest import Snapshot
from embedding.settings import Settings
from embedding.warehouse import Warehouse

Commands = Any  # what argparse.ArgumentParser.add_subparsers gives, whose class has no public name


def add_snapshot_options(parser: argparse.ArgumentParser) -> None:
    """Which snapshot is meant, as `shown_snapshot` takes it."""
    parser.add_argument("--wiki", type=wiki, help="which wiki, when the warehouse holds several")
    parser.add_argument(
        "--snapshot", metavar="YYYYMMDD", help="which snapshot, published or not; the newest published one if it is not given"
    )


def count(text: str) -> int:
    """A whole number, at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not allowed: a whole number, at least 1")
    return int(text)


def wiki(text: str) -> str:
    """The database name of a wiki."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", text):
        raise argparse.ArgumentTypeError(f"{text} is not allowed: a database name, for example simplewiki")
    return text


def database(text: str) -> str:
    """The name of a database of a catalog."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", text):
        raise argparse.ArgumentTypeError(f"{text} is not allowed: small letters, digits and _, a letter first")
    return text


def reader_settings(options: argparse.Namespace) -> Settings:
    """Settings of a command that only reads: no wiki need be named."""
    return settings_of(options) if options.conf else settings_of(options, "wiki=any")


def reader_warehouse(options: argparse.Namespace) -> Warehouse:
    """The warehouse of such a command."""
    settings = reader_settings(options)
    return Warehouse(settings.warehouse, settings.warehouse_cache)


def shown_snapshot(warehouse: Warehouse, wiki: str | None, date: str | None = None) -> Snapshot:
    """The newest published snapshot of a wiki, or of the one wiki that there is; with a date that snapshot, published or not.

    Raises:
        NotFoundError: there is none, or it is not clear which of several is meant.
    """
    there = warehouse.snapshots(wiki) if date else warehouse.latest()
    shown = [snapshot for snapshot in there if wiki in (None, snapshot.wiki) and date in (None, snapshot.date)]
    if not shown:
        which = f"{'' if date else 'published '}snapshot{f' of {wiki}' if wiki else ''}{f' of {date}' if date else ''}"
        raise NotFoundError(f"{warehouse.name}: holds no {which}; `bookspace status` lists what is there, `bookspace run` makes one")
    if len(shown) > 1:
        raise NotFoundError(f"{warehouse.name}: holds {', '.join(one.wiki for one in shown)}; name one with --wiki")
    return shown[0]
