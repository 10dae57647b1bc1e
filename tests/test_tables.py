"""The tables are a contract with users' SQL: names and types here are written out once more, and may only ever grow."""

import pyarrow as pa
import pytest

from embedding.tables import BY_STEP, FOLDERS, TABLES, ddl, describe

NEIGHBOUR = {
    "page_id": "bigint", "title": "string", "rank": "int", "neighbour_page_id": "bigint", "neighbour_title": "string",
    "similarity": "float", "shared_links": "array<string>",
}  # fmt: skip
CONTRACT = {
    "pages": {
        "page_id": "bigint", "namespace": "int", "title": "string", "redirect_target": "string", "revision_id": "bigint",
        "revision_timestamp": "timestamp", "wikitext": "string",
    },
    "books": {
        "page_id": "bigint", "title": "string", "revision_id": "bigint", "revision_timestamp": "timestamp",
        "infobox": "map<string,string>", "author": "string", "genres": "array<string>", "country": "string", "language": "string",
        "publisher": "string", "series": "string", "year": "int", "isbn": "string",
        "links": "array<struct<target:string,mentions:int,place:string>>", "dropped_links": "map<string,int>",
    },
    "links": {"link_id": "int", "title": "string", "page_id": "bigint", "kind": "string", "books": "int"},
    "pairs": {"book_id": "int", "link_id": "int", "mentions": "int", "split": "string"},
    "negatives": {"book_id": "int", "link_id": "int", "draw": "int"},
    "book_vectors": {"book_id": "int", "page_id": "bigint", "title": "string", "vector": "array<float>"},
    "link_vectors": {"link_id": "int", "page_id": "bigint", "title": "string", "vector": "array<float>"},
    "neighbours": NEIGHBOUR,
    "link_neighbours": NEIGHBOUR,
    "book_map": {
        "page_id": "bigint", "title": "string", "author": "string", "genre": "string", "country": "string", "language": "string",
        "year": "int", "tsne_x": "float", "tsne_y": "float", "umap_x": "float", "umap_y": "float",
    },
    "book_links_nearest": {
        "page_id": "bigint", "title": "string", "rank": "int", "link_id": "int", "link_page_id": "bigint", "link_title": "string",
        "similarity": "float", "mentions": "int",
    },
    "link_books": {
        "link_id": "int", "page_id": "bigint", "title": "string", "rank": "int", "book_page_id": "bigint", "book_title": "string",
        "similarity": "float", "mentions": "int",
    },
    "metrics": {"metric": "string", "value": "double"},
}  # fmt: skip


@pytest.mark.parametrize("table", CONTRACT)
def test_no_column_of_the_contract_is_renamed_or_retyped(table: str) -> None:
    there = describe(TABLES[table].columns)
    assert {name: there.get(name) for name in CONTRACT[table]} == CONTRACT[table]


def test_ddl_lists_the_columns_in_their_order() -> None:
    assert ddl("neighbours") == ", ".join(f"{name} {kind}" for name, kind in NEIGHBOUR.items())


def test_every_type_is_one_that_spark_has() -> None:
    plain = {"string", "int", "bigint", "float", "double", "timestamp"}
    for table in TABLES:
        for name, kind in describe(TABLES[table].columns).items():
            words = kind.replace("array<", "").replace("map<", "").replace("struct<", "").replace(">", "").split(",")
            assert {word.split(":")[-1] for word in words} <= plain, (table, name, kind)


def test_times_are_told_apart_from_texts_and_large_strings_are_refused() -> None:
    assert describe(pa.schema([("a", pa.timestamp("ns")), ("b", pa.large_string())])) == {"a": "timestamp", "b": "large_string"}


def test_each_table_is_written_by_the_step_that_it_names() -> None:
    from jobs.pipeline import STEPS

    writers = {table: step.name for step in STEPS for table in step.writes if table not in BY_STEP}
    assert writers == {name: table.step for name, table in TABLES.items() if name not in BY_STEP} | FOLDERS
    assert any("metrics" in step.writes for step in STEPS)
    assert not set(FOLDERS) & set(TABLES)


def test_a_step_reads_only_what_a_step_before_it_wrote() -> None:
    from jobs.pipeline import STEPS

    there: set[str] = set()
    for step in STEPS:
        assert set(step.reads) <= there, step.name
        there |= {f"{table}/{step.name}" if table in BY_STEP else table for table in step.writes}
