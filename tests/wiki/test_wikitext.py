from collections import Counter

import mwparserfromhell as mwp
import pytest

from embedding.wiki.site import Site
from embedding.wiki.wikitext import Article, Link, read_article, values_of
from tests.conftest import HEADER

SITE = Site.from_header(HEADER.encode(), "dump.xml")
GERMAN = Site.from_dict(
    {"dbname": "dewiki", "namespaces": {0: "", 6: "Datei", 10: "Vorlage", 14: "Kategorie"}, "case_sensitive": []}, {6: ["Bild"]}
)
BOX = "{{Infobox book|name=Dune}}\n"


def read(text: str, site: Site = SITE, infoboxes: tuple[str, ...] = ("Infobox book", "Infobox novel")) -> Article:
    article = read_article(text, infoboxes, site)
    assert article is not None
    return article


def links(text: str) -> list[tuple[str, int, str]]:
    return [(link.target, link.mentions, link.place) for link in read(BOX + text).links]


def field(value: str) -> list[str]:
    return read("{{Infobox book\n| before = x\n| field = " + value + "\n| after = y\n}}").infobox.get("field", [])


# Links


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("[[Dune]]", ["Dune"]),
        ("[[dune]]s", ["Dune"]),
        ("[[Dune (novel)|]]", ["Dune (novel)"]),
        ("[[Dune (novel)|the ''novel'']]", ["Dune (novel)"]),
        ("[[Dune|a|b]]", ["Dune"]),
        ("[[Dune#Plot|plot]] [[#Plot]]", ["Dune"]),
        ("[[Dune_(novel)]] [[ Dune  (novel) ]]", ["Dune (novel)"]),
        ("[[:Dune]]", ["Dune"]),
        ("[[AT%26T]] [[AT&amp;T]]", ["AT&T"]),
        ("''[[Dune]]'' '''[[Arrakis]]'''", ["Dune", "Arrakis"]),
        ("<ref>[[Dune]]</ref><small>[[Arrakis]]</small>", ["Dune", "Arrakis"]),
        ("{{main|x}} {{quote|by [[Frank Herbert]]}}", ["Frank Herbert"]),
        ("{|\n| [[Dune]] || [[Arrakis]]\n|}", ["Dune", "Arrakis"]),
        ("* [[Dune]]\n# [[Arrakis]]\n== [[Melange]] ==\n", ["Dune", "Arrakis", "Melange"]),
        ("<!-- [[Dune]] --> [[Arrakis]]", ["Arrakis"]),
        ("<nowiki>[[Dune]]</nowiki> [[Arrakis]]", ["Arrakis"]),
        ("[[Dune<!-- the book -->]] [[Frank<!-- x --> Herbert|he]]", ["Dune", "Frank Herbert"]),
        ("[[Dune#{{anchor}}|x]]", ["Dune"]),
        ("[[Dune]", []),
        ("[http://dune.org Dune]", []),
    ],
)
def test_targets(text: str, targets: list[str]) -> None:
    assert [target for target, _, _ in links(text)] == targets


def test_mentions_are_counted_by_place() -> None:
    text = (
        "{{Infobox book|author=[[A]], [[a]]|genre={{hlist|[[G]]}}}} [[A]] [[A|x]] [[A#b]] [[Category:C|key]] [[:Category:C]] [[category:c]]"
    )
    assert read(text).links == [
        Link("A", 2, "infobox"),
        Link("G", 1, "infobox"),
        Link("A", 3, "body"),
        Link("Category:C", 2, "category"),
        Link("Category:C", 1, "body"),
    ]


def test_links_in_captions_of_files() -> None:
    article = read(BOX + "[[File:a.jpg|thumb|On [[Arrakis]], [[File:b.svg|20px]] see [[Dune|the book]]]] [[Image:c.jpg]] [[Media:d.ogg]]")
    assert article.links == [Link("Arrakis", 1, "body"), Link("Dune", 1, "body")]
    assert article.dropped == Counter({"file": 4})


def test_dropped_links_are_counted_by_reason() -> None:
    elsewhere = "[[User:X]] [[Template:X]] [[Talk:X]] [[File:X.jpg]]"
    article = read(BOX + "[[fr:Dune]] [[wikt:dune]] [[{{PAGENAME}}]] [[#Plot]] [[a~~~b]] [[Dune]]" + elsewhere)
    assert article.links == [Link("Dune", 1, "body")]
    assert article.dropped == Counter(
        {"interwiki": 2, "template in the link": 1, "empty": 1, "invalid": 1, "other namespace": 3, "file": 1}
    )


