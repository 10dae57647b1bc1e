"""Colours, light and dark."""

from dataclasses import dataclass
from typing import Any, Literal

ThemeName = Literal["light", "dark"]
# Shapes beside the colours, for eyes and printers that tell few colours apart; neighbours in the list differ.
MARKERS = ("o", "^", "s", "D", "v", "P")


@dataclass(frozen=True)
class Theme:
    """The colours of a picture.

    Attributes:
        name: of the theme.
        paper, ink, faint: background, text, secondary text.
        rest: books that are in no named group.
        accent, second: what is pointed out.
        groups: one for each group, most frequent first; chosen by search so that each pair stays apart also for eyes without red, green
            or blue cones (tests/atlas/pictures/test_theme.py measures it).
        periods: range of matplotlib's viridis from the oldest to the newest.
    """

    name: ThemeName
    paper: str
    ink: str
    faint: str
    rest: str
    accent: str
    second: str
    groups: tuple[str, ...]
    periods: tuple[float, float]

    def period_colours(self, count: int) -> list[Any]:
        """As many colours as there are periods, from the oldest to the newest."""
        import numpy as np
        from matplotlib import colormaps

        return [colormaps["viridis"](value) for value in np.linspace(*self.periods, count)]


THEMES: dict[ThemeName, Theme] = {
    "light": Theme(
        "light", "#ffffff", "#1c1f24", "#5d636b", "#d5d5d5", "#0072b2", "#d55e00",
        (
            "#0289d4", "#134e00", "#e78b06", "#15bcff", "#1a6096", "#9d7803",
            "#cb97c1", "#794050", "#d5c453", "#6f43d2", "#072cae", "#4ab378",
        ),
        (0.0, 0.92),
    ),
    "dark": Theme(
        "dark", "#14171c", "#e8e8e6", "#a2a8b0", "#43484f", "#56b4e9", "#e69f00",
        (
            "#43cafd", "#c42117", "#5e54b0", "#f0fe5b", "#d3cb8f", "#9b85da",
            "#05a46a", "#915b6f", "#78fcdd", "#86c034", "#fc87ab", "#c47a0f",
        ),
        (0.25, 1.0),
    ),
}  # fmt: skip
