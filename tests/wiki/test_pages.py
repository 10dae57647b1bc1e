import itertools
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from embedding.errors import DumpError
from embedding.wiki.pages import Page, infobox_pattern, parse_page, split_pages, unescape
from tests.conftest import page
from tests.wiki.reading import EXPECTED, WHOLE

NOTHING = infobox_pattern([], ["template"])
BOOK = infobox_pattern(["Infobox book", "Infobox novel"], ["template"])


def split(chunks: Iterable[bytes | None]) -> list[bytes]:
    return list(split_pages(chunks, "dump.xml"))


# split_pages


def test_split_pages_of_one_chunk() -> None:
    assert split([WHOLE]) == EXPECTED


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 8, 12, 13, 100])
def test_chunks_of_every_size(size: int) -> None:
    assert split(WHOLE[at : at + size] for at in range(0, len(WHOLE), size)) == EXPECTED


@given(st.lists(st.integers(0, len(WHOLE)), max_size=20))
def test_any_chunks(cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(WHOLE)]
    assert split(WHOLE[begin:end] for begin, end in itertools.pairwise(bounds)) == EXPECTED


@pytest.mark.parametrize("size", [3, 11, 1 << 20])
def test_a_range_ends_at_any_byte(size: int) -> None:
    """Pages that begin before the end of a range are its own, however far they reach; the others belong to the next range."""
    begins = [match.start() for match in re.finditer(b"<page>", WHOLE)]
    chunk = WHOLE if size > len(WHOLE) else None
    for end in range(0, len(WHOLE), 1 if chunk else 7):
        before = [WHOLE[at : min(at + size, end)] for at in range(0, end, size)]
        behind = [WHOLE[at : at + size] for at in range(end, len(WHOLE), size)]
        own = sum(begin < end for begin in begins)
        assert split([*before, None, *behind]) == EXPECTED[:own]
        if end <= WHOLE.index(b"</mediawiki>"):
            assert split(behind) == EXPECTED[own:]


@pytest.mark.parametrize(
    ("range_end", "chunk_end", "pages", "asked"),
    [
        ("</page>", "<page>", 1, [0, 1]),  # nothing behind the end is needed
        ("</pag", "<pa", 1, [0, 1, 2]),  # the page ends behind it; the beginning of a tag there is not of this range
        ("<pa", "</mediawiki>", 2, [0, 1, 2]),  # the tag begins before it
    ],
)
def test_a_range_is_not_read_further_than_its_last_page(range_end: str, chunk_end: str, pages: int, asked: list[int]) -> None:
    tag = range_end.encode()
    start = WHOLE.index(b"</page>") if tag.startswith(b"</") else WHOLE.index(b"<page>", WHOLE.index(b"</page>"))
    end = start + len(tag)
    second = WHOLE.index(chunk_end.encode(), end) + len(chunk_end)
    seen = []

    def chunks() -> Iterable[bytes | None]:
        for number, chunk in enumerate([WHOLE[:end], None, WHOLE[end:second], WHOLE[second:] + b" "]):
            seen.append(number)
            yield chunk

    assert split(chunks()) == EXPECTED[:pages]
    assert seen == asked


def test_a_range_without_pages() -> None:
    assert split([None]) == []
    assert split([b"text of a page that began earlier", None, b"</page> <page></page>"]) == []


@pytest.mark.parametrize("size", [1, 9, 10_000])
def test_a_file_that_ends_too_early(size: int) -> None:
    first, last = WHOLE.index(b"<page>"), WHOLE.index(b"</mediawiki>") + len(b"</mediawiki>")
    ends = [match.end() for match in re.finditer(b"</page>", WHOLE)]
    begins = [match.end() for match in re.finditer(b"<page>", WHOLE)]
    for end in range(first, last, 11):
        inside = sum(at <= end for at in begins) > sum(at <= end for at in ends)
        with pytest.raises(DumpError, match=f"^dump.xml: is cut off: it ends {'inside a page' if inside else 'before </mediawiki>'}"):
            split(WHOLE[at : min(at + size, end)] for at in range(0, end, size))


