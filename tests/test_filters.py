"""Neighbours among some of the books."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from duckdb import DuckDBPyConnection

from embedding.cli import main
from embedding.errors import NotFoundError, SettingsError
from embedding.filters import Filters, authors, years
from embedding.manifest import Snapshot
from embedding.query import similar
from embedding.sql import open_duckdb
from embedding.tables import TABLES
from embedding.warehouse import Warehouse, write_table

SNAPSHOT = Snapshot("enwiki", "20240201")
# title, author, language, country, year, genres; the nearer to the first book the earlier.
BOOKS: list[tuple[str, str | None, str | None, str | None, int | None, list[str]]] = [
    ("Asked", "Ann Lee and Bob Ray", "English", "Chile", 1950, ["Novel"]),
    ("Same author", "ann lee", "English", "Chile", 1955, ["Novel"]),
    ("One author of two", "Cy Fox; Bob  Ray", "French", "Peru", 1960, ["Science fiction novel"]),
    ("Another", "Cy Fox", "english, French", "Peru", 1949, ["Poetry", "Épic"]),
    ("Unknown", None, None, None, None, []),
    ("Far", "Dé Poe", "Anglo", "Chile", -50, ["science Fiction"]),
    ("Farther", "Ann Leeds", "English", "chilé", 0, ["Novel"]),
]


def _write(warehouse: Warehouse, step: str, table: str, columns: dict[str, list[Any]]) -> None:
    with warehouse.write(step, [table], SNAPSHOT, {}, {}) as staged:
        write_table(table, columns, staged[table].folder)


def _columns(rows: list[tuple[Any, ...]], *names: str) -> dict[str, list[Any]]:
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Seven books along a quarter circle; the neighbours' table holds the nearest two alone."""
    warehouse = Warehouse(tmp_path_factory.mktemp("warehouse"))
    ids, titles = list(range(len(BOOKS))), [book[0] for book in BOOKS]
    pages = [10 + i for i in ids]
    angles = np.linspace(0, np.pi / 2, len(BOOKS))
    nothing: dict[str, list[Any]] = dict.fromkeys(TABLES["books"].columns.names, [None] * len(ids))
    fields = _columns(BOOKS, "title", "author", "language", "country", "year", "genres")
    _write(warehouse, "extract_books", "books", nothing | {"page_id": pages, **fields})
    vectors = list(np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32))
    _write(warehouse, "train_embedding", "book_vectors", {"book_id": ids, "page_id": pages, "title": titles, "vector": vectors})
    near = [(10, "Asked", rank, 10 + rank, titles[rank], float(np.cos(angles[rank])), []) for rank in (1, 2)]
    names = ("page_id", "title", "rank", "neighbour_page_id", "neighbour_title", "similarity", "shared_links")
    _write(warehouse, "find_neighbours", "neighbours", _columns(near, *names))
    links = [(0, "Common", None, "article", 7), (1, "Rare b", None, "article", 2), (2, "Rare a", None, "article", 2)]
    pairs = [(0, 0), (0, 1), (0, 2), (3, 0), (3, 1), (3, 2), (5, 0)]
    with warehouse.write("build_pairs", ["links", "pairs", "paired_books"], SNAPSHOT, {}, {}) as staged:
        write_table("links", _columns(links, "link_id", "title", "page_id", "kind", "books"), staged["links"].folder)
        columns = _columns(pairs, "book_id", "link_id") | {"mentions": [1] * len(pairs), "split": ["train"] * len(pairs)}
        write_table("pairs", columns, staged["pairs"].folder)
        columns = {"book_id": ids, "page_id": pages, "title": titles, "links": [1] * len(ids)}
        write_table("paired_books", columns, staged["paired_books"].folder)
    warehouse.publish(SNAPSHOT, {})
    return warehouse


@pytest.fixture(scope="module")
def connection(warehouse: Warehouse) -> Iterator[DuckDBPyConnection]:
    with open_duckdb(warehouse) as connection:
        yield connection


