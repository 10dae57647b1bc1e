import json
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embedding.errors import DumpError
from embedding.wiki.site import ARTICLE, CATEGORY, FILE, MEDIA, TEMPLATE, Site, Title
from tests.conftest import HEADER

NAMESPACES = {
    -2: "Medium", -1: "Spezial", 0: "", 1: "Diskussion", 2: "Benutzer", 3: "Benutzer Diskussion", 4: "Wikipedia", 5: "Wikipedia Diskussion",
    6: "Datei", 7: "Datei Diskussion", 8: "MediaWiki", 9: "MediaWiki Diskussion", 10: "Vorlage", 11: "Vorlage Diskussion", 12: "Hilfe",
    13: "Hilfe Diskussion", 14: "Kategorie", 15: "Kategorie Diskussion", 100: "Portal", 2302: "Gadget definition",
}  # fmt: skip
FACTS = {"dbname": "dewiki", "namespaces": NAMESPACES, "case_sensitive": [2302]}
ALIASES = {6: ["Bild"], 4: ["WP"], 3: ["BD"]}
GERMAN = Site.from_dict(FACTS, ALIASES)
ENGLISH = Site.from_header(HEADER.encode(), "dump.xml")


def header(inner: str) -> bytes:
    return f"<mediawiki><siteinfo>{inner}</siteinfo>".encode()


# Titles


@pytest.mark.parametrize(
    ("link", "title"),
    [
        ("Dune", "Dune"),
        ("dune", "Dune"),
        ("éric", "Éric"),
        ("яблоко", "Яблоко"),
        ("𐐨", "𐐀"),
        ("ßa", "ßa"),
        ("ŉa", "ŉa"),
        ("ა", "ა"),
        ("ᾳ", "ᾼ"),
        ("ⅳ", "ⅳ"),
        ("ⓐ", "ⓐ"),
        ("ÿ", "Ÿ"),
        ("iPod", "IPod"),
        ("1984", "1984"),
        ("小説", "小説"),
        ("Dune_(novel)", "Dune (novel)"),
        ("  Dune _ (novel)__ ", "Dune (novel)"),
        ("_Dune", "Dune"),
        ("Dune\u00a0\u2009\u3000(novel)", "Dune (novel)"),
        ("Dune#Plot", "Dune"),
        ("Dune #Plot#a:b", "Dune"),
        ("Dune_#", "Dune"),
        ("Category#x:y", "Category"),
        (":Dune", "Dune"),
        (" : dune", "Dune"),
        ("Dune: Messiah", "Dune: Messiah"),
        ("Dune : Messiah", "Dune : Messiah"),
        ("Dune:", "Dune:"),
        ("2001: A Space Odyssey", "2001: A Space Odyssey"),
        ("R%C3%A9sum%C3%A9", "Résumé"),
        ("100%", "100%"),
        ("100%_x", "100% x"),
        ("AT%26T", "AT&T"),
        ("AT&amp;T", "AT&T"),
        ("R&eacute;sum&#233;", "Résumé"),
        ("A&ndash;B", "A–B"),
        ("A&nbsp;B", "A B"),
        ("A&#32;&#95;B", "A B"),
        ("A&#35;B", "A"),
        ("AT&T", "AT&T"),
        ("A&unknown", "A&unknown"),
        ("A&copy", "A&copy"),  # a reference needs its semicolon
        ("A&copy;", "A©"),
        ("A&vert", "A&vert"),
        ("A&#xE9;&#XE9;", "Aéé"),
        ("A&amp;#x41;", "A&"),
        ("R+S", "R+S"),
        ("Cafe\u0301", "Café"),
        ("e\u0301ric", "Éric"),
        ("i\u0307stanbul", "İstanbul"),
        ("\u200eDune\u200f\u202a\u202e", "Dune"),
        ("Caf\u200ee\u200e\u0301", "Café"),
        ("/dev", "/dev"),
        ("a/.b", "A/.b"),
        ("...", "..."),
        ("A~~B", "A~~B"),
        ("x" * 255, "X" + "x" * 254),
        ("é" * 127, "É" + "é" * 126),
    ],
)
def test_titles_of_articles(link: str, title: str) -> None:
    assert ENGLISH.parse(link) == Title(ARTICLE, title)


