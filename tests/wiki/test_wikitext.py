"""Which articles are books, and what is counted of them."""

from collections import Counter

import pytest

from embedding.wiki.wikitext import Article, Link, read_article
from tests.wiki.articles import BOX, ENWIKI, GERMAN, SITE, read


@pytest.mark.parametrize(
    "call",
    [
        "{{Infobox book|name=Dune}}",
        "{{infobox Book\n|name=Dune}}",
        "{{ Infobox_book |name=Dune}}",
        "{{\nInfobox  _book\n|name=Dune\n}}",
        "{{Template:Infobox book|name=Dune}}",
        "{{template: infobox book|name=Dune}}",
        "{{:Template:Infobox book|name=Dune}}",
        "{{Infobox&#32;book|name=Dune}}",
        "{{Infobox book#x|name=Dune}}",
        "{{Infobox book<!-- See Wikipedia:WikiProject Novels -->\n|name=Dune}}",
        "{{<!-- x -->Infobox <!-- y -->book|name=Dune}}",
        "{{INFOBOX  NOVEL|name=Dune}}",
        "{{Outer|{{Infobox book|name=Dune}}}}",
        "{{Outer|x={{Infobox book|name=Dune}}}}",
        "{|\n| {{Infobox book|name=Dune}}\n|}",
        "<div>{{Infobox book|name=Dune}}",
        "<noinclude>{{Infobox book|name=Dune}}</noinclude>",
        "[[Dune|{{Infobox book|name=Dune}}]]",
        "{{{x|{{Infobox book|name=Dune}}}}}",
        "{{{{Infobox book|name=Dune}}",
        "{{Infobox book|name=<!-- no -->Dune}}",
        "{{Infobox book|name=Dune<ref>{{cite book|title=}</ref>}}",
        "{{Unclosed|{{Infobox book|name=Dune}}",
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
        "{{Infobox\nbook|name=Dune}}",
        "{{:Infobox book|name=Dune}}",  # the article of that name
        "{{User:Infobox book|name=Dune}}",
        "{{fr:Infobox book|name=Dune}}",
        "{{Infobox %62ook|name=Dune}}",  # only links may be written as in a URL
        "<!-- {{Infobox book|name=Dune}} -->",
        "<!-- {{Infobox book|name=Dune}}",
        "<nowiki>{{Infobox book|name=Dune}}</nowiki>",
        "<pre>{{Infobox book|name=Dune}}</pre>",
        "<includeonly>{{Infobox book|name=Dune}}</includeonly>",
        "{{Infobox book|name=Dune",
        "{{Infobox book|name=[[Dune}}",
        "{{Infobox<ref/> book|name=Dune}}",
        "{{Infobox {{x}} book|name=Dune}}",
        "{{{Infobox book|name=Dune}}}",
    ],
)
def test_no_book(text: str) -> None:
    assert read_article(text, ["Infobox book"], SITE) is None


def test_names_of_infoboxes_are_titles_too() -> None:
    for name in ("infobox_book", "Template:Infobox book", " Infobox  Book "):
        assert read(BOX, infoboxes=(name,)).infobox == {"name": ["Dune"]}
    assert read_article("{{#if:x|y}} {{:Dune}}", ["#if:x", ":Dune", ""], SITE) is None


def test_of_several_infoboxes_the_first_gives_the_fields_and_all_give_links() -> None:
    article = read("{{Infobox film|f=[[F]]}} {{Infobox novel|name=One|a=[[A]]}} [[B]] {{Infobox book|name=Two|b=[[B]]}}")
    assert article.infobox == {"name": ["One"], "a": ["A"]}
    assert article.links == [Link("F", 1, "body"), Link("A", 1, "infobox"), Link("B", 1, "body"), Link("B", 1, "infobox")]


def test_an_infobox_that_says_nothing_does_not_hide_the_next_one() -> None:
    assert read("{{Infobox book}} {{Infobox book|name=}} {{Infobox book|name=Dune}} {{Infobox book|name=x}}").infobox == {"name": ["Dune"]}


def test_an_infobox_in_an_infobox() -> None:
    article = read("{{Infobox book|name=One|module={{Infobox novel|name=Two|a=[[A]]}}}}")
    assert article.infobox == {"name": ["One"]}
    assert article.links == [Link("A", 1, "infobox")]


@pytest.mark.parametrize(
    ("box", "fields"),
    [
        ("|positional|name=Dune|empty=|blank= <!-- x --> |ref=<ref>x</ref>|3=third", {"name": ["Dune"], "3": ["third"]}),
        ("| name = One | name = Two", {"name": ["Two"]}),  # the last one counts
        ("|name=One|name=", {}),  # even if it is empty
        ("| pub  date <!-- x --> = 1965 |title_orig=x", {"pub date": ["1965"], "title_orig": ["x"]}),
        ("|name=\n\n Dune \n\n", {"name": ["Dune"]}),
        ("|name=a=b|=x", {"name": ["a=b"]}),
        ("|name={{ubl|a|b=c}}|x=[[y|z=w]]", {"name": ["a"], "x": ["z=w"]}),
        ("\n|name=Dune\n|notes=\n== x ==\n|a=b\n", {"name": ["Dune"], "notes": ["== x =="], "a": ["b"]}),
        ("|a={{!}}b{{=}}c", {"a": ["|b=c"]}),
        ("|a=<ref>|b=c}}</ref>d", {"a": ["d"]}),
        ("|{{x}}=a|b<nowiki/>=c|{{=}}=d", {"=": ["d"]}),  # a name that only MediaWiki knows
    ],
)
def test_fields(box: str, fields: dict[str, list[str]]) -> None:
    assert read("{{Infobox book" + box + "}}").infobox == fields


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


def test_links_are_in_the_order_of_the_text() -> None:
    text = "[[A]] {{x|[[B]] {{y|[[C]]}} [[D]]}} [[File:e.jpg|[[F]] {{z|[[G]]}} [[H]]]] <ref>[[I]]</ref> [[J|{{w|[[K]]}}]]"
    assert [link.target for link in read(BOX + text).links] == list("ABCDFGHIJK")


def test_dropped_links_are_counted_by_reason() -> None:
    elsewhere = "[[User:X]] [[Template:X]] [[Talk:X]] [[File:X.jpg]]"
    article = read(BOX + "[[fr:Dune]] [[wikt:dune]] [[{{PAGENAME}}]] [[#Plot]] [[a~~~b]] [[Dune]]" + elsewhere)
    assert article.links == [Link("Dune", 1, "body")]
    assert article.dropped == Counter(
        {"interwiki": 2, "template in the link": 1, "empty": 1, "invalid": 1, "other namespace": 3, "file": 1}
    )


def test_links_with_the_prefix_of_the_own_wiki_stay_in_it() -> None:
    article = read(BOX + "[[en:Dune]] [[:en:dune]] [[w:Dune]] [[w:fr:Dune]] [[fr:en:Dune]] [[en:File:x.jpg]]", ENWIKI)
    assert article.links == [Link("Dune", 3, "body")]
    assert article.dropped == Counter({"interwiki": 2, "file": 1})


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


def test_control_characters_and_line_ends() -> None:
    article = read("{{Infobox book\r\n|name=a\x1e\x00b\x7f\r\n}}[[c\x7fd]] [[e\x01f]] [[g\rh]]")
    assert article == Article({"name": ["a\ufffd\ufffdb?"]}, [Link("C?d", 1, "body")], Counter({"invalid": 1}))