@pytest.mark.parametrize(
    ("filters", "k", "wanted"),
    [
        (Filters(), None, ["Same author", "One author of two"]),
        (Filters(other_author=True), None, ["Another", "Far"]),
        (Filters(other_author=True), 9, ["Another", "Far", "Farther"]),
        (Filters(same_language=True), 9, ["Same author", "Another", "Farther"]),
        (Filters(same_country=True), 9, ["Same author", "Far", "Farther"]),
        (Filters(years=(1949, 1955)), 9, ["Same author", "Another"]),
        (Filters(years=(None, 0)), 9, ["Far", "Farther"]),
        (Filters(years=(0, None)), 9, ["Same author", "One author of two", "Another", "Farther"]),
        (Filters(genre="science fiction"), 9, ["One author of two", "Far"]),
        (Filters(genre="epic"), 9, ["Another"]),
        (Filters(genre="%"), 9, []),
        (Filters(other_author=True, same_language=True, years=(1900, None)), 9, ["Another"]),
    ],
)
def test_only_books_that_pass_are_found_and_as_many_as_there_are(
    filters: Filters, k: int | None, wanted: list[str], connection: DuckDBPyConnection
) -> None:
    answer = similar(connection, "asked", k=k, filters=filters)
    assert [near.title for near in answer.neighbours] == wanted
    assert [near.rank for near in answer.neighbours] == list(range(1, len(wanted) + 1))


def test_similarity_is_the_cosine_and_shared_links_are_the_rarest_first(connection: DuckDBPyConnection) -> None:
    one, other = similar(connection, "Asked", filters=Filters(other_author=True)).neighbours
    assert one.similarity == pytest.approx(np.cos(np.pi / 4))
    assert (one.shared_links, other.shared_links) == (["Rare a", "Rare b", "Common"], ["Common"])


def test_books_of_which_nothing_is_known_are_counted(connection: DuckDBPyConnection) -> None:
    answer = similar(connection, "Asked", filters=Filters(other_author=True, years=(1, None), genre="novel"))
    assert answer.unknown == ["1 whose author is not known", "1 whose year is not known", "1 whose genre is not known"]
    assert similar(connection, "Asked").unknown == []


def test_no_filter_is_told_from_an_open_one() -> None:
    assert not Filters()
    assert Filters(years=(None, None)), "a filter that was given is one"


def test_other_spellings_and_parts_of_a_country_and_varieties_of_a_language_count_as_the_same(tmp_path: Path) -> None:
    """Titles are what the field holds."""
    rows = {
        "England": "American English", "UK": "English language", "U.S., United Kingdom": "French and English",
        "Great Britain": "Old English",
        "Scotland": "english (British)", "New England": "Anglo", "Ireland": "?", "united kingdom": "ENGLISH; German",
    }  # fmt: skip
    warehouse, ids = Warehouse(tmp_path), list(range(len(rows)))
    pages, titles = [10 + i for i in ids], [f"{country} / {language}" for country, language in rows.items()]
    nothing: dict[str, list[Any]] = dict.fromkeys(TABLES["books"].columns.names, [None] * len(ids))
    fields = {"page_id": pages, "title": titles, "country": list(rows), "language": list(rows.values()), "genres": [[]] * len(ids)}
    _write(warehouse, "extract_books", "books", nothing | fields)
    angles = np.linspace(0, np.pi / 2, len(ids))
    vectors = list(np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32))
    _write(warehouse, "train_embedding", "book_vectors", {"book_id": ids, "page_id": pages, "title": titles, "vector": vectors})
    with warehouse.write("build_pairs", ["links", "pairs", "paired_books"], SNAPSHOT, {}, {}):
        pass
    near = [(page, title, 1, 10, titles[0], 0.5, []) for page, title in zip(pages, titles, strict=True)]
    names = ("page_id", "title", "rank", "neighbour_page_id", "neighbour_title", "similarity", "shared_links")
    _write(warehouse, "find_neighbours", "neighbours", _columns(near, *names))
    warehouse.publish(SNAPSHOT, {})
    with open_duckdb(warehouse) as connection:
        found = similar(connection, titles[0], k=9, filters=Filters(same_country=True)).neighbours
        assert [near.title.split(" / ")[0] for near in found] == [
            "UK",
            "U.S., United Kingdom",
            "Great Britain",
            "Scotland",
            "united kingdom",
        ]
        found = similar(connection, titles[0], k=9, filters=Filters(same_language=True)).neighbours
        assert [near.title.split(" / ")[1] for near in found] == [
            "English language", "French and English", "english (British)", "ENGLISH; German",
        ]  # fmt: skip
        with pytest.raises(NotFoundError, match="its language is not known"):
            similar(connection, "Ireland / ?", filters=Filters(same_language=True))


