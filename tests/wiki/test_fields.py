from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from embedding.wiki.fields import (
    CONTROL,
    ENTITY,
    NO_HEAD,
    NOT_UTF8,
    OTHER_NAMESPACE,
    Page,
    UnknownEntityError,
    infobox_pattern,
    read_page,
    unescape,
)
from embedding.wiki.pages import PagePlace
from tests.conftest import page

NOTHING = infobox_pattern([], ["template"])
BOOK = infobox_pattern(["Infobox book", "Infobox novel"], ["template"])
BOX = "{{Infobox book|a=b}}"
# As MediaWiki 1.42 writes them: https://www.mediawiki.org/xml/export-0.11.xsd.
EXPORT_0_11 = f"""<page>
    <title>Dune &amp; &quot;Co&quot;</title>
    <ns>0</ns>
    <id>7</id>
    <restrictions>edit=autoconfirmed</restrictions>
    <revision>
      <id>70</id>
      <parentid>69</parentid>
      <timestamp>2024-05-06T07:08:09Z</timestamp>
      <contributor>
        <username>A &lt;b&gt;</username>
        <id>4</id>
      </contributor>
      <minor />
      <comment>see [[Infobox film]]</comment>
      <origin>70</origin>
      <model>wikitext</model>
      <format>text/x-wiki</format>
      <text bytes="20" sha1="abc" xml:space="preserve">{BOX} main</text>
      <content>
        <role>other</role>
        <origin>66</origin>
        <model>json</model>
        <format>application/json</format>
        <text bytes="20" sha1="abc" id="5" xml:space="preserve">{BOX} other</text>
      </content>
      <sha1>abc</sha1>
    </revision>
  </page>"""
CONTRIBUTOR = EXPORT_0_11[EXPORT_0_11.index("<contributor>") : EXPORT_0_11.index("      <minor />")].strip()
EXPORT_0_10 = EXPORT_0_11[: EXPORT_0_11.index("      <content>")] + EXPORT_0_11[EXPORT_0_11.index("      <sha1>") :]
EXPORT_0_10 = EXPORT_0_10.replace("      <origin>70</origin>\n", "").replace(' sha1="abc"', "")
READ = Page(
    page_id=7,
    namespace=0,
    title='Dune & "Co"',
    redirect=None,
    revision_id=70,
    revision_timestamp="2024-05-06T07:08:09Z",
    wikitext=f"{BOX} main",
    older_revisions=0,
)


def place(raw: str | bytes, revisions: int = 0) -> PagePlace:
    """A page among others."""
    data = (raw if isinstance(raw, bytes) else raw.encode()).strip()
    before, behind = page("Before", 98, BOX).encode(), page("Behind", 99, BOX).encode()
    return PagePlace(before + data + behind, len(before), len(before + data), revisions)


def read(raw: str | bytes, namespaces: frozenset[int] | None = None) -> Page | str:
    return read_page(place(raw), BOOK, namespaces)


def kept(raw: str | bytes, namespaces: frozenset[int] | None = None) -> Page:
    found = read(raw, namespaces)
    assert isinstance(found, Page), found
    return found


# read_page


@pytest.mark.parametrize("raw", [EXPORT_0_11, EXPORT_0_10], ids=["0.11", "0.10"])
@pytest.mark.parametrize("line", ["\n", "\r\n", ""])
def test_a_page_as_mediawiki_writes_it(raw: str, line: str) -> None:
    assert read("".join(part.strip() + line for part in raw.splitlines())) == READ


def test_a_page_in_a_buffer_of_its_own() -> None:
    data = EXPORT_0_11.encode()
    assert read_page(PagePlace(data, 0, len(data)), BOOK, None) == READ
    assert read_page(PagePlace(data, 0, len(data), 5), BOOK, None) == READ._replace(older_revisions=5)
    assert read_page(PagePlace(data, 0, len(data)), NOTHING, None) == READ._replace(wikitext=None)


def test_the_text_of_another_slot_is_not_the_text_of_the_page() -> None:
    deleted = EXPORT_0_11.replace(
        f'<text bytes="20" sha1="abc" xml:space="preserve">{BOX} main</text>', '<text bytes="20" deleted="deleted" />'
    )
    assert kept(deleted) == READ._replace(wikitext=None)


