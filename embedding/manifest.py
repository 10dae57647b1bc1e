"""What is known of a table: which snapshot it is of, what it was made from, what was kept and what was dropped."""

import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from embedding import __version__


@dataclass(frozen=True, order=True)
class Snapshot:
    """A wiki's dump of one day."""

    wiki: str
    date: str

    def __str__(self) -> str:
        return f"{self.wiki} {self.date}"


@dataclass(frozen=True)
class Manifest:
    """What is known of one table of one snapshot.

    Attributes:
        id: new with every write; what was made from the table names it.
        run: id of the step's run; the tables that one run wrote share it.
        inputs: table: id of its manifest when it was read.
        before: date of the snapshot before, if the step read any of its tables; None: it read none.
        inputs_before: table of that snapshot: id of its manifest when it was read.
        rows_in, rows_out, dropped: rows_in = rows_out + the sum of dropped, where a step keeps or drops rows; rows_in is None where
            it makes them.
        seconds: how long the step took until its tables were whole.
        facts: what else later steps need (the wiki's namespaces, the width of an index).
    """

    id: str
    run: str
    table: str
    step: str
    wiki: str
    snapshot: str
    created: str
    rows_in: int | None
    rows_out: int
    dropped: dict[str, int]
    inputs: dict[str, str]
    settings: dict[str, Any]
    versions: dict[str, str]
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    before: str | None = None
    inputs_before: dict[str, str] = field(default_factory=dict)


def now() -> str:
    """The time, UTC, in ISO's way."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Versions of this package, of Python and of what the tables are made with."""
    found = {"bookspace": __version__, "python": platform.python_version()}
    for name in ("pyspark", "pyarrow", "numpy", "indexed-bzip2", "torch", "petastorm", "annoy"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
