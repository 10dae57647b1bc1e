"""Which [[brackets]] are links, and where they lead: what MediaWiki's tests/parser/wikiLinks.txt and its sources say."""

import pytest

from tests.wiki.articles import ENWIKI, GERMAN, SITE, read, targets


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("[[Dune]]", ["Dune"]),
        ("[[dune]]s", ["Dune"]),  # letters that follow belong to the text, not to the title
        ("[[Dune (novel)|the ''novel'']]", ["Dune (novel)"]),
        ("[[Dune|a|b]]", ["Dune"]),  # only the first pipe counts
        ("[[Dune||]]", ["Dune"]),
        ("[[Dune| ]]", ["Dune"]),
        ("[[Dune#Plot|plot]] [[#Plot]]", ["Dune"]),
        ("[[Dune_(novel)]] [[ Dune  (novel) ]]", ["Dune (novel)"]),
        ("[[:Dune]]", ["Dune"]),
        ("[[AT%26T]] [[AT&amp;T]]", ["AT&T"]),
        ("[[Dune%23Plot]]", ["Dune"]),
        ("[[Lista d''e paise]]", ["Lista d''e paise"]),  # quotes are markup in the label alone
        ("[[Dune: Messiah]] [[2001: A Space Odyssey]]", ["Dune: Messiah", "2001: A Space Odyssey"]),
        ("[[/Plot]]", ["/Plot"]),  # articles have no subpages
        ("[[../Dune]]", []),
        ("''[[Dune]]'' '''[[Arrakis]]'''", ["Dune", "Arrakis"]),
        ("{|\n| [[Dune]] || [[Arrakis]]\n|}", ["Dune", "Arrakis"]),
        ("<table><tr><td>[[Dune]]<td>[[Arrakis]]</table>", ["Dune", "Arrakis"]),
        ("* [[Dune]]\n# [[Arrakis]]\n== [[Melange]] ==\n", ["Dune", "Arrakis", "Melange"]),
        ("[http://dune.org by [[Frank Herbert]]]", ["Frank Herbert"]),
    ],
)
def test_targets(text: str, titles: list[str]) -> None:
    assert targets(text) == titles


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("[[Dune\nMessiah]] [[A]]", ["A"]),  # no title has a newline
        ("[[Dune|by\n\nFrank]]", ["Dune"]),  # a label may
        ("[[Dune|]] [[A]]", ["A"]),  # the pipe trick is worked when a page is saved; what is left of it is text
        ("[[[Dune]]] [[[[Arrakis]]]]", ["Arrakis"]),  # three brackets are text, of four the inner ones link
        ("[[Dune]", []),
        ("[[Dune]a]] [[A]]", ["A"]),
        ("[[Dune [[Arrakis]]", ["Arrakis"]),
        ("[[Dune|by [[Frank Herbert]] ]]", ["Frank Herbert"]),  # of two links in each other, the inner one
        ("[[Category:Novels|[[A]]]]", ["A"]),
        ("[[Dune|[a]]] [[A|[b]", ["Dune"]),
        ("[[Du<b>ne]] [[A]]", ["A"]),
        ("[[Du<nowiki/>ne]] [[A|<nowiki>|</nowiki>]]", ["A"]),
        ("[[Dune}]] [[A]]", ["A"]),
        ("[[http://dune.org]] [[//dune.org|x]] [[mailto:a@b]] [[News:x]] [[A]]", ["A"]),  # a URL in two brackets is no title
        ('<span title="[[Dune]]">[[A]]</span> <ref name="[[Dune]]" />', ["A"]),
        ("<unknown x='[[Dune]]'>", ["Dune"]),  # no tag that MediaWiki knows, so text
        ("5 < 6 [[Dune]] 7 > 6", ["Dune"]),
    ],
)
def test_brackets_that_are_no_link(text: str, titles: list[str]) -> None:
    assert targets(text) == titles


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("[[Dune<!-- the book -->]] [[Frank<!-- x --> Herbert|he]]", ["Dune", "Frank Herbert"]),
        ("[<!-- x -->[Dune]]", ["Dune"]),  # comments go first, whatever they part
        ("<!-- [[Dune]] --> [[Arrakis]]", ["Arrakis"]),
        ("[[Arrakis]] <!-- [[Dune]]", ["Arrakis"]),  # one that is not closed runs to the end
        ("<!-- <nowiki> --> [[Arrakis]] </nowiki>", ["Arrakis"]),
        ("<nowiki><!-- </nowiki> [[Arrakis]] -->", ["Arrakis"]),
        ("<nowiki>[[Dune]]</nowiki> <NoWiki >[[Dune]]</NOWIKI > [[Arrakis]]", ["Arrakis"]),
        ("<nowiki/>[[Arrakis]]<nowiki />", ["Arrakis"]),
        ("<nowiki>[[Arrakis]]", ["Arrakis"]),  # a tag that is not closed is text
        ("<pre>[[Dune]]</pre> <math>[[Dune]]</math> <syntaxhighlight lang=x>[[Dune]]</syntaxhighlight> [[Arrakis]]", ["Arrakis"]),
        ("<includeonly>[[Dune]]</includeonly> [[Arrakis]]", ["Arrakis"]),  # that is for those who include the page
        ("[[Arrakis]] <includeonly>[[Dune]]", ["Arrakis"]),
        ("<noinclude>[[Dune]]</noinclude> <onlyinclude>[[Arrakis]]</onlyinclude>", ["Dune", "Arrakis"]),
        ("<ref>[[Dune]]</ref><small>[[Arrakis]]</small>", ["Dune", "Arrakis"]),
        ("<references><ref name=a>[[Dune]]</ref></references> <poem>[[Arrakis]]</poem>", ["Dune", "Arrakis"]),
        ("<gallery>\nFile:a.jpg|By [[Frank Herbert]]\nFile:b.jpg\n</gallery>", ["Frank Herbert"]),
        ("<imagemap>\nFile:c.jpg\nrect 0 0 1 1 [[Arrakis|x]]\n</imagemap>", ["Arrakis"]),
    ],
)
def test_comments_and_tags(text: str, titles: list[str]) -> None:
    assert targets(text) == titles


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("{{quote|by [[Frank Herbert]]|[[Dune]]|source=[[Arrakis]]}}", ["Frank Herbert", "Dune", "Arrakis"]),
        ("{{quote|[[Dune|a=b]]}}", ["Dune"]),  # neither pipe nor equals sign of a link parts arguments
        ("{{quote|x=[[Dune]]|x=[[Arrakis]]}}", ["Arrakis"]),  # of two arguments of a name the last one counts
        ("{{quote|[[Dune]]|1=[[Arrakis]]}}", ["Arrakis"]),
        ("{{#if:x|[[Dune]]|[[Arrakis]]}}", ["Dune", "Arrakis"]),
        ("{{{x|[[Dune]]}}}", ["Dune"]),  # the default of a parameter that nobody gave
        ("[[Dune{{!}}the book]]", ["Dune"]),
        ("[[Dune|{{lang|fr|''Le livre''}}]]", ["Dune"]),
        ("[[Dune#{{anchor}}|x]]", ["Dune"]),
        ("{{quote|[[Dune}} [[Arrakis]]", ["Arrakis"]),
        ("-{[[Dune]]}- -{zh-hans:[[A]];zh-hant:[[B]]}-", ["Dune", "A", "B"]),
    ],
)
def test_templates(text: str, titles: list[str]) -> None:
    assert targets(text) == titles


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("{{ill|Dune|de|Der Wüstenplanet}}", ["Dune"]),
        ("{{Interlanguage link|dune#Plot|fr|lt=x}}", ["Dune"]),
        ("{{sortname|John|Smith}} and {{Sortname|Jane|Doe|Jane Doe (poet)|Doe}}", ["John Smith", "Jane Doe (poet)"]),
        ("{{sortname|John|Smith|dab=poet}} {{sortname|A|B|nolink=1}} {{sortname}}", ["John Smith (poet)"]),
        ("{{#invoke:list|unbulleted|[[A]]|[[B]]}}", ["A", "B"]),
        ("{{ill|de|Dune}}", ["Dune"]),  # as it was written up to 2017
        ("{{Lien|langue=en|trad=Dune (novel)|fr=Dune}} {{Lien|Arrakis}}", ["Dune", "Arrakis"]),
        ("{{仮リンク|デューン|en|Dune}} {{link-en|沙丘|Dune}} {{tsl|en|Dune|沙丘}}", ["デューン", "沙丘"]),
        ("{{ill}} {{main|Dune}} {{lang|en|Dune}}", []),
    ],
)
def test_links_that_a_template_makes(text: str, titles: list[str]) -> None:
    assert targets(text) == titles


