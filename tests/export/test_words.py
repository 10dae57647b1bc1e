"""Titles as words: none holds a space, none comes twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding.export.words import Words


@pytest.mark.parametrize(
    ("title", "word"),
    [
        ("War and Peace", "War_and_Peace"),
        ('The "Genius"', 'The_"Genius"'),
        ("戦争 と　平和", "戦争_と_平和"),
        ("A\u00a0b\u2028c\x85d\te", "A_b_c_d_e"),
        ("Emma", "Emma"),
        ("", "_"),
    ],
)
def test_spaces_become_underscores_and_the_rest_stays(title: str, word: str) -> None:
    assert Words().word(title) == word


def test_a_word_that_would_come_twice_is_numbered() -> None:
    words = Words()
    assert [words.word(title) for title in ("A b", "A_b", "A b", "A b#2", "Other")] == ["A_b", "A_b#2", "A_b#3", "A_b#2#2", "Other"]
    assert words.numbered == 3


@given(st.lists(st.text(st.sampled_from("ab_ #2\u3000\n\x1c"), max_size=4)))
def test_words_are_distinct_and_hold_no_space(titles: list[str]) -> None:
    words = Words()
    given_words = [words.word(title) for title in titles]
    assert len(set(given_words)) == len(titles)
    assert all(word.split() == [word] for word in given_words)
