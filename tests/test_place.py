"""A new book by its links: titles found, a vector among its like, neighbours and what they share."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from duckdb import DuckDBPyConnection

from embedding import cli
from embedding.errors import NotFoundError, WarehouseError
from embedding.place import Placed, place
from embedding.sql import open_duckdb
from embedding.titles import Found, find_links
from embedding.warehouse import Warehouse
from embedding.wiki.site import Site
from tests.small_warehouse import BOOKS, SNAPSHOT, cluster_of, make


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = make(tmp_path_factory.mktemp("warehouse"))
    made.publish(SNAPSHOT, {})
    return made


@pytest.fixture(scope="module")
def connection(warehouse: Warehouse) -> Iterator[DuckDBPyConnection]:
    with open_duckdb(warehouse) as connection:
        yield connection


def _find(connection: DuckDBPyConnection, warehouse: Warehouse, *titles: str) -> Found:
    return find_links(connection, SNAPSHOT, Site.from_dict(warehouse.manifest("pages", SNAPSHOT).facts["site"]), titles, 3)


def _place(connection: DuckDBPyConnection, warehouse: Warehouse, *titles: str, k: int = 10) -> Placed:
    return place(connection, warehouse, SNAPSHOT, titles, k, 5)


@pytest.mark.parametrize(
    "given",
    ["Topic 1 1", "topic_1 1", " [[topic 1 1|a topic]] ", "Topic 1 1#Section", "Alias Topic 1 1", "twice moved", "TOPIC 1 1", "Tópic 1 1"],
)
def test_a_title_is_found_as_a_wikilink_would_be_or_with_case_forgiven(
    connection: DuckDBPyConnection, warehouse: Warehouse, given: str
) -> None:
    assert list(_find(connection, warehouse, given).links.values()) == ["Topic 1 1"]


def test_links_come_once_in_the_order_given(connection: DuckDBPyConnection, warehouse: Warehouse) -> None:
    found = _find(connection, warehouse, "Topic 2 1", "Topic 1 1", "Alias Topic 2 1")
    assert list(found.links.values()) == ["Topic 2 1", "Topic 1 1"]
    assert not found.unknown


def test_unknown_titles_are_named_with_near_ones(connection: DuckDBPyConnection, warehouse: Warehouse) -> None:
    found = _find(connection, warehouse, "Topic 11", "Circle", "a|b<>", "", "'; DROP TABLE links; --", "Topic 0 3")
    assert list(found.links.values()) == ["Topic 0 3"]
    assert found.unknown["Topic 11"].startswith("near are Topic 1")
    assert found.unknown["Circle"].startswith("near are ")
    assert (found.unknown["a|b<>"], found.unknown[""]) == ("no title: invalid", "no title: empty")
    with pytest.raises(NotFoundError, match=r"none of the titles is in the vocabulary of testwiki 20240501: 'Nix' \(near are .*\)$"):
        _place(connection, warehouse, "Nix")


def test_a_new_book_stands_among_its_like(connection: DuckDBPyConnection, warehouse: Warehouse) -> None:
    for cluster in range(4):
        placed = _place(connection, warehouse, *(f"Alias Topic {cluster} {number}" for number in (0, 3, 5, 8)))
        assert [cluster_of(near.title) for near in placed.neighbours] == [cluster] * 10
        assert [near.rank for near in placed.neighbours] == list(range(1, 11))
        cosines = [near.similarity for near in placed.neighbours]
        assert cosines == sorted(cosines, reverse=True)


def test_a_book_that_was_trained_is_placed_where_it_stands(connection: DuckDBPyConnection, warehouse: Warehouse) -> None:
    """From its own links alone the vector of every fourth book comes out again, nearly, and it is its own nearest neighbour, mostly."""
    cosines, first = [], []
    for number in range(0, 4 * BOOKS, 4):
        query = "SELECT v.title, v.vector, list(l.title) FROM book_vectors v JOIN pairs USING (book_id) JOIN links l USING (link_id) "
        title, vector, links = connection.execute(f"{query} WHERE book_id = {number} GROUP BY ALL").fetchall()[0]
        placed = _place(connection, warehouse, *links)
        cosines.append(float(np.array(vector, np.float32) @ placed.vector))
        first.append(title in [near.title for near in placed.neighbours[:3]])
        mine = next(near for near in placed.neighbours if near.title == title)
        assert set(mine.shared_links) <= set(links)
        assert len(mine.shared_links) == 5
    assert np.mean(cosines) > 0.95
    assert np.mean(first) > 0.8


def test_the_command_prints_neighbours_and_says_what_it_left_out(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["place", "--links", "Topic 1 1", "Topic 1 2", "Nix", "--warehouse", str(warehouse.root), "-k", "3"]
    cli.main((), command)
    said = capsys.readouterr()
    assert said.err.startswith("left out, not in the vocabulary: 'Nix'; near are ")
    assert "A book with Topic 1 1 · Topic 1 2 (testwiki 20240501)" in said.out
    assert said.out.count("Book 1 ") == 3
    cli.main((), [*command, "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert answer["snapshot"] == {"wiki": "testwiki", "date": "20240501"}
    assert np.linalg.norm(answer["vector"]) == pytest.approx(1, abs=1e-5)
    assert [near["rank"] for near in answer["neighbours"]] == [1, 2, 3]
    assert list(answer["unknown"]) == ["Nix"]


def test_the_original_recipe_can_be_placed_in_too(tmp_path: Path) -> None:
    made = make(tmp_path, "train.loss=mse", "train.bias=one", "train.link_weight_power=0", "train.centre=false", "train.min_steps=300")
    with open_duckdb(made) as connection:
        placed = _place(connection, made, "Topic 3 0", "Topic 3 3", "Topic 3 5")
    assert [cluster_of(near.title) for near in placed.neighbours] == [3] * 10


def test_vectors_of_an_older_version_are_refused(tmp_path: Path, warehouse: Warehouse) -> None:
    shutil.copytree(warehouse.root, tmp_path, dirs_exist_ok=True)
    old = Warehouse(tmp_path)
    manifest = old.folder("link_vectors", SNAPSHOT) / "_manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"facts": {}}))
    with open_duckdb(old) as connection, pytest.raises(WarehouseError, match="is of an older version; run train_embedding again"):
        _place(connection, old, "Topic 3 0")