@pytest.mark.parametrize(
    ("whole", "deleted"),
    [
        ("<username>A &lt;b&gt;</username>\n        <id>4</id>", ""),
        (CONTRIBUTOR, '<contributor deleted="deleted" />'),
        (CONTRIBUTOR, "<contributor><ip>::1</ip></contributor>"),
        ("<comment>see [[Infobox film]]</comment>", '<comment deleted="deleted" />'),
        ("<restrictions>edit=autoconfirmed</restrictions>", ""),
        ("<restrictions>", "<discussionthreadinginfo><ThreadSubject>x</ThreadSubject></discussionthreadinginfo>\n<restrictions>"),
        ("      <parentid>69</parentid>\n", ""),
        ("<minor />", ""),
        ("<sha1>abc</sha1>", "<sha1 />"),
    ],
)
def test_what_is_not_read_may_be_missing(whole: str, deleted: str) -> None:
    assert whole in EXPORT_0_11
    assert read(EXPORT_0_11.replace(whole, deleted)) == READ


def test_ids_of_revision_and_contributor_are_not_the_id_of_the_page() -> None:
    raw = "<page><title>T</title><ns>0</ns><revision><id>5</id><contributor><id>6</id></contributor></revision></page>"
    assert read(raw) == NO_HEAD


@pytest.mark.parametrize(
    ("redirect", "target"),
    [
        ('<redirect title="Dune" />', "Dune"),
        ('<redirect title="Dune"/>', "Dune"),
        ('<redirect\n title="B &amp; &quot;C&quot; &#039;d&#39;" />', "B & \"C\" 'd'"),
        ('<redirect title="" />', ""),
        ('<redirect title="&lt;script&gt;alert(1)&lt;/script&gt;" />', "<script>alert(1)</script>"),
    ],
)
@pytest.mark.parametrize("namespace", [0, 10, 14])
def test_redirects(redirect: str, target: str, namespace: int) -> None:
    """They are kept whatever the namespace, and their text is not read."""
    raw = EXPORT_0_11.replace("<id>7</id>", f"<id>7</id>\n{redirect}", 1).replace("<ns>0</ns>", f"<ns>{namespace}</ns>")
    for namespaces in (None, frozenset[int](), frozenset([0])):
        assert kept(raw, namespaces) == READ._replace(redirect=target, namespace=namespace, wikitext=None)


@pytest.mark.parametrize("namespace", [-2, -1, 1, 10, 14, 828])
def test_namespaces(namespace: int) -> None:
    """Wikitext is read of articles alone; pages of a namespace that is not wanted are dropped."""
    raw = page("T", 1, BOX, namespace)
    assert (kept(raw).namespace, kept(raw).wikitext) == (namespace, None)
    assert kept(raw, frozenset([namespace])) == kept(raw)
    assert read(raw, frozenset([0])) == OTHER_NAMESPACE
    assert read(raw, frozenset()) == OTHER_NAMESPACE