def test_pages_come_before_the_error() -> None:
    pages = split_pages([WHOLE[: WHOLE.index(b"Tags")]], "dump.xml")
    assert next(pages) == EXPECTED[0]
    with pytest.raises(DumpError):
        next(pages)


# parse_page


def test_parse_page() -> None:
    assert parse_page(page("Dune & Co", 7, "x").encode(), BOOK) == Page(
        page_id=7,
        namespace=0,
        title="Dune & Co",
        redirect=None,
        revision_id=70,
        revision_timestamp=datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
        wikitext=None,
    )


def test_ids_of_revision_and_contributor_are_not_the_id_of_the_page() -> None:
    raw = b"<page><title>T</title><ns>0</ns><revision><id>5</id><contributor><id>6</id></contributor></revision></page>"
    assert parse_page(raw, BOOK) is None


def test_restrictions_and_redirects() -> None:
    raw = page("A", 1, "#REDIRECT [[B & C]] {{Infobox book|}}", redirect='B & "C"').replace('B &amp; "C"', "B &amp; &quot;C&quot;").encode()
    read = parse_page(raw, BOOK)
    assert read is not None
    assert read.redirect == 'B & "C"'
    assert read.wikitext is None


@pytest.mark.parametrize("namespace", [-2, 1, 10, 14, 828])
def test_wikitext_is_read_of_articles_alone(namespace: int) -> None:
    read = parse_page(page("T", 1, "{{Infobox book}}", namespace).encode(), BOOK)
    assert read is not None
    assert (read.namespace, read.wikitext) == (namespace, None)


def test_wikitext_is_unescaped_and_whole() -> None:
    text = '{{Infobox book|a=<ref name="x">&amp;nbsp;</ref>}}\n</text> <text> <revision> <id>9</id> \N{PILE OF POO}\t'
    read = parse_page(page("T", 1, text).encode(), BOOK)
    assert read is not None
    assert read.wikitext == text
    assert read.revision_id == 10


