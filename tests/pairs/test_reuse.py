"""Which books are taken over from the snapshot before."""

import shutil
from collections import Counter
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

import embedding
from embedding.pairs.reuse import divide, parsing_mark, with_marks
from embedding.settings_files import load_settings
from embedding.tables import TABLES, ddl
from embedding.wiki.site import Site
from tests.conftest import HEADER

STAMP = datetime(2024, 1, 2, tzinfo=UTC)


def test_only_the_same_page_revision_and_title_is_taken_over(spark: SparkSession) -> None:
    pages = spark.createDataFrame(
        [(number, 0, title, None, None, revision, STAMP, "text") for number, title, revision in
         [(1, "same", 10), (2, "edited", 21), (3, "renamed now", 30), (4, "new", 40), (5, "twice", 50), (5, "twice", 50), (6, "?", None)]],
        ddl("pages"),
    )  # fmt: skip
    nothing = [None] * (len(TABLES["books"].columns) - 4)
    known = [(1, "same", 10), (2, "edited", 20), (3, "renamed", 30), (5, "twice", 50), (6, "?", None), (7, "deleted", 70)]
    books = spark.createDataFrame([(number, title, revision, STAMP, *nothing) for number, title, revision in known], ddl("books"))
    parsed, taken = divide(pages, books)
    assert taken is not None
    assert sorted(row.title for row in parsed.collect()) == ["?", "edited", "new", "renamed now"]
    assert Counter(row.title for row in taken.collect()) == {"same": 1, "twice": 2}, "a page that is there twice is noticed afterwards"
    assert taken.columns == TABLES["books"].columns.names
    rows = with_marks(taken.selectExpr("*", "CAST(NULL AS string) AS dropped"), taken).collect()
    assert Counter(row.taken_over for row in rows) == {0: 3, 1: 3}
    assert divide(pages, None) == (pages, None)


@pytest.mark.parametrize(
    "override",
    ["books.max_seconds=7", "books.fields.author=[writer]", "books.infoboxes=[Infobox comic]", "books.namespace_aliases={6: [X]}"],
)
def test_whatever_a_book_depends_on_is_in_the_mark(override: str) -> None:
    site = Site.from_header(HEADER.encode(), "test")
    one, other = (load_settings(["enwiki.yaml"], overrides).books for overrides in ([], [override]))
    assert parsing_mark(one, ["A", "B"], site) == parsing_mark(one, ["B", "A"], site)
    assert parsing_mark(one, ["A"], site) != parsing_mark(other, ["A"], site)


def test_aliases_and_the_wiki_are_in_the_mark_and_the_switch_is_not() -> None:
    settings = load_settings(["enwiki.yaml"], []).books
    site, elsewhere = (Site.from_header(text.encode(), "test") for text in (HEADER, HEADER.replace(">File<", ">Datei<")))
    mark = parsing_mark(settings, ["A"], site)
    assert mark != parsing_mark(settings, ["A", "Alias"], site)
    assert mark != parsing_mark(settings, ["A"], elsewhere)
    assert mark == parsing_mark(settings.model_copy(update={"reuse": False}), ["A"], site)


@pytest.mark.parametrize("file", ["wiki/infobox.py", "pairs/books.py", "middle_dot.py"])
def test_the_source_of_the_parser_is_in_the_mark(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, site = load_settings(["enwiki.yaml"], []).books, Site.from_header(HEADER.encode(), "test")
    before = parsing_mark(settings, ["A"], site)
    for folder in ("", "wiki", "pairs"):
        shutil.copytree(Path(embedding.__path__[0]) / folder, tmp_path / "embedding" / folder, dirs_exist_ok=True, ignore=_folders)
    monkeypatch.setattr(resources, "files", lambda package: tmp_path / package.replace(".", "/"))
    assert parsing_mark(settings, ["A"], site) == before
    with (tmp_path / "embedding" / file).open("a") as source:
        source.write("# changed")
    assert parsing_mark(settings, ["A"], site) != before


def _folders(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if (Path(folder) / name).is_dir()]
