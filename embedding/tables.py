"""The tables: names, columns and types, the contract with everybody's SQL. Columns may be added; none is ever renamed."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Table:
    """A table: the step that writes it, what a row is, and its columns."""

    step: str
    row: str
    columns: pa.Schema


def _table(step: str, row: str, **columns: pa.DataType) -> Table:
    return Table(step, row, pa.schema(list(columns.items())))


_text, _int, _long, _float = pa.string(), pa.int32(), pa.int64(), pa.float32()
_time = pa.timestamp("us", "UTC")
_link = pa.struct([("target", _text), ("mentions", _int), ("place", _text)])
_neighbour = {
    "page_id": _long,
    "title": _text,
    "rank": _int,
    "neighbour_page_id": _long,
    "neighbour_title": _text,
    "similarity": _float,
    "shared_links": pa.list_(_text),
}

TABLES: dict[str, Table] = {
    "pages": _table(
        "read_dump", "a page of the dump: an article, or a redirect of any namespace",
        page_id=_long, namespace=_int, title=_text, redirect_target=_text, redirect_namespace=_int,
        revision_id=_long, revision_timestamp=_time, wikitext=_text,
    ),
    "books": _table(
        "extract_books", "a book",
        page_id=_long, title=_text, revision_id=_long, revision_timestamp=_time, infobox=pa.map_(_text, _text), author=_text,
        genres=pa.list_(_text), country=_text, language=_text, publisher=_text, series=_text, year=_int, isbn=_text, links=pa.list_(_link),
        dropped_links=pa.map_(_text, _int),
    ),
    "paired_books": _table(
        "build_pairs", "a book that has at least one pair, and so a vector; links: its pairs",
        book_id=_int, page_id=_long, title=_text, links=_int,
    ),
    "links": _table(
        "build_pairs", "a page that enough books link to; kind: article, category or book; page_id: null when pages does not hold it",
        link_id=_int, title=_text, page_id=_long, kind=_text, books=_int,
    ),
    "pairs": _table(
        "build_pairs", "a book links to a page; split: train, valid or test",
        book_id=_int, link_id=_int, mentions=_int, split=_text,
    ),
    "negatives": _table(
        "sample_negatives", "a pair that does not exist; split: whose pairs it is to be set against",
        book_id=_int, link_id=_int, draw=_int, split=_text,
    ),
    "book_vectors": _table(
        "train_embedding", "a book's vector, of length 1",
        book_id=_int, page_id=_long, title=_text, vector=pa.list_(_float),
    ),
    "link_vectors": _table(
        "train_embedding", "a link's vector, of length 1; cosine + bias ranks the links of a book",
        link_id=_int, page_id=_long, title=_text, vector=pa.list_(_float), bias=_float,
    ),
    "neighbours": _table("find_neighbours", "a neighbour of a book; rank from 1", **_neighbour),
    "link_neighbours": _table("find_neighbours", "a neighbour of a link; rank from 1; shared_links: books that link to both", **_neighbour),
    "book_map": _table(
        "draw_map", "a book on the maps; genre (the main one of genres), country and language under one name each; links: its pairs",
        page_id=_long, title=_text, author=_text, genre=_text, genres=pa.list_(_text), country=_text, language=_text, year=_int,
        links=_int, tsne_x=_float, tsne_y=_float, umap_x=_float, umap_y=_float,
    ),
    "book_links_nearest": _table(
        "find_neighbours", "a link near to a book: what it is about; rank from 1; mentions: 0 when the book does not link to it",
        page_id=_long, title=_text, rank=_int, link_id=_int, link_page_id=_long, link_title=_text, similarity=_float, mentions=_int,
    ),
    "link_books": _table(
        "find_neighbours", "a book near to a link: a topic's books; rank from 1; mentions: 0 when the book does not link to it",
        link_id=_int, page_id=_long, title=_text, rank=_int, book_page_id=_long, book_title=_text, similarity=_float, mentions=_int,
    ),
    "neighbour_changes": _table(
        "compare_snapshots", "a neighbour that entered, left or moved (to another rank), of a book of this snapshot and the one before",
        page_id=_long, title=_text, change=_text, neighbour_page_id=_long, neighbour_title=_text, rank_before=_int, rank_after=_int,
        similarity_before=_float, similarity_after=_float, snapshot_before=_text,
    ),
    "metrics": _table(
        "every step that measures", "a figure of a run, in a folder step=<step>; epoch: null when it is no figure of an epoch",
        metric=_text, value=pa.float64(), measured_on=_text, epoch=_int,
    ),
}  # fmt: skip

ROWS_PER_FILE = 1 << 20  # of pairs and negatives: one row group a file, of a size that the trainer's feed reads best

BY_STEP = frozenset({"metrics"})  # tables to which several steps write, each its own folder step=<step>

# Folders beside the tables that hold other files than Parquet: the step that writes them.
FOLDERS = {"model": "train_embedding", "book_index": "find_neighbours", "link_index": "find_neighbours"}


def describe(columns: pa.Schema) -> dict[str, str]:
    """Column: its type as Spark's DDL writes it."""
    return {field.name: _ddl_type(field.type) for field in columns}


def ddl(table: str, columns: Sequence[str] | None = None) -> str:
    """The columns of a table, all or some in this order, as Spark's DDL."""
    kinds = describe(TABLES[table].columns)
    return ", ".join(f"{name} {kinds[name]}" for name in columns or kinds)


def _ddl_type(kind: pa.DataType) -> str:
    if pa.types.is_map(kind):
        return f"map<{_ddl_type(kind.key_type)},{_ddl_type(kind.item_type)}>"
    if pa.types.is_list(kind):
        return f"array<{_ddl_type(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{','.join(f'{part.name}:{_ddl_type(part.type)}' for part in kind)}>"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    names = {_text: "string", _int: "int", _long: "bigint", _float: "float", pa.float64(): "double"}
    return names.get(kind, str(kind))