@pytest.mark.parametrize(
    ("link", "namespace", "title"),
    [
        ("Category:novels", CATEGORY, "Category:Novels"),
        (":Category:Novels", CATEGORY, "Category:Novels"),
        (" : category : novels ", CATEGORY, "Category:Novels"),
        ("CATEGORY:Novels", CATEGORY, "Category:Novels"),
        ("Category:Novels#x", CATEGORY, "Category:Novels"),
        ("Category&#58;Novels", CATEGORY, "Category:Novels"),
        ("Category%3ANovels", CATEGORY, "Category:Novels"),
        ("Category:Talk:X", CATEGORY, "Category:Talk:X"),
        ("Category:fr:X", CATEGORY, "Category:Fr:X"),
        ("Category:" + "x" * 255, CATEGORY, "Category:X" + "x" * 254),
        ("Image:a.jpg", FILE, "File:A.jpg"),
        ("file:a.jpg", FILE, "File:A.jpg"),
        ("Media:a.jpg", MEDIA, "Media:A.jpg"),
        ("template:x", TEMPLATE, "Template:X"),
        ("Project:x", 4, "Wikipedia:X"),
        ("wikipedia:x", 4, "Wikipedia:X"),
        ("talk:x", 1, "Talk:X"),
    ],
)
def test_titles_of_namespaces(link: str, namespace: int, title: str) -> None:
    assert ENGLISH.parse(link) == Title(namespace, title)


@pytest.mark.parametrize(
    ("link", "namespace", "title"),
    [
        ("Kategorie:roman", CATEGORY, "Kategorie:Roman"),
        ("category:roman", CATEGORY, "Kategorie:Roman"),
        ("Datei:a.jpg", FILE, "Datei:A.jpg"),
        ("File:a.jpg", FILE, "Datei:A.jpg"),
        ("Image:a.jpg", FILE, "Datei:A.jpg"),
        ("bild:a.jpg", FILE, "Datei:A.jpg"),
        ("WP:x", 4, "Wikipedia:X"),
        ("BD:x", 3, "Benutzer Diskussion:X"),
        ("benutzer_diskussion:x", 3, "Benutzer Diskussion:X"),
        ("User talk:x", 3, "Benutzer Diskussion:X"),
        ("Gadget definition:x", 2302, "Gadget definition:x"),
        ("Gadget definition:e\u200e\u0301", 2302, "Gadget definition:é"),
        ("Portal:buch", 100, "Portal:Buch"),
        ("Medium:a.ogg", MEDIA, "Medium:A.ogg"),
    ],
)
def test_localised_names_and_aliases(link: str, namespace: int, title: str) -> None:
    assert GERMAN.parse(link) == Title(namespace, title)


def test_names_of_other_wikis_are_no_namespaces() -> None:
    assert ENGLISH.parse("Kategorie:roman") == Title(ARTICLE, "Kategorie:roman")
    assert ENGLISH.parse("Bild:a.jpg") == Title(ARTICLE, "Bild:a.jpg")


@pytest.mark.parametrize("link", ["", " ", "_", "#Plot", " # ", ":", " : ", ":#x", "Category:", "Category: #x", "\u200e", "&nbsp;"])
def test_empty_titles(link: str) -> None:
    assert ENGLISH.parse(link) == "empty"


@pytest.mark.parametrize(
    "link", ["fr:Dune", ":fr:Dune", "FR : Dune", "wikt:dune", "s:fr:Dune", "Commons:Category:Dune", "zh-min-nan:x", "doi:10.1/x", "d:"]
)
def test_interwiki_links(link: str) -> None:
    assert ENGLISH.parse(link) == "interwiki"


def site_of(dbname: str) -> Site:
    return Site.from_dict({"dbname": dbname, "namespaces": {0: "", 10: "Template", 14: "Category"}, "case_sensitive": []})


