"""Genres under one name each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding.atlas.genres import genre_key, name_genres
from embedding.atlas.labels import MAX_LABEL, parts


@pytest.mark.parametrize(
    "alike",
    [
        ["Science fiction", "science fiction novel", "Sci-fi", "SF", "Science-fiction novels", "Sci fi novel", "SCIENCE FICTION"],
        ["Historical novel", "historical fiction", "Historical", "historical novels"],
        ["Children's literature", "children’s novel", "Children's book", "childrens books", "Juvenile literature", "Children"],
        ["Young adult", "YA", "Young-adult fiction", "young adult novel", "Teen fiction"],
        ["Non-fiction", "Nonfiction", "non fiction book"],
        ["Short story", "Short stories", "Short story collection"],
        ["Crime", "crime novel", "Crime fiction", "crime novels"],
        ["Memoir", "memoirs"],
        ["Poetry", "Poetry collection", "Poem"],
        ["Philosophical novel", "Philosophical fiction"],
        ["Spy novel", "spy fiction", "Espionage"],
        ["Mystery", "Mystery novel", "Whodunit"],
        ["Novel", "novels", "Novel "],
    ],
)
def test_spellings_of_one_genre_share_a_key(alike: list[str]) -> None:
    assert len({genre_key(text) for text in alike}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Science fiction", "Science"),
        ("Popular science", "Science fiction"),
        ("Graphic novel", "Graphic design"),
        ("Fiction", "Nonfiction"),
        ("Novel", "Fiction"),
        ("Hard science fiction", "Hard science"),
        ("History", "Historical novel"),
        ("Philosophy", "Philosophical novel"),
        ("Literary fiction", "Fiction"),
        ("Science fiction short stories", "Science fiction"),
        ("Romance", "Romanticism"),
        ("Picture book", "Picture"),
    ],
)
def test_what_differs_stays_apart(one: str, other: str) -> None:
    assert genre_key(one) != genre_key(other)


def test_a_group_is_called_what_most_books_call_it() -> None:
    rows = [["crime novel"], ["Crime fiction"], ["crime novel"], ["Crime"], ["Kriminalroman"], ["kriminalroman"], ["Kriminalroman"]]
    assert name_genres(rows) == [["Crime novel"]] * 4 + [["Kriminalroman"]] * 3


def test_lists_links_and_remarks_are_taken_apart() -> None:
    assert parts("[[Science fiction|Sci-fi]], [[fantasy]] / horror<br>''Gothic'' (some) [1]; essay") == [
        "Sci-fi", "fantasy", "horror Gothic", "essay",
    ]  # fmt: skip
    assert parts("mystery novel / whodunnit") == ["mystery novel", "whodunnit"]
    assert parts("see [[Thriller]]; see also Essay") == ["Thriller", "Essay"]
    assert parts("See") == ["See"]
    assert parts("Sword and sorcery") == ["Sword and sorcery"]
    assert parts("Sci-fi・小説、詩") == ["Sci-fi", "小説", "詩"]
    assert parts("サイエンス・フィクション・小説") == ["サイエンス・フィクション", "小説"]
    assert parts("日本・アメリカ") == ["日本", "アメリカ"]
    assert parts("x" * (MAX_LABEL + 1)) == parts("1984") == parts(" - ") == parts("") == []


def test_the_main_genre_is_the_first_that_says_something() -> None:
    assert name_genres([["Novel", "Historical novel"], ["Fiction"], ["Satire", "Novel"], None, [], ["?"]]) == [
        ["Historical novel", "Novel"], ["Fiction"], ["Satire", "Novel"], [], [], [],
    ]  # fmt: skip


def test_doubles_are_named_once() -> None:
    assert name_genres([["Sci-fi", "Science fiction novel", "sf"]]) == [["Science fiction"]]


def test_other_scripts_are_left_whole() -> None:
    named = name_genres([["Научная фантастика"], ["научная фантастика"], ["научная фантастика"], ["長編小説"], ["Ciencia ficción"]])
    assert named == [["Научная фантастика"]] * 3 + [["長編小説"], ["Ciencia ficción"]]


@given(st.lists(st.lists(st.text(max_size=80), max_size=3), max_size=12))
def test_any_text_gives_names_that_are_names_of_themselves(rows: list[list[str]]) -> None:
    named = name_genres(rows)
    assert len(named) == len(rows)
    for row in named:
        assert len(set(row)) == len(row)
        assert all(name.strip() == name and name for name in row)


@given(st.lists(st.sampled_from(["Sci-fi", "novel", "Crime novel", "crime", "YA", "Essays", "essay", "Novel, Satire"]), max_size=20))
def test_naming_twice_changes_nothing(texts: list[str]) -> None:
    once = name_genres([[text] for text in texts])
    assert name_genres(once) == once
