"""What is known of a table: which snapshot it is of, what it was made from, what was kept and what was dropped."""

import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from embedding import __version__

MANIFEST = "_manifest.json"  # beside the files of its table
_CHECKOUT = Path(__file__).resolve().parents[1]


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
    """Versions of this package (with the commit, if it is run from a checkout), of Python and of what the tables are made with."""
    found = {"bookspace": __version__, "python": platform.python_version()}
    if commit := commit_of(_CHECKOUT):
        found["commit"] = commit
    for name in ("pyspark", "pyarrow", "numpy", "indexed-bzip2", "torch", "petastorm", "annoy"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def commit_of(checkout: Path) -> str | None:
    """The commit of a git checkout, with `+` behind it if its files have been changed since; None: it is no checkout (a wheel has none)."""
    if not (checkout / ".git").exists():
        return None

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(checkout), *words], capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):  # no git, or a checkout that it does not trust
        return None