def test_localised_names() -> None:
    box, categories = "{{Vorlage:Infobox Buch|Autor=[[Frank Herbert]]}}", "[[Kategorie:Roman]] [[Category:Roman]] [[:Kategorie:Roman]]"
    article = read(f"{box} {categories} [[Datei:x.jpg|[[Wüste]]]] [[Bild:y]]", GERMAN, ("Infobox Buch",))
    assert article.infobox == {"Autor": ["Frank Herbert"]}
    assert article.links == [
        Link("Frank Herbert", 1, "infobox"),
        Link("Kategorie:Roman", 2, "category"),
        Link("Kategorie:Roman", 1, "body"),
        Link("Wüste", 1, "body"),
    ]
    assert article.dropped == Counter({"file": 2})


# Which articles are books


@pytest.mark.parametrize(
    "call",
    [
        "{{Infobox book|name=Dune}}",
        "{{infobox Book\n|name=Dune}}",
        "{{ Infobox_book |name=Dune}}",
        "{{Template:Infobox book|name=Dune}}",
        "{{template: infobox book|name=Dune}}",
        "{{Infobox book<!-- See Wikipedia:WikiProject Novels -->\n|name=Dune}}",
        "{{<!-- x -->Infobox <!-- y -->book|name=Dune}}",
        "{{INFOBOX  NOVEL|name=Dune}}",
        "{{Outer|{{Infobox book|name=Dune}}}}",
        "{|\n| {{Infobox book|name=Dune}}\n|}",
        "{{Infobox book|name=<!-- no -->Dune}}",
    ],
)
def test_a_book(call: str) -> None:
    assert read(call).infobox == {"name": ["Dune"]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Infobox book",
        "{{Infobox film|name=Dune}}",
        "{{Infobox books|name=Dune}}",
        "<!-- {{Infobox book|name=Dune}} -->",
        "<nowiki>{{Infobox book|name=Dune}}</nowiki>",
        "{{User:Infobox book|name=Dune}}",
        "{{Infobox book|name=Dune",
        "{{{Infobox book|name=Dune}}}",
    ],
)
def test_no_book(text: str) -> None:
    assert read_article(text, ["Infobox book"], SITE) is None


def test_of_several_infoboxes_the_first_gives_the_fields_and_all_give_links() -> None:
    article = read("{{Infobox film|f=[[F]]}} {{Infobox novel|name=One|a=[[A]]}} [[B]] {{Infobox book|name=Two|b=[[B]]}}")
    assert article.infobox == {"name": ["One"], "a": ["A"]}
    assert article.links == [Link("F", 1, "body"), Link("A", 1, "infobox"), Link("B", 1, "body"), Link("B", 1, "infobox")]


def test_an_infobox_in_an_infobox() -> None:
    article = read("{{Infobox book|name=One|module={{Infobox novel|name=Two|a=[[A]]}}}}")
    assert article.infobox["name"] == ["One"]
    assert article.links == [Link("A", 1, "infobox")]


# Fields


def test_fields_without_name_or_value_are_left_out() -> None:
    assert read("{{Infobox book|positional|name=Dune|empty=|blank= <!-- x --> |ref=<ref>x</ref>|3=third}}").infobox == {
        "name": ["Dune"],
        "3": ["third"],
    }


def test_the_last_of_two_fields_counts() -> None:
    assert read("{{Infobox book|name=One|name=Two}}").infobox == {"name": ["Two"]}


