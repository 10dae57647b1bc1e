"""What every command line of bookspace shares: options, the settings that they name, and errors as one line."""

import argparse
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from embedding.errors import BookspaceError, SettingsError
from embedding.log import say_error
from embedding.settings import Settings
from embedding.settings_files import load_settings, quoted


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """The options that every command takes, also one that only reads."""
    parser.add_argument(
        "--conf", action="append", default=[], metavar="FILE", help="settings file, on top of conf/default.yaml; may be repeated"
    )
    parser.add_argument(
        "--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE", help="override one setting, e.g. train.epochs=3"
    )
    parser.add_argument("--warehouse", metavar="FOLDER", help="folder of all tables, or s3://... (the setting warehouse)")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every step and `bookspace run` take."""
    add_reading_options(parser)
    parser.add_argument("--dump", metavar="PATH", help="dump file, folder or glob (the setting dump)")
    parser.add_argument("--snapshot", metavar="YYYYMMDD", help="date of the dump (the setting snapshot)")


def add_wait(parser: argparse.ArgumentParser) -> None:
    """The option of every command that works on a snapshot alone."""
    parser.add_argument("--wait", action="store_true", help="when another run is at work on the snapshot, wait for it to end")


def settings_of(options: argparse.Namespace, *first: str) -> Settings:
    """The settings that the options of `add_options` name; `first` are overrides that they in turn override."""
    direct = [f"{key}={quoted(value)}" for key in ("dump", "warehouse", "snapshot") if (value := getattr(options, key, None)) is not None]
    return load_settings(options.conf, [*first, *options.overrides, *direct])


@contextmanager
def reported(warehouse: str, debug: bool) -> Iterator[None]:
    """Turn errors that a user can mend into one line and exit code 1 (2 for wrong settings).

    SIGTERM, with which schedulers stop what takes too long, ends the block like an error does, so that it tidies up.
    """
    signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    except BookspaceError as error:
        _give_up(error, debug)
    except KeyboardInterrupt:
        say_error("interrupted; no table is half written")
        raise SystemExit(130) from None
    except Exception as error:
        from embedding.spark import one_line

        known = one_line(error, warehouse)
        if known is None:
            raise
        _give_up(known, debug)


def _give_up(error: BookspaceError, debug: bool) -> None:
    if debug:
        raise error
    say_error(" ".join(str(error).split()))
    raise SystemExit(2 if isinstance(error, SettingsError) else 1)


def _terminated(number: int, _: FrameType | None) -> None:
    say_error("terminated; no table is half written")
    raise SystemExit(128 + number)
