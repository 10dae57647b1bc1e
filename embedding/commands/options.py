"""Options and readings of options that several subcommands share."""

import argparse
import re
from typing import Any

from embedding.job import settings_of
from embedding.settings import Settings

Commands = Any  # what argparse.ArgumentParser.add_subparsers gives, whose class has no public name


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


def reader_settings(options: argparse.Namespace) -> Settings:
    """Settings of a command that only reads: no wiki need be named."""
    return settings_of(options) if options.conf else settings_of(options, "wiki=any")
