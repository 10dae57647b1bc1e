"""What the report of a snapshot tells, before it is a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from embedding.manifest import Snapshot


@dataclass(frozen=True)
class TableCount:
    """A table: rows that came in, were kept and were dropped by reason, and its rows in the snapshot before (None: not known)."""

    name: str
    step: str
    rows_in: int | None
    rows_out: int
    dropped: Mapping[str, int]
    before: int | None


@dataclass(frozen=True)
class StepRun:
    """A step that ran: when its tables were whole (ISO, UTC), after how many seconds, and in the snapshot before."""

    name: str
    when: str
    seconds: float | None
    before: float | None


@dataclass(frozen=True)
class Setting:
    """A setting that is not the default; step: of the manifests that hold it."""

    key: str
    value: Any
    default: Any


@dataclass(frozen=True)
class Figure:
    """A measured figure, and its value in the snapshot before (None: not measured)."""

    step: str
    name: str
    value: float
    measured_on: str
    before: float | None


@dataclass(frozen=True)
class Near:
    """A neighbour, its cosine and the links in common."""

    title: str
    similarity: float
    shared: Sequence[str]


@dataclass(frozen=True)
class KnownBook:
    """One of the books that most others link to, with its first neighbours."""

    title: str
    author: str | None
    year: int | None
    linked: int
    near: Sequence[Near]


@dataclass(frozen=True)
class Changes:
    """What became of the neighbours since the snapshot before.

    Attributes:
        before: its date.
        counts: entered, left, moved: how many neighbours.
        books: books of which any neighbour entered or left.
        most: title, and how many of its neighbours entered and left; the most changed books first.
    """

    before: str
    counts: Mapping[str, int]
    books: int
    most: Sequence[tuple[str, int, int]]


@dataclass(frozen=True)
class Report:
    """All that the page tells.

    Attributes:
        snapshot: which.
        state: whether readers see it.
        when: of that state, ISO, UTC; "" when there is none.
        before: date of the snapshot that it is compared with; None: there is none.
        tables: in the order of the contract.
        steps: in the order in which they ended.
        settings: those that differ from the defaults.
        versions: package: its versions, more than one when steps ran with different ones.
        figures: of the run as a whole.
        epochs: figure of an epoch: (epoch, value) in order.
        gates: as the mark of the snapshot holds them.
        books: the most linked ones.
        changes: None: there is no snapshot before, or it was not compared.
    """

    snapshot: Snapshot
    state: Literal["in view", "published", "refused", "withdrawn", "not published"]
    when: str
    before: str | None
    tables: Sequence[TableCount]
    steps: Sequence[StepRun]
    settings: Sequence[Setting]
    versions: Mapping[str, Sequence[str]]
    figures: Sequence[Figure] = ()
    epochs: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    gates: Sequence[Mapping[str, Any]] = ()
    books: Sequence[KnownBook] = ()
    changes: Changes | None = None

    def has(self, table: str) -> bool:
        """Is there a table of that name ("metrics/evaluate": of what that step wrote)?"""
        return any(one.name == table for one in self.tables)

    def figure(self, name: str) -> Figure | None:
        """A figure by its name."""
        return next((one for one in self.figures if one.name == name), None)