def test_the_last_revision_counts() -> None:
    old, new = page("T", 1, "{{Infobox book|old}}"), page("T", 2, "{{Infobox book|new}}")
    begin, end = new.index("<revision>"), new.index("</revision>") + len("</revision>")
    both = old.replace("</page>", new[begin:end].replace("2024", "2025") + "</page>")
    read = parse_page(both.encode(), BOOK)
    assert read is not None
    assert (read.page_id, read.revision_id, read.wikitext) == (1, 20, "{{Infobox book|new}}")
    assert read.revision_timestamp == datetime(2025, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize("text", ['<text bytes="0" />', '<text deleted="deleted" bytes="9"/>', "", "<text>cut"])
def test_revisions_without_text(text: str) -> None:
    raw = f"<page><title>T</title><ns>0</ns><id>1</id><revision><id>2</id><comment>{{{{Infobox book}}}}</comment>{text}</revision></page>"
    read = parse_page(raw.encode(), BOOK)
    assert read is not None
    assert (read.revision_id, read.revision_timestamp, read.wikitext) == (2, None, None)


def test_a_page_without_revision() -> None:
    read = parse_page(b"<page><title>T</title><ns>0</ns><id>1</id></page>", BOOK)
    assert read == Page(1, 0, "T", None, None, None, None)


@pytest.mark.parametrize("stamp", ["2024-05-06", "2024-13-06T07:08:09Z", "", "yesterday"])
def test_a_timestamp_that_is_none(stamp: str) -> None:
    read = parse_page(page("T", 1).replace("2024-05-06T07:08:09Z", stamp).encode(), BOOK)
    assert read is not None
    assert read.revision_timestamp is None


@pytest.mark.parametrize(
    "change",
    [
        ("<title>T</title>", ""),
        ("<title>T</title>", "<title></title>"),
        ("<ns>0</ns>", ""),
        ("<ns>0</ns>", "<ns>x</ns>"),
        ("<id>1</id>", ""),
    ],
)
def test_an_unreadable_page(change: tuple[str, str]) -> None:
    raw = page("T", 1).replace(*change, 1)
    assert parse_page(raw.encode(), BOOK) is None


# infobox_pattern


@pytest.mark.parametrize(
    "call",
    [
        "{{Infobox book|a=b}}",
        "{{infobox Book}}",
        "{{INFOBOX_NOVEL|",
        "{{ Infobox  _ book \n| a = b}}",
        "{{\nInfobox book\n}}",
        "{{Template:Infobox book|",
        "{{ :template : Infobox book|",
        "{{<!-- a -->Infobox book<!-- b > c -->\n<!-- d --> |",
        "{{Infobox <!-- a -->book|",
        "{{Infobox<!-- a --> book|",
        "{{Template<!-- a -->:<!-- b -->Infobox book|",
        "{{Outer|{{Infobox book|",
        "{{{{Infobox book|",
    ],
)
def test_calls_of_an_infobox(call: str) -> None:
    assert BOOK.search(escape(call).encode())


@pytest.mark.parametrize(
    "text",
    [
        "Infobox book",
        "{Infobox book|",
        "{{Infobox books|",
        "{{Infobox book series|",
        "{{Infobox bookcase}}",
        "{{My Infobox book|",
        "{{Infoboxbook|",
        "{{User:Infobox book|",
        "{{Infobox film|name=Infobox book|",
        "{{<!-- a --> Other <!-- b --> Infobox book|",
        "{{Infobox <!-- a --> film <!-- b --> book|",
        "{{Infobox book <!-- a --> series <!-- b -->|",
    ],
)
def test_what_is_no_call_of_an_infobox(text: str) -> None:
    assert not BOOK.search(escape(text).encode())


@pytest.mark.parametrize(
    "call", ["{{Книга|", "{{книга|", "{{шаблон:КНИГА}}", "{{Шаблон: книга\n|", "{{bản mẫu:Hộp_sách|", "{{Bản_mẫu:hộp sách}}"]
)
def test_infoboxes_in_other_scripts(call: str) -> None:
    assert infobox_pattern(["Книга", "Hộp sách"], ["template", "шаблон", "bản mẫu"]).search(call.encode())


def test_names_are_no_regular_expressions() -> None:
    pattern = infobox_pattern(["Book (a.b)"], ["template"])
    assert pattern.search(b"{{Book (a.b)|")
    assert not pattern.search(b"{{Book (axb)|")
    assert not pattern.search(b"{{Book a.b|")


@pytest.mark.parametrize("text", [b"{{}}", b"{{|}}", b"{{Infobox book|}}", b"{{ }}"])
def test_no_infobox_wanted(text: bytes) -> None:
    assert not NOTHING.search(text)


def test_many_comments_take_no_time() -> None:
    """A pattern that tried every grouping of the comments would not end."""
    assert not BOOK.search(b"{{" + b"&lt;!-- x --&gt;" * 3000 + b"Infobox" + b" &lt;!-- x --&gt;" * 3000)


# unescape


@given(st.text())
@example("&lt; &amp;lt; &#60; < > & \r\n\t\N{PILE OF POO}&#١;")
def test_unescape_undoes_escape(text: str) -> None:
    assert unescape(escape(text).encode()) == text
    assert unescape(escape(text, {'"': "&quot;", "'": "&apos;", "\r": "&#13;", "\n": "&#xA;"}).encode()) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"&amp;lt;", "&lt;"),
        (b"&#233;&#xe9;&#XE9;", "éé&#XE9;"),
        (b"&#x1F4A9;", "\N{PILE OF POO}"),
        (b"&nbsp;&;&", "&nbsp;&;&"),
        (b"&#xD800;&#1114112;", "\N{REPLACEMENT CHARACTER}" * 2),
        (b"a\xffb\xed\xa0\x80", "a\N{REPLACEMENT CHARACTER}b" + "\N{REPLACEMENT CHARACTER}" * 3),
    ],
)
def test_unescape(raw: bytes, text: str) -> None:
    assert unescape(raw) == text