@pytest.mark.parametrize(
    ("text", "titles", "files"),
    [
        ("[[File:a.jpg|thumb|On [[Arrakis]], see [[Dune|the book]]]]", ["Arrakis", "Dune"], 1),
        ("[[File:a.jpg|thumb|[[Arrakis]] and [[File:b.svg|20px]] [[Dune]]]] [[Image:c.jpg]] [[Media:d.ogg]]", ["Arrakis", "Dune"], 4),
        ("[[File:a.jpg|thumb|By [http://x.org x] {{lang|fr|[[Arrakis]]}}]]", ["Arrakis"], 1),
        ("[[File:a.jpg|thumb|never closed [[Arrakis]]", ["Arrakis"], 0),
        ("[[:File:a.jpg|the file]] [[:File:a.jpg|by [[Arrakis]]]]", ["Arrakis"], 1),
    ],
)
def test_captions_of_files(text: str, titles: list[str], files: int) -> None:
    article = read("{{Infobox book}}" + text)
    assert [link.target for link in article.links] == titles
    assert article.dropped["file"] == files


def test_captions_of_files_under_local_names() -> None:
    assert targets("{{Infobox book}}[[Datei:a.jpg|mini|[[Wüste]]]] [[Bild:b.jpg|[[Arrakis]]]] [[File:c.jpg|[[A]]]]", GERMAN) == [
        "Wüste",
        "Arrakis",
        "A",
    ]
    # That name is none on this wiki, so the outer brackets are text.
    assert targets("[[Datei:a.jpg|mini|[[Wüste]]]]", SITE) == ["Wüste"]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("[[Category:Novels]] [[category:novels|key]] [[Category: Novels ]]", [("Category:Novels", 3, "category")]),
        ("[[:Category:Novels]] [[ :Category:Novels|x]]", [("Category:Novels", 2, "body")]),
        ("[[Category:Novels{{!}}key]]", [("Category:Novels", 1, "category")]),
        ("[[en:Category:Novels]]", [("Category:Novels", 1, "body")]),  # the wiki's own prefix is like a colon
        ("[[%3ACategory:Novels]]", [("Category:Novels", 1, "body")]),
        ("[[&#58;Category:Novels]]", [("Category:Novels", 1, "category")]),
    ],
)
def test_categories(text: str, places: list[tuple[str, int, str]]) -> None:
    article = read("{{Infobox book}}" + text, ENWIKI)
    assert [(link.target, link.mentions, link.place) for link in article.links] == places
