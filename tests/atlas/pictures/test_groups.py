"""Groups of books and their counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding.atlas.pictures.groups import MOST, NONE, OTHER, Groups, most_frequent, periods


def total(groups: Groups) -> int:
    return sum(groups.counts) + groups.others + groups.nothing


def test_the_most_frequent_come_first_and_the_rest_is_counted() -> None:
    groups = most_frequent(["b", "a", "a", None, "c", "b", "d", ""], most=2)
    assert (groups.names, groups.counts, groups.others, groups.nothing) == (["a", "b"], [2, 2], 2, 2)
    assert groups.of.tolist() == [1, 0, 0, NONE, OTHER, 1, OTHER, NONE]


@given(st.lists(st.one_of(st.none(), st.sampled_from("abcdefghijklmnopqrstuvwxyz")), max_size=60))
def test_legend_counts_add_up(values: list[str | None]) -> None:
    groups = most_frequent(values)
    assert total(groups) == len(values) == len(groups.of)
    assert len(groups.names) <= MOST
    assert groups.counts == [int((groups.of == i).sum()) for i in range(len(groups.names))]


@given(st.lists(st.one_of(st.none(), st.integers(-3000, 2100)), max_size=80))
def test_periods_hold_each_year_once(years: list[int | None]) -> None:
    groups = periods(years)
    assert total(groups) == len(years)
    assert groups.others == 0
    assert len(groups.names) == len(set(groups.names)) <= MOST
    known = [(year, group) for year, group in zip(years, groups.of, strict=True) if year is not None]
    assert [group for _, group in sorted(known)] == sorted(group for _, group in known)
    assert all((group == NONE) == (year is None) for year, group in zip(years, groups.of, strict=True))


@pytest.mark.parametrize(
    ("years", "names"),
    [
        ([1951, 1958, 1950], ["1950s"]),
        ([1800] * 9 + [1991, 1999] * 20 + [2005] * 40, ["before 1990", "1990s", "2000s"]),
        ([-44, 1600, 1955, 1956, 1957, 1958], ["before 1950", "1950s"]),
        ([None], []),
        ([], []),
    ],
)
def test_periods_are_named_by_their_decades(years: list[int | None], names: list[str]) -> None:
    assert periods(years, most=3).names == names


def test_many_books_of_few_decades_get_a_period_each() -> None:
    years = np.repeat([1900, 1910, 1920, 1930], 50).tolist()
    assert periods(years).names == ["before 1910", "1910s", "1920s", "1930s"]