@pytest.mark.parametrize(
    ("dbname", "link", "title"),
    [
        # $wgLocalInterwikis: a wiki's own code, and on the English Wikipedia w, lead nowhere else; MediaWiki's interwikiLinks.txt.
        ("enwiki", "en:dune", Title(0, "Dune")),
        ("enwiki", ":en:dune", Title(0, "Dune")),
        ("enwiki", "EN : dune", Title(0, "Dune")),
        ("enwiki", "w:dune", Title(0, "Dune")),
        ("enwiki", "w:en:w:dune", Title(0, "Dune")),
        ("enwiki", "en:Category:dune", Title(14, "Category:Dune")),
        ("enwiki", "en:fr:dune", "interwiki"),
        ("enwiki", "fr:en:dune", "interwiki"),
        ("enwiki", "en::dune", "invalid"),
        ("enwiki", "en:", "empty"),
        ("enwiki", "Category:en:dune", Title(14, "Category:En:dune")),
        ("simplewiki", "simple:dune", Title(0, "Dune")),
        ("simplewiki", "en:dune", "interwiki"),
        ("dewiki", "de:dune", Title(0, "Dune")),
        ("dewiki", "w:dune", "interwiki"),
        ("enwiktionary", "en:dune", Title(0, "Dune")),
        ("enwiktionary", "w:dune", "interwiki"),
        ("zh_min_nanwiki", "zh-min-nan:dune", Title(0, "Dune")),
        ("commonswiki", "commons:dune", "interwiki"),
        ("", "en:dune", "interwiki"),
    ],
)
def test_links_with_the_prefix_of_the_own_wiki(dbname: str, link: str, title: Title | str) -> None:
    assert site_of(dbname).parse(link) == title


@pytest.mark.parametrize(
    ("dbname", "link", "title"),
    [
        # LanguageTr, LanguageAz and LanguageKaa have a ucfirst of their own; Gagauz falls back to Turkish.
        ("trwiki", "istanbul", "İstanbul"),
        ("trwiki", "ırmak", "Irmak"),
        ("azwiki", "ilk", "İlk"),
        ("kaawiki", "it", "İt"),
        ("gagwiki", "i", "İ"),
        ("dewiki", "istanbul", "Istanbul"),
        ("crhwiki", "istanbul", "Istanbul"),
        ("dewiki", "ırmak", "Irmak"),
    ],
)
def test_the_dotted_capital(dbname: str, link: str, title: str) -> None:
    assert site_of(dbname).parse(link) == Title(0, title)


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("infobox book", "Infobox book"),
        (" infobox__book\n", "Infobox book"),
        ("Template:infobox book", "Infobox book"),
        ("vorlage : infobox book", "Infobox book"),
        (":Vorlage:infobox book", "Infobox book"),
        ("infobox book#x", "Infobox book"),
        ("de:infobox book", "Infobox book"),
        ("Infobox: Book", "Infobox: Book"),
        ("infobox%20book", None),
        (":Infobox book", None),
        ("Benutzer:Infobox book", None),
        ("fr:Infobox book", None),
        ("#if:x", None),
        ("a\nb", None),
        ("", None),
    ],
)
def test_templates(name: str, template: str | None) -> None:
    assert GERMAN.template(name) == template


@pytest.mark.parametrize(
    ("link", "escaped"),
    [("File:a", False), (":File:a", True), (" :File:a", True), ("%3AFile:a", True), ("&#58;File:a", False), ("De :File:a", True)],
)
def test_links_that_only_lead(link: str, escaped: bool) -> None:
    assert GERMAN.is_escaped(link) is escaped


def test_a_namespace_wins_over_an_interwiki_prefix() -> None:
    site = Site.from_dict({"dbname": "xwiki", "namespaces": {0: "", 4: "Wikibooks"}, "case_sensitive": []})
    assert site.parse("wikibooks:x") == Title(4, "Wikibooks:X")
    assert site.parse("wikiquote:x") == "interwiki"


