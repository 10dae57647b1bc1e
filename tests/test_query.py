"""Asking for neighbours by title."""

import contextlib
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from embedding.errors import NotFoundError
from embedding.manifest import Snapshot
from embedding.query import Neighbour, similar
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse, write_table

EN, EN_OLD, DE = Snapshot("enwiki", "20240201"), Snapshot("enwiki", "20240101"), Snapshot("dewiki", "20240115")
TITLES = {
    EN: [
        "Dune (novel)", "Dune Messiah", "War and Peace", "Les Misérables", "Persuasion (novel)", "Persuasion (play)", "It (novel)", "IT",
        "The Handmaid’s Tale", "100% Wolf", "'Salem's Lot", 'The "Genius"', "Emma", "A_B", "L'Étranger", "Only English", "Émile", "Emile",
        "Twice (a) (b)",
    ],
    EN_OLD: ["Gone Since", "Emma"],
    DE: ["Emma", "Der Wüstenplanet", "Die Verwandlung"],
}  # fmt: skip


def _write(warehouse: Warehouse, table: str, snapshot: Snapshot, titles: Sequence[str], k: int = 3) -> None:
    """Neighbours of each title: the k that follow it in the list, round and round."""
    k = min(k, len(titles) - 1)
    rows = [(i, rank, (i + rank) % len(titles)) for i in range(len(titles)) for rank in range(k, 0, -1)]  # not in the order of rank
    with warehouse.write("find_neighbours", [table], snapshot, {}, {}) as staged:
        columns = {
            "page_id": [i for i, _, _ in rows],
            "title": [titles[i] for i, _, _ in rows],
            "rank": [rank for _, rank, _ in rows],
            "neighbour_page_id": [near for _, _, near in rows],
            "neighbour_title": [titles[near] for _, _, near in rows],
            "similarity": [1 - rank / 4 for _, rank, _ in rows],
            "shared_links": [["x", "y"][: rank - 1] for _, rank, _ in rows],
        }
        write_table(table, columns, staged[table].folder)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Two wikis, one with two snapshots, all published; and an unpublished third."""
    warehouse = Warehouse(tmp_path_factory.mktemp("warehouse"))
    for snapshot, titles in TITLES.items():
        _write(warehouse, "neighbours", snapshot, titles)
        warehouse.publish(snapshot, {})
    _write(warehouse, "neighbours", Snapshot("enwiki", "20240301"), ["Not Yet", "Also Not Yet"])
    _write(warehouse, "link_neighbours", EN, ["Desert", "Russia", "Category:1965 novels", "Emma"])
    return warehouse


@pytest.fixture(scope="module")
def connection(warehouse: Warehouse) -> Iterator[DuckDBPyConnection]:
    with open_duckdb(warehouse) as connection:
        yield connection


def test_an_exact_title_gives_its_neighbours_by_rank(connection: DuckDBPyConnection) -> None:
    answer = similar(connection, "Dune (novel)")
    assert (answer.title, answer.wiki, answer.snapshot) == ("Dune (novel)", "enwiki", "20240201")
    assert answer.neighbours == [
        Neighbour(1, "Dune Messiah", 0.75, []),
        Neighbour(2, "War and Peace", 0.5, ["x"]),
        Neighbour(3, "Les Misérables", 0.25, ["x", "y"]),
    ]


def test_k_bounds_the_neighbours(connection: DuckDBPyConnection) -> None:
    assert [near.rank for near in similar(connection, "Dune Messiah", k=2).neighbours] == [1, 2]
    assert len(similar(connection, "Dune Messiah", k=99).neighbours) == 3


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("dune messiah", "Dune Messiah"),
        ("WAR AND PEACE", "War and Peace"),
        ("les miserables", "Les Misérables"),
        ("Les Misérables", "Les Misérables"),
        ("War_and_Peace", "War and Peace"),
        ("a b", "A_B"),
        ("the handmaid's tale", "The Handmaid’s Tale"),
        ("The Handmaid’s Tale", "The Handmaid’s Tale"),
        ("'salem's lot", "'Salem's Lot"),
        ("'Salem’s Lot", "'Salem's Lot"),
        ("l'etranger", "L'Étranger"),
        ("der wustenplanet", "Der Wüstenplanet"),
        ("Dune", "Dune (novel)"),
        ("dune", "Dune (novel)"),
        ("IT", "IT"),
        ("It (novel)", "It (novel)"),
        ("it", "IT"),
        ("100% wolf", "100% Wolf"),
        ('the "genius"', 'The "Genius"'),
        ("twice (a)", "Twice (a) (b)"),
        ("Emile", "Emile"),
        ("Émile", "Émile"),
    ],
)
def test_case_accents_and_brackets_are_forgiven(connection: DuckDBPyConnection, asked: str, found: str) -> None:
    assert similar(connection, asked).title == found


def test_several_matches_are_named(connection: DuckDBPyConnection) -> None:
    with pytest.raises(NotFoundError) as caught:
        similar(connection, "persuasion")
    assert str(caught.value) == (
        "several books are called 'persuasion': Persuasion (novel) (enwiki); Persuasion (play) (enwiki); give the whole title, or --wiki"
    )
    with pytest.raises(NotFoundError, match=r"several books are called 'émile': Emile \(enwiki\); Émile \(enwiki\)"):
        similar(connection, "émile")
    with pytest.raises(NotFoundError, match=r"several books are called 'Emma': Emma \(dewiki\); Emma \(enwiki\)"):
        similar(connection, "Emma")


def test_a_wiki_may_be_named(connection: DuckDBPyConnection) -> None:
    assert similar(connection, "emma", wiki="dewiki").snapshot == "20240115"
    assert similar(connection, "Emma", wiki="enwiki").snapshot == "20240201"
    assert {near.title for near in similar(connection, "Emma", wiki="dewiki").neighbours} == {"Der Wüstenplanet", "Die Verwandlung"}
    with pytest.raises(NotFoundError, match=r"no book is called 'Only English'; near are: [^;]+; [^;]+; [^;]+$"):
        similar(connection, "Only English", wiki="dewiki")


@pytest.mark.parametrize(
    ("asked", "first"), [("Dune Mesiah", "Dune Messiah"), ("War and Peas", "War and Peace"), ("messiah", "Dune Messiah")]
)
def test_an_unknown_title_is_answered_with_near_ones(connection: DuckDBPyConnection, asked: str, first: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        similar(connection, asked)
    near = str(caught.value).removeprefix(f"no book is called {asked!r}; near are: ").split("; ")
    assert near[0] == first
    assert len(near) == 5 == len(set(near))


@pytest.mark.parametrize("title", ["Gone Since", "Not Yet"])
def test_only_the_newest_published_snapshot_is_searched(connection: DuckDBPyConnection, title: str) -> None:
    with pytest.raises(NotFoundError, match="no book is called"):
        similar(connection, title)


def test_links_are_searched_apart(connection: DuckDBPyConnection) -> None:
    assert [near.title for near in similar(connection, "desert", "link").neighbours] == ["Russia", "Category:1965 novels", "Emma"]
    assert similar(connection, "emma", "link").wiki == "enwiki"
    with pytest.raises(NotFoundError, match="no link is called 'War and Peace'; near are"):
        similar(connection, "War and Peace", "link")
    with pytest.raises(NotFoundError, match="no published snapshot of dewiki holds any link; make one with `bookspace run`"):
        similar(connection, "Emma", "link", wiki="dewiki")


def test_a_wiki_that_is_not_there_is_said(connection: DuckDBPyConnection) -> None:
    with pytest.raises(NotFoundError, match="no published snapshot of frwiki holds any book"):
        similar(connection, "Emma", wiki="frwiki")


def test_nothing_published_is_said(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    _write(warehouse, "neighbours", EN, TITLES[EN])
    with pytest.raises(NotFoundError, match="no published snapshot holds any book; make one with `bookspace run`"):
        similar(open_duckdb(warehouse), "Emma")


def test_a_warehouse_without_neighbours_yet_says_the_same(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    with warehouse.write("extract_books", ["books"], EN, {}, {}):
        pass
    with pytest.raises(NotFoundError, match="no published snapshot holds any link"):
        similar(open_duckdb(warehouse), "Emma", "link")


_ODD = "aZéß漢 '\"%_$;-()[]{}\\\\\x00\n\u200e\ud7ff\U0001f4da"


@pytest.mark.parametrize(
    "asked",
    ["'; DROP VIEW neighbours_latest; --", "%", "$title", "(", "\x00", ""]
    + ["".join(random.Random(seed).choices(_ODD, k=1 + seed)) for seed in range(20)],
)
def test_any_text_is_an_answer_or_a_clear_error(connection: DuckDBPyConnection, asked: str) -> None:
    with contextlib.suppress(NotFoundError):
        assert similar(connection, asked).neighbours
    assert similar(connection, "Dune Messiah").neighbours, "and does no harm"
