"""Pages made to keep a parser busy: each is read in time that grows with its length, and otherwise given up."""

import time
from collections.abc import Iterator

import pytest

from embedding.pairs.books import read_book
from embedding.wiki.limited import Limited
from embedding.wiki.wikitext import read_article
from tests.wiki.articles import BOX, SITE

MANY = 10_000
LONG = 1 << 17
FIELDS = {"genre": ["genre"], "year": ["year"], "isbn": ["isbn"]}


def fill(piece: str, size: int = LONG) -> str:
    return piece * (size // len(piece.encode()))


BODIES = {
    "nested templates": "{{a|" * 100_000 + "}}" * 100_000,
    "nested templates, open": "{{a|" * MANY,
    "nested infoboxes": "{{Infobox book|a=" * MANY + "}}" * MANY,
    "nested parameters": "{{{a|" * MANY + "}}}" * MANY,
    "nested links": "[[a|" * MANY + "]]" * MANY,
    "nested files": "[[File:a|" * MANY + "[[b]]" + "]]" * MANY,
    "braces": fill("{"),
    "closed braces": fill("{") + fill("}"),
    "brackets": fill("["),
    "brackets and braces": fill("[[{{"),
    "converters": fill("-{"),
    "refs": fill("<ref>", 1 << 21),
    "ref beginnings": fill("<ref "),
    "tags beginnings": fill("<a b="),
    "links in a tag": "<b " + fill("[[a]] "),
    "tags": fill("<b><i>"),
    "hiding tags": fill("<b style=display:none>"),
    "hiding tags, closed": fill("<b style=display:none>") + fill("</b>"),
    "hiding": "<b style=" + fill("display : ") + ">",
    "note signs": fill("<sup> [1] "),
    "comments": fill("<!--"),
    "empty comments": fill("<!---->"),
    "headings": fill("\n=="),
    "tables": fill("{|\n"),
    "links": fill("[[a]] "),
    "pipes": "[[" + fill("a|"),
    "references": fill("&a"),
    "quotes": fill("'''a''b"),
    "percents": "[[" + fill("%41") + "]]",
}


@pytest.fixture(scope="module")
def limited() -> Iterator[Limited[str, object]]:
    """As extract_books calls it, but with narrow bounds."""

    def work(wikitext: str) -> object:
        return read_book(wikitext, SITE, ["Infobox book"], FIELDS)

    caller = Limited(work, seconds=20, megabytes=1000)
    yield caller
    caller.close()


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_body_is_read(limited: Limited[str, object], name: str) -> None:
    book = limited(BOX + BODIES[name])
    assert isinstance(book, dict)
    assert book["infobox"] == [("name", "Dune")]


@pytest.mark.parametrize("name", [name for name in BODIES if name != "comments"])
def test_a_hostile_field_is_read(limited: Limited[str, object], name: str) -> None:
    body = BODIES[name][:LONG]
    limited("{{Infobox book|genre=" + body + "|year=" + body + "|isbn=" + body + "}}")


@pytest.mark.parametrize("piece", ["a, ", "(", "a / ", "1 & ", "0-", "978 ", "12 BC-", "1951", "5 to ", "前5", "小・", " "])
def test_a_hostile_value_is_read(limited: Limited[str, object], piece: str) -> None:
    value = fill(piece)
    assert limited("{{Infobox book|name=Dune|genre=" + value + "|year=" + value + "|isbn=" + value + "}}") is not None


def test_the_time_grows_with_the_length() -> None:
    def seconds(count: int) -> float:
        begin = time.process_time()
        read_article(BOX + "{{a|[[b]]<ref>" * count + "</ref>}}" * count, ["Infobox book"], SITE)
        return time.process_time() - begin

    assert seconds(20_000) < 40 * max(seconds(2_000), 0.01)


def test_what_lies_too_deep_is_left_out() -> None:
    article = read_article(BOX + "{{a|" * 90 + "[[b]]" + "{{a|" * 90 + "[[c]]" + "}}" * 180, ["Infobox book"], SITE)
    assert article is not None
    assert [link.target for link in article.links] == ["B"]