@pytest.mark.parametrize(
    "link",
    [
        "a[b", "a]b", "a{b", "a}b", "a|b", "a<b", "a>b", "a\nb", "a\tb", "a\x00b", "a\x7fb", "a\ufffdb", "{{PAGENAME}}",
        "%3Cb%3E", "a%5Bb", "a%00b", "%FF", "a%2525", "a%2541b", "&amp;lt;", "&lt;b", "a&#91;b",
        "a%26eacute;&amp;eacute;", "a&notit;", "a&#128;", "a&#x7f;", "a&#xd800;",
        "a&#x110000;", ".", "..", "./a", "../a", "a/./b", "a/../b", "a/.", "a/..", "a~~~b",
        "::a", ": :a", "Category::a", "Category: :a", "x" * 256, "é" * 128, "Category:" + "x" * 256,
    ],
)  # fmt: skip
def test_invalid_titles(link: str) -> None:
    assert ENGLISH.parse(link) == "invalid"


PIECES = [
    "Category", "Datei", "Benutzer Diskussion", "fr", "de", ":", "::", "#", " ", "_", "%", "%25", "%3A", "%C3", "%A9", "&", "&amp;",
    "amp;", "lt;", "&#58;", "&#37;", "&#1;", "&notit;", "41", "i", "\u0307", "e", "\u0301", "\u1100", "\u1161", "\u212b", "\u200e",
    "\u00a0", "\u2000", "\u3000", "ა", "ᾳ", "ß", "ǆ", "\u0345", "~", "/", ".", "[", "\ufffd", "\x01",
]  # fmt: skip


@settings(max_examples=600)
@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.text(max_size=40)))
@example("i\u0307x")
@example("e\u200e\u0301")
def test_a_title_is_its_own_title(link: str) -> None:
    for site in (GERMAN, site_of("trwiki")):
        title = site.parse(link)
        if isinstance(title, Title):
            assert site.parse(title.text) == title
            assert unicodedata.is_normalized("NFC", title.text)
            assert site.parse(title.text.replace(" ", "_")) == title
            assert site.parse(f"{title.text}#fragment") == title
            assert site.parse(f":{title.text}") == title


# The header


def test_from_header() -> None:
    assert ENGLISH.dbname == "testwiki"
    assert ENGLISH.names[14] == "Category"
    assert ENGLISH.names[0] == ""
    assert ENGLISH.case_sensitive == frozenset()


def test_case_of_the_namespaces() -> None:
    site = Site.from_header(
        header(
            "<dbname>dwiktionary</dbname><case>case-sensitive</case><namespaces><namespace key='0' case='case-sensitive'/>"
            "<namespace key='2' case='first-letter'>User</namespace><namespace key='14'>Category</namespace></namespaces>"
        ),
        "dump.xml",
    )
    assert site.case_sensitive == {0, 14}
    assert site.parse("dune") == Title(0, "dune")
    assert site.parse("user:dune") == Title(2, "User:Dune")
    assert site.parse("category:dune") == Title(14, "Category:dune")


def test_an_old_header_without_dbname_and_case() -> None:
    site = Site.from_header(header("<namespaces><namespace key='0' /></namespaces>"), "dump.xml")
    assert site.dbname == ""
    assert site.parse("dune") == Title(0, "Dune")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<mediawiki><page>", "has no <siteinfo>"),
        (header("<dbname>x</dbname>"), "has no <siteinfo> with the wiki's namespaces"),
        (header("<namespaces><namespace></namespaces>"), "its <siteinfo> is damaged"),
        (header("<namespaces><namespace key='x'>Talk</namespace></namespaces>"), "its <siteinfo> is damaged .namespace 'x'"),
        (b"</siteinfo><siteinfo>", "has no <siteinfo>"),
    ],
)
def test_a_header_that_says_nothing(content: bytes, message: str) -> None:
    with pytest.raises(DumpError, match=f"^dump.xml: {message}"):
        Site.from_header(content, "dump.xml")


def test_a_site_survives_json() -> None:
    again = Site.from_dict(json.loads(json.dumps(GERMAN.to_dict())), ALIASES)
    assert again == GERMAN
    assert again.parse("bild:x") == Title(FILE, "Datei:X")
    assert again.parse("Gadget definition:x") == Title(2302, "Gadget definition:x")


def test_template_prefixes() -> None:
    assert ENGLISH.template_prefixes() == ["template"]
    assert GERMAN.template_prefixes() == ["template", "vorlage"]
