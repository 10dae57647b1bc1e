"""The gates that a snapshot must pass to be seen: what each measured, and whether it holds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from embedding.settings import PublishSettings


@dataclass(frozen=True)
class Figure:
    """A measured figure, and what it was measured on."""

    value: float
    measured_on: str


@dataclass(frozen=True)
class Gate:
    """A gate.

    Attributes:
        setting: key of its bound in the section `publish`.
        name: of what is measured.
        bound: what the value must reach, or must not pass.
        side: least or most: which of them.
        value: what was measured; None: nothing was.
        measured_on: on what; of a comparison, the figures of both snapshots.
        compares: with the snapshot before; without a value such a gate is missed, unless its bound is 0, which asks for nothing.
    """

    setting: str
    name: str
    bound: float
    side: Literal["least", "most"]
    value: float | None
    measured_on: str
    compares: bool = False

    @property
    def holds(self) -> bool | None:
        """Does it hold? None: nothing was measured, so nothing is asked."""
        if self.value is None:
            return False if self.compares and self.bound > 0 else None
        return self.value >= self.bound if self.side == "least" else self.value <= self.bound

    def __str__(self) -> str:
        if self.value is None and self.holds is None:
            return f"{self.name} was not measured, so the gate publish.{self.setting} is not checked"
        if self.value is None:
            asked = f"publish.{self.setting} asks for {self.bound:,.4g}"
            return f"{self.name} was not measured, and {asked}; run compare_snapshots again, or ask for 0"
        on = f" ({self.measured_on})" if self.measured_on else ""
        most = "at most " if self.side == "most" else ""
        return f"{self.name} is {self.value:,.4g}{on}, and publish.{self.setting} asks for {most}{self.bound:,.4g}"

    def facts(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self) | {"holds": self.holds}


# Setting of the bound: what is measured, the metric (None: books with neighbours), whether it compares with the snapshot before.
_GATES: dict[str, tuple[str, str | None, bool]] = {
    "min_books": ("books with neighbours", None, False),
    "min_books_share": ("books with neighbours, as a share of the snapshot before", "books_share_of_before", True),
    "min_auc": ("held-out AUC", "auc", False),
    "min_recall": ("recall of the neighbours", "recall_at_k_neighbours", False),
    "max_without_neighbours": ("share of books without neighbours", "without_neighbours", False),
    "min_overlap": ("overlap of the neighbours with the snapshot before", "overlap_at_k_neighbours", True),
}


def gates(settings: PublishSettings, books: int, measured: Mapping[str, Figure], compared: bool) -> list[Gate]:
    """Every gate with what was measured.

    Args:
        settings: the bounds.
        books: number of books that have neighbours.
        measured: metric: its figure.
        compared: there is a snapshot before; else the gates that compare with it are left out.
    """
    found = []
    for setting, (name, metric, compares) in _GATES.items():
        if compared or not compares:
            figure = Figure(float(books), "") if metric is None else measured.get(metric)
            side: Literal["least", "most"] = "most" if setting.startswith("max") else "least"
            value, on = (figure.value, figure.measured_on) if figure else (None, "")
            found.append(Gate(setting, name, float(getattr(settings, setting)), side, value, on, compares))
    return found