@pytest.mark.parametrize(
    ("title", "plain"),
    [
        ("Dune", "Dune"),
        ("&quot;Dune&quot; &amp; 'Co'", "\"Dune\" & 'Co'"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>"),
        ("&amp;lt;b&amp;gt; &amp;amp;", "&lt;b&gt; &amp;"),
        ("&#x202E;&#1072;\N{PILE OF POO}", "\N{RIGHT-TO-LEFT OVERRIDE}а\N{PILE OF POO}"),
        ("'; DROP TABLE books; --", "'; DROP TABLE books; --"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("e\N{COMBINING ACUTE ACCENT}", "e\N{COMBINING ACUTE ACCENT}"),
        ("</title", None),
        (" ", " "),
    ],
)
def test_titles(title: str, plain: str | None) -> None:
    raw = page("T", 1).replace("<title>T</title>", f"<title>{title}</title>")
    if plain is None:
        assert read(raw) == NO_HEAD
    else:
        assert kept(raw).title == plain


def test_wikitext_is_unescaped_and_whole() -> None:
    text = '{{Infobox book|a=<ref name="x">&amp;nbsp;</ref>}}\n</text> <text> <revision> <id>9</id> \N{PILE OF POO}\t'
    found = kept(page("T", 1, text))
    assert found.wikitext == text
    assert found.revision_id == 10


@pytest.mark.parametrize(
    "text",
    [
        '<text bytes="0" />',
        '<text deleted="deleted" bytes="9"/>',
        '<text xml:space="preserve"></text>',
        "",
        "<text>cut",
        "<text",
        "<text>a<b></text>",
    ],
)
def test_revisions_without_text(text: str) -> None:
    raw = f"<page><title>T</title><ns>0</ns><id>1</id><revision><id>2</id><comment>{{{{Infobox book}}}}</comment>{text}</revision></page>"
    empty = text.endswith("></text>") and "b>" not in text
    assert read(raw) == Page(1, 0, "T", None, 2, None, "" if empty else None, 0)


@pytest.mark.parametrize("revision", ["", "<upload><text>{{Infobox book|}}</text></upload>", "<revision/>", "<revision></page><revision>"])
def test_a_page_without_revision(revision: str) -> None:
    found = kept(f"<page><title>T</title><ns>0</ns><id>1</id>{revision}</page>")
    assert found._replace(older_revisions=0) == Page(1, 0, "T", None, None, None, None, 0)


@pytest.mark.parametrize("stamp", ["2024-05-06", "2024-13-06T07:08:09Z", "yesterday", "&lol;", "2024-05-06T07:08:09Z "])
def test_a_timestamp_is_given_as_it_stands(stamp: str) -> None:
    assert kept(page("T", 1).replace("2024-05-06T07:08:09Z", stamp)).revision_timestamp == stamp


def test_an_empty_timestamp() -> None:
    assert kept(page("T", 1).replace("2024-05-06T07:08:09Z", "")).revision_timestamp is None
    assert kept(page("T", 1).replace("<timestamp>2024-05-06T07:08:09Z</timestamp>", "")).revision_timestamp is None


@pytest.mark.parametrize(
    ("revisions", "newest"),
    [
        ([(1, "2024-01-01T00:00:00Z"), (2, "2024-01-02T00:00:00Z")], 2),
        ([(2, "2024-01-02T00:00:00Z"), (1, "2024-01-01T00:00:00Z")], 2),
        ([(1, "2024-01-02T00:00:00Z"), (2, "2024-01-01T00:00:00Z"), (3, "2023-01-01T00:00:00Z")], 1),  # 2 and 3 were imported
        ([(9, "2024-01-01T00:00:00Z"), (10, "2024-01-01T00:00:00Z"), (8, "2024-01-01T00:00:00Z")], 10),
    ],
)
@pytest.mark.parametrize(
    "text", [f"<text>{BOX} NUMBER</text>", f'<text bytes="1">{BOX} NUMBER</text><content><text>other</text></content>']
)
def test_of_several_revisions_the_newest_counts(text: str, revisions: list[tuple[int, str]], newest: int) -> None:
    xml = "".join(
        f"<revision><id>{number}</id><timestamp>{stamp}</timestamp>{text.replace('NUMBER', str(number))}</revision>\n"
        for number, stamp in revisions
    )
    raw = f"<page><title>T</title><ns>0</ns><id>1</id>{xml}</page>"
    expected = Page(1, 0, "T", None, newest, dict(revisions)[newest], f"{BOX} {newest}", len(revisions) - 1)
    assert read(raw) == expected
    assert read_page(place(raw, 7), BOOK, None) == expected._replace(older_revisions=len(revisions) - 1 + 7)


def test_several_revisions_without_text() -> None:
    xml = "".join(f"<revision><id>{number}</id><timestamp>202{number}-01-01T00:00:00Z</timestamp></revision>" for number in (1, 3, 2))
    found = kept(f"<page><title>T</title><ns>0</ns><id>1</id>{xml}</page>")
    assert (found.revision_id, found.older_revisions) == (3, 2)


def test_the_newest_revision_alone_tells_what_a_page_holds() -> None:
    old, new = (
        f"<revision><id>{number}</id><timestamp>202{number}-01-01T00:00:00Z</timestamp>{text}</revision>"
        for number, text in ((1, f"<text>{BOX}</text>"), (2, "<text>no box</text>"))
    )
    head = "<page><title>T</title><ns>0</ns><id>1</id>"
    assert kept(f"{head}{old}{new}</page>").wikitext is None
    deleted = new.replace("<text>no box</text>", '<text deleted="deleted" />')
    assert kept(f"{head}{old}{deleted}</page>").wikitext is None
    assert kept(f"{head}{deleted}{old}</page>").revision_id == 2


# Pages that are dropped


@pytest.mark.parametrize(
    "change",
    [
        ("<title>T</title>", ""),
        ("<title>T</title>", "<title></title>"),
        ("<title>T</title>", "<title>T<b></title>"),
        ("<ns>0</ns>", ""),
        ("<ns>0</ns>", "<ns>x</ns>"),
        ("<ns>0</ns>", "<ns>99999999999</ns>"),
        ("<ns>0</ns>\n", "<ns>0"),
        ("<id>1</id>", ""),
        ("<id>1</id>", "<id></id>"),
        ("<id>1</id>", "<id>-1</id>"),
        ("<id>1</id>", "<id>9999999999999999999</id>"),
        ("<id>1</id>", "<id>\u0661</id>"),
        ("<title>T</title>\n    <ns>0</ns>", "<ns>0</ns><title>T</title>"),
    ],
)
def test_a_page_without_a_head(change: tuple[str, str]) -> None:
    raw = page("T", 1)
    assert change[0] in raw
    assert read(raw.replace(*change, 1)) == NO_HEAD


@pytest.mark.parametrize("raw", ["<page>", "<page></page>", "<page><title>T</title></page>", "<page>" + "<" * 1000])
def test_hardly_a_page(raw: str) -> None:
    assert read(raw) == NO_HEAD


@pytest.mark.parametrize("bad", [b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", "é".encode()[:1]])
def test_what_is_not_utf8_is_dropped_where_it_is_read(bad: bytes) -> None:
    raw = page("Title", 1, BOX + "TEXT").encode()
    redirect = page("A", 1, redirect="Target").encode()
    assert read(raw.replace(b"Title", b"Ti" + bad + b"tle")) == NOT_UTF8
    assert read(raw.replace(b"TEXT", bad)) == NOT_UTF8
    assert read(redirect.replace(b"Target", bad)) == NOT_UTF8
    assert kept(raw.replace(b"TEXT", bad).replace(b"Infobox", b"Other")).wikitext is None
    assert kept(raw.replace(b"<username>A", b"<username>" + bad)).wikitext == BOX + "TEXT"


@pytest.mark.parametrize("entity", ["&lol9;", "&nbsp;", "&;", "& ", "&lt", "&#x110000000;", "&#;", "&#xZ;", "&LT;", "&xxe;"])
def test_entities_that_xml_does_not_know(entity: str) -> None:
    """A DOCTYPE might make a gigabyte of them, or a file of this machine."""
    raw = page("Title", 1, BOX + "TEXT")
    assert read(raw.replace("Title", entity)) == ENTITY
    assert read(raw.replace("TEXT", entity)) == ENTITY
    assert read(page("A", 1, redirect="Target").replace("Target", entity)) == ENTITY
    assert kept(raw.replace("TEXT", entity).replace("Infobox", "Other")).wikitext is None


@pytest.mark.parametrize("control", ["\n", "\t", "\0", "\x1b", "\x7f", "&#10;", "&#0;", "&#x1F;"])
def test_control_characters_in_a_title(control: str) -> None:
    raw = page("Title", 1, BOX + "TEXT")
    assert read(raw.replace("Title", f"Ti{control}tle")) == CONTROL
    assert kept(raw.replace("TEXT", control)).wikitext == BOX + unescape(control.encode())


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
        (b"", ""),
        (b"&amp;lt;", "&lt;"),
        (b"&#233;&#xe9;&#xE9;", "ééé"),
        (b"&#x1F4A9;", "\N{PILE OF POO}"),
        (b"&#xD800;&#1114112;", "\N{REPLACEMENT CHARACTER}" * 2),
        (b"&amp;nbsp;&amp;;&amp;", "&nbsp;&;&"),
    ],
)
def test_unescape(raw: bytes, text: str) -> None:
    assert unescape(raw) == text


@pytest.mark.parametrize("raw", [b"&nbsp;", b"a&", b"&;", b"&#XE9;", b"&#12345678;", "&#١;".encode()])
def test_an_entity_is_not_guessed(raw: bytes) -> None:
    with pytest.raises(UnknownEntityError):
        unescape(raw)


@pytest.mark.parametrize("raw", [b"a\xffb", b"\xed\xa0\x80", b"&amp;\xc3"])
def test_bytes_are_not_replaced(raw: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        unescape(raw)