def test_names_of_fields() -> None:
    assert read("{{Infobox book| pub  date <!-- x --> = 1965 |title_orig=x}}").infobox == {"pub date": ["1965"], "title_orig": ["x"]}


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("Dune", ["Dune"]),
        ("''Dune'' '''x''' '''''y'''''", ["Dune x y"]),
        ("a\n\n  b\u00a0c", ["a b c"]),
        ("[[Frank Herbert]]", ["Frank Herbert"]),
        ("[[Frank Herbert|''F.'' [[Herbert]]]]", ["F. Herbert"]),
        ("[[:Category:Novels]]", ["Category:Novels"]),
        ("[[Dune<!-- x -->]]", ["Dune"]),
        ("[http://dune.org The site] [http://x.org]", ["The site http://x.org"]),
        ("http://x.org", ["http://x.org"]),
        ("[[File:a.jpg|20px]] Dune", ["Dune"]),
        ("[[ image:a.jpg|thumb|[[x]]]]Dune", ["Dune"]),
        ("a<br>b<br/>c<br />d<BR>e", ["a", "b", "c", "d", "e"]),
        ("a,<br>b;<br>", ["a", "b"]),
        ("\n* a\n* b", ["a", "b"]),
        ("* a\n* b", ["a", "b"]),
        ("\n# a\n# b", ["a", "b"]),
        ("<ul><li>a</li><li>b</li></ul>", ["a", "b"]),
        ("<p>a</p><div>b</div>", ["a", "b"]),
        ("{{ubl|[[A]]|b}}", ["A", "b"]),
        ("{{Unbulleted list|a|b<ref>x</ref>|class=x}}", ["a", "b"]),
        ("{{hlist|a|b|c}}", ["a", "b", "c"]),
        ("{{HList | a | 2=b}}", ["a", "b"]),
        ("{{plainlist|\n* a\n* [[b|B]]\n}}", ["a", "B"]),
        ("{{plainlist}}\n* a\n* b\n{{endplainlist}}", ["a", "b"]),
        ("{{flatlist|\n* a\n* b}} c", ["a", "b c"]),
        ("a {{ubl|b|c}}", ["a", "b", "c"]),
        ("{{hlist|{{nowrap|a b}}|{{lang|fr|c}}}}", ["a b", "c"]),
        ("{{start date|1965|8|1}}", ["1965-08-01"]),
        ("{{Start_date|1965|8|df=y}} (US)", ["1965-08 (US)"]),
        ("{{start date|1965}}", ["1965"]),
        ("{{Start date<!-- x -->|1965|12|31|df=yes}}", ["1965-12-31"]),
        ("{{date|11 July 1960}}", ["11 July 1960"]),
        ("{{dts|1960|July|11}}", ["1960 July 11"]),
        ("{{film date|1984|12|3|Washington}}", ["1984-12-03"]),
        ("1965<ref>[[x]]</ref><ref name=y />", ["1965"]),
        ("1965<!-- or 1966 -->", ["1965"]),
        ("1965{{cn|date=May 2020}}{{sfn|Smith|2001}}{{efn|note}}{{Cite book|title=x}}", ["1965"]),
        ("{{lang|fr|Le Livre}} {{lang-de|Das Buch}} {{transl|ru|Kniga}}", ["Le Livre Das Buch Kniga"]),
        ("{{lang-ru|Война и миръ|Voyna i mir}}", ["Война и миръ"]),
        ("{{nowrap|a b}} {{small|1=c}}", ["a b c"]),
        ("{{ISBNT}} {{flagicon|US}} x", ["x"]),
        ("<nowiki>[[x]]</nowiki><nowiki/>", ["[[x]]"]),
        ("<span style='a'>a</span> <small>b</small> <math>x^2</math>", ["a b"]),
        ("{{{author|Frank}}} {{{2}}}", ["Frank"]),
        ("R&eacute;sum&#233; &amp; a&nbsp;b &lt;", ["Résumé & a b <"]),
        ("&ndash; &#x2013;", ["– –"]),
        ("a · b • c", ["a · b • c"]),
        (" , ; · ", []),
    ],
)
def test_values(value: str, values: list[str]) -> None:
    assert field(value) == values


@pytest.mark.parametrize("reference", ["&#xD800;", "&#55296;", "&#xDFFF;", "&#x110000;", "&#0;", "&#1;", "&bogus;"])
def test_references_to_no_character(reference: str) -> None:
    """Values go into files, and half a surrogate pair cannot."""
    for value in field(f"a{reference}b"):
        assert value.encode()[:1] == b"a"
    read(BOX + f"[[a{reference}b]]")


def test_values_of_a_parsed_text() -> None:
    assert values_of(mwp.parse("== A ==\n{{ubl|b}}")) == ["A", "b"]
    assert values_of(mwp.parse("")) == []


@pytest.mark.parametrize(
    "text", ["[[" * 60, "{{Infobox book|" * 60 + "}}" * 60, "<b>" * 60, "{{{" * 60, "[[A|" * 60 + "]]" * 60, "\x1e\ufffe"]
)
def test_broken_wikitext_is_read(text: str) -> None:
    assert read(BOX + text).infobox == {"name": ["Dune"]}


def test_links_in_captions_of_galleries_and_image_maps_count() -> None:
    text = (
        "{{Infobox book|name=x}} <gallery>\nFile:a.jpg|By [[Ilya Repin]]\nFile:b.jpg\n</gallery> [[Ilya Repin]]"
        "<imagemap>\nFile:c.jpg\nrect 0 0 1 1 [[Yasnaya Polyana]]\n</imagemap>"
    )
    article = read_article(text, ["Infobox book"], SITE)
    assert article is not None
    assert {(link.target, link.mentions, link.place) for link in article.links} == {
        ("Ilya Repin", 2, "body"),
        ("Yasnaya Polyana", 1, "body"),
    }
