"""Texts, figures and curves as HTML."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding.atlas.report.curves import draw_curves, scale
from embedding.atlas.report.markup import change, duration, number, text, title

FIGURES = st.floats(-1e9, 1e9, allow_nan=False).map(lambda value: 0.0 if abs(value) < 1e-9 else value)


@given(st.text())
def test_a_text_stays_a_text_in_elements_and_attributes(anything: str) -> None:
    shown = text(anything)
    assert not set("<>\"'") & set(shown)
    assert not re.search(r"&(?!(amp|lt|gt|quot|#x27);)", shown)
    assert shown.encode("utf-8").decode() == shown


@given(st.text())
def test_the_address_of_a_title_is_below_that_of_the_articles(anything: str) -> None:
    shown = title(anything, "https://en.wikipedia.org/wiki/")
    found = re.fullmatch(
        r'<a href="https://en\.wikipedia\.org/wiki/[\w.~%-]+" rel="noreferrer noopener"><bdi>[^<>]*</bdi></a>', shown, re.A
    )
    assert found or not anything


def test_a_title_has_its_own_page() -> None:
    assert '/wiki/50%25_%22more%22%3F"' in title('50% "more"?', "https://a/wiki/")
    assert title("A", "") == "<bdi>A</bdi>"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0, "0"), (0.0, "0"), (1.0, "1"), (1234567, "1,234,567"), (0.91234, "0.9123"), (0.00001, "1.0e-05"), (-5e3, "-5,000"),
     (4321.6, "4,322"), (float("inf"), "inf")],
)  # fmt: skip
def test_figures_in_few_digits(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_changes_have_a_sign() -> None:
    assert [change(2, 1), change(1, 3), change(1.0, 1.0), change(None, 1), change(1, None)] == ["+1", "−2", "0", "–", "–"]


def test_durations_have_the_unit_that_suits_them() -> None:
    assert [duration(value) for value in (None, 0.26, 99, 600, 7200)] == ["–", "0.3 s", "99.0 s", "10.0 min", "2.0 h"]


@given(st.lists(FIGURES, min_size=1, max_size=50))
def test_a_scale_holds_every_value_between_few_equal_steps(values: list[float]) -> None:
    ticks = scale(values)
    room = 1e-6 * (ticks[-1] - ticks[0])
    assert ticks[0] - room <= min(values)
    assert max(values) <= ticks[-1] + room
    assert 2 <= len(ticks) <= 7


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.lists(FIGURES, max_size=9), max_size=2))
def test_curves_are_well_formed_and_inside_their_picture(curves: dict[str, list[float]]) -> None:
    drawn = draw_curves("<Loss>", {name: list(enumerate(values, 1)) for name, values in curves.items()})
    if not any(curves.values()):
        assert drawn == ""
        return
    svg = ElementTree.fromstring(drawn).find("svg")
    assert svg is not None
    ends = svg.findall("circle")
    assert len(ends) == sum(map(bool, curves.values()))
    assert all(52 <= float(end.get("cx", "")) <= 408 and 11.9 <= float(end.get("cy", "")) <= 190.1 for end in ends)
