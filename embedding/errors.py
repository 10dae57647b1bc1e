"""Errors that a user can mend: each message is one line that names what is wrong and what to do."""

from pathlib import Path


class BookspaceError(Exception):
    """Base of all errors that are shown as one line, without a traceback."""


class SettingsError(BookspaceError):
    """A settings file or `--set` is wrong; the message names file, key, value and what is allowed."""


class DumpError(BookspaceError):
    """A dump file cannot be read; the message names the file and the byte."""


class WarehouseError(BookspaceError):
    """A table is missing, does not belong to the others, or cannot be written."""


class TrainingError(BookspaceError):
    """A training cannot go on; the message says what to lower."""


class GateError(BookspaceError):
    """What was made is not good enough to be used or published; the message names the gate and both numbers."""


class DownloadError(BookspaceError):
    """A dump cannot be fetched; the message names the file or address and what to do."""


class NotFoundError(BookspaceError):
    """A title or table that was asked for is not there; the message says what is near."""


class EnvironmentProblem(BookspaceError):
    """Something that bookspace needs on the machine is missing (Java, an extra)."""


class BusyError(BookspaceError):
    """Another run is at work; the message names it."""


def write_error(warehouse: Path | str, step: str, error: OSError) -> WarehouseError:
    """The one line that says why a warehouse cannot be written."""
    return WarehouseError(
        f"{warehouse}: cannot be written by {step}: {error.strerror or error}; "
        "free space, mend its permissions, or give another --warehouse"
    )