def test_a_book_that_shares_no_link_is_told_from_one_that_is_not_there(connection: DuckDBPyConnection) -> None:
    with pytest.raises(NotFoundError, match=r"^Far has no neighbours: no link of it is one that enough books have"):
        similar(connection, "FAR")
    with pytest.raises(NotFoundError, match="no book is called 'Farthest'; near are: Asked"):
        similar(connection, "Farthest")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("莫言", "莫言"), ("魯迅", "魯迅"), ("夏目漱石、村上春樹", "夏目漱石|村上春樹"), ("莫言，余华；魯迅", "莫言|余华|魯迅"),
        ("夏目漱石・村上春樹", "夏目漱石|村上春樹"), ("ジョージ・オーウェル", "ジョージ・オーウェル"),
        ("ジョージ･オーウェル", "ジョージ・オーウェル"), ("J・R・R・トールキン", "j・r・r・トールキン"),
        ("ミヒャエル・エンデ・佐藤真理子", "ミヒャエル・エンデ|佐藤真理子"), ("加西亚·马尔克斯", "加西亚·马尔克斯"),
        ("Kurt Vonnegut, Jr.", "kurt vonnegut"), ("Ann Lee, Ph.D. and Bob  Ray, III", "ann lee|bob ray"),
        ("Sun Ra & Bo, Avi", "sun ra|bo|avi"), ("Stanisław Lem/Émile Ajar", "stanisław lem|emile ajar"),
        ("Cy Fox with Dé Poe", "cy fox|de poe"), ("?", ""), ("Jr.", ""), ("", ""),
    ],
)  # fmt: skip
def test_the_authors_of_a_field(text: str, wanted: str) -> None:
    assert authors(text) == set(wanted.split("|")) - {""}


@pytest.mark.parametrize(
    ("asked", "other", "passes"),
    [
        ("莫言", "莫言", False), ("莫言", "魯迅", True), ("夏目漱石、村上春樹", "村上春樹", False), ("Avi", "avi", False),
        ("ジョージ・オーウェル", "ジョージ・エリオット", True), ("莫言", "?", None), ("莫言", None, None),
    ],
)  # fmt: skip
def test_another_author_has_no_name_in_common_and_a_name(warehouse: Warehouse, asked: str, other: str | None, passes: bool | None) -> None:
    """None: it is counted as not known."""
    with open_duckdb(warehouse) as connection:
        connection.execute(
            "CREATE TABLE written AS SELECT * REPLACE (CASE title WHEN 'Far' THEN $other ELSE $asked END AS author) FROM books_latest",
            {"asked": asked, "other": other},
        )
        connection.execute("CREATE OR REPLACE VIEW books_latest AS SELECT * FROM written")
        answer = similar(connection, "Asked", k=9, filters=Filters(other_author=True))
    assert [near.title for near in answer.neighbours] == ["Far"] * (passes is True)
    assert answer.unknown == ["1 whose author is not known"] * (passes is None)


def test_a_book_whose_field_holds_no_name_has_no_other_authors(warehouse: Warehouse) -> None:
    with open_duckdb(warehouse) as connection:
        connection.execute("CREATE TABLE written AS SELECT * REPLACE ('?' AS author) FROM books_latest")
        connection.execute("CREATE OR REPLACE VIEW books_latest AS SELECT * FROM written")
        with pytest.raises(NotFoundError, match="its author is not known"):
            similar(connection, "Asked", filters=Filters(other_author=True))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1950-1959", (1950, 1959)), ("1950-", (1950, None)), ("-1950", (None, 1950)), ("50BC-100", (-50, 100)),
        ("100 bc - 50 bc", (-100, -50)), ("1900–1900", (1900, 1900)), ("0-5", (0, 5)),
    ],
)  # fmt: skip
def test_years_are_read(text: str, wanted: tuple[int | None, int | None]) -> None:
    assert years(text) == wanted


@pytest.mark.parametrize("text", ["", "-", "1950", "1960-1950", "50-100BC", "a-b", "1950-1960-1970", "BC-5"])
def test_other_years_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="the earlier first"):
        years(text)


def test_a_filter_on_what_the_book_itself_lacks_is_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    with open_duckdb(warehouse) as connection:
        connection.execute("CREATE OR REPLACE VIEW books_latest AS SELECT * REPLACE (NULL::VARCHAR AS country) FROM books")
        with pytest.raises(NotFoundError, match="Asked: its country is not known, so there is nothing to compare with"):
            similar(connection, "Asked", filters=Filters(same_country=True))


def test_the_command_takes_filters(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    main([], ["similar", "Asked", "--other-author", "--warehouse", str(warehouse.root)])
    out = capsys.readouterr().out
    assert "   1   0.707  Another  Rare a · Rare b · Common\n" in out
    assert out.endswith("\nleft out: 1 whose author is not known\n")
    main([], ["similar", "Asked", "--genre", "nothing like it", "--warehouse", str(warehouse.root)])
    assert "no book passes the filters" in capsys.readouterr().out
    with pytest.raises(SystemExit) as failed:
        main([], ["similar", "Asked", "--link", "--other-author", "--warehouse", str(warehouse.root)])
    assert failed.value.code == 2
    assert "--link does not go with filters" in capsys.readouterr().err
