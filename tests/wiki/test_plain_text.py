"""Fields of an infobox as plain text: what a reader of the page would see, one string a value."""

import pytest

from embedding.wiki.plain_text import values_of
from embedding.wiki.preprocessor import preprocess
from embedding.wiki.site import Site
from tests.wiki.articles import ENWIKI, GERMAN, SITE, field


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("Dune", ["Dune"]),
        ("a\n\n  b\u00a0c", ["a b c"]),
        (" , ; · ", []),
        ("\u200eDune\u200f", ["Dune"]),
        ("a · b • c", ["a · b • c"]),
        ("5 < 6 > 4 {a} [b] | no = yes", ["5 < 6 > 4 {a} [b]"]),
        ("http://x.org", ["http://x.org"]),
        ("[http://dune.org The site] [http://x.org] [//x.org y]", ["The site http://x.org y"]),
        ("<script>alert('x')</script>", ["<script>alert('x')</script>"]),  # MediaWiki knows no such tag and shows it
        ('"><img src=x onerror=alert(1)>', ['"><img src=x onerror=alert(1)>']),
        ("-{zh-hans:哈利·波特; zh-hant:哈利波特;}- -{x}- -{R|y}- -{H|a=>zh-cn:b}-", ["哈利·波特 x y"]),
    ],
)
def test_text(value: str, values: list[str]) -> None:
    assert field(value) == values


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("[[Frank Herbert]]", ["Frank Herbert"]),
        ("[[Frank Herbert|''F.'' Herbert]]s", ["F. Herberts"]),
        ("[[Frank Herbert|by [[Herbert]]]]", ["[[Frank Herbert|by Herbert]]"]),  # that is how MediaWiki shows it
        ("[[Frank Herbert|]]", ["[[Frank Herbert|]]"]),
        ("[[Dune<!-- x -->]]", ["Dune"]),
        ("[[:Category:Novels]] [[:fr:Dune]]", ["Category:Novels fr:Dune"]),
        ("[[Category:Novels]]Dune", ["Dune"]),
        ("[[File:a.jpg|20px]] Dune", ["Dune"]),
        ("[[ image:a.jpg|thumb|[[x]]]]Dune", ["Dune"]),
        ("[[:File:a.jpg|a file]]", ["a file"]),
        ("[[Media:a.ogg|a sound]]", ["a sound"]),
        ("[[Lista d''e paise]] ''x''", ["Lista d''e paise x"]),
        ("[[Dune{{!}}the book]]", ["the book"]),
        ("[[{{PAGENAME}}|the book]] [[a<b]]", ["the book [[a<b]]"]),
    ],
)
def test_links(value: str, values: list[str]) -> None:
    assert field(value) == values


@pytest.mark.parametrize(
    ("value", "site"), [("[[Datei:a.jpg|mini|x]]Dune", GERMAN), ("[[bild:a.jpg]]Dune", GERMAN), ("[[File:a.jpg|x]]Dune", GERMAN)]
)
def test_files_have_local_names(value: str, site: Site) -> None:
    assert field(value, site) == ["Dune"]
    assert field("[[en:File:a.jpg|a file]]", ENWIKI) == ["a file"]


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("''Dune'' '''x''' '''''y'''''", ["Dune x y"]),
        ("l'''Étranger''", ["l'Étranger"]),  # what opens both and closes one was an apostrophe before italics
        ("L''''Étranger'''", ["L'Étranger"]),
        ("''Tom'''s car, ''Susan'''s", ["Toms car, Susans"]),
        ("obtained by ''[[Lunar Prospector]]'''s spectrometer", ["obtained by Lunar Prospector's spectrometer"]),
        ("a b'''c ''d e'''f'' g h'''i ''j", ["a b'c d ef g hi j"]),  # of several, one after a word of one letter
        ("''''''a''''''", ["'a'"]),
        ("''a\nb'''", ["a b"]),  # a line for itself
    ],
)
def test_quotes(value: str, values: list[str]) -> None:
    assert field(value) == values


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("a<br>b<br/>c<br />d<BR>e</br>f<br clear=all>g", ["a", "b", "c", "d", "e", "f", "g"]),
        ("a,<br>b;<br>", ["a", "b"]),
        ("\n* a\n* b\n** c\n*: d", ["a", "b", "c", "d"]),
        ("* a\n* b", ["a", "b"]),
        ("\n# a\n# b\n; c\n: d", ["a", "b", "c", "d"]),
        ("#1", ["#1"]),
        ("<ul><li>a</li><li>b</li></ul>", ["a", "b"]),
        ("<p>a</p><div>b</div>c", ["a", "b", "c"]),
        ("{{ubl|[[A]]|b}}", ["A", "b"]),
        ("{{Unbulleted list|a|b<ref>x</ref>|class=x}}", ["a", "b"]),
        ("{{hlist|a|b|c}} {{br}} d", ["a", "b", "c", "d"]),
        ("{{HList | a | 3=c | 2=b}}", ["a", "b", "c"]),
        ("{{plainlist|\n* a\n* [[b|B]]\n}}", ["a", "B"]),
        ("{{plainlist|1=\n* a = b\n}}", ["a = b"]),
        ("{{plainlist}}\n* a\n* b\n{{endplainlist}}", ["a", "b"]),
        ("{{flatlist|\n* a\n* b}} c", ["a", "b c"]),
        ("{{Tree list}}\n* [[Novel]]\n{{Tree list/end}}", ["Novel"]),
        ("{{Tree list}}\n* {{France}}\n{{Tree list/end}}", ["France"]),
        ("{{Some list of ours}}\n* {{France}}\n* {{Belgique}}", ["France", "Belgique"]),
        ("{{Plainlist}}\n* a\n{{End plainlist}}", ["a"]),
        ("{{Div col}}<br>a<br>{{Div col end}}{{Col-begin}}{{Colbegin}}{{EndTreelist}}", ["a"]),
        ("{{France}}\n: a", ["France", "a"]),
        ("{{Start date}}", []),
        ("{{Film date}} {{Lang}} {{Flag}} {{URL}} {{Circa}} {{Sortname}} {{Transl}}", []),
        ("{{England}}, {{Endor}}, {{Legendia}}", ["England, Endor, Legendia"]),
        ("{{indented plainlist|\n* a\n* b}} {{cslist|c|d}} {{Liste simple|e|f}} {{Lista plana|\n* g\n* h}}", list("abcdefgh")),
        ("a {{ubl|b|c}}", ["a", "b", "c"]),
        ("{{hlist|{{nowrap|a b}}|{{ubl|c|d}}}}", ["a b", "c", "d"]),
    ],
)
def test_lists(value: str, values: list[str]) -> None:
    assert field(value) == values


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("1965<ref>[[x]]</ref><ref name=y />", ["1965"]),
        ('1965<ref name="a|b">{{cite book|x}} | y = z }}</ref>', ["1965"]),
        ("1965<ref>{{cite book|title=</ref>", ["1965"]),
        ("1965<!-- or | x = 1966 }} -->", ["1965"]),
        ("1965{{cn|date=May 2020}}{{sfn|Smith|2001}}{{efn|note}}{{Cite book|title=x}}{{harvsp|Smith|2001}}", ["1965"]),
        ("<nowiki>[[x]] | {{y}} &amp;</nowiki><nowiki/>", ["[[x]] | {{y}} &"]),
        ("<math>x^2</math><gallery>File:a.jpg|b</gallery>a", ["a"]),
        ("<poem>a\nb</poem>", ["a b"]),
        ("<span style='a'>a</span> <small>b</small> <div>c", ["a b", "c"]),
        ("R&eacute;sum&#233; &amp; a&nbsp;b &lt; &ndash; &#x2013;", ["Résumé & a b < – –"]),
        ("&notit; &amp;lt; &copy &bogus; a", ["&notit; &lt; &copy &bogus; a"]),  # no semicolon, no character
    ],
)
def test_tags_and_references(value: str, values: list[str]) -> None:
    assert field(value) == values


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ('<span style="display:none">(1605)</span>1700', ["1700"]),
        ("<span class=x style='color:red; DISPLAY : none;'>0000</span>2001", ["2001"]),
        ('<div style="display:none">{{ubl|a|[[b]]}}<br></div>c', ["c"]),
        ('<small style="display:none">a</small >b<SPAN style="visibility:hidden">0</Span>c', ["bc"]),
        ('<span style="display:none">a<span>b</span>c</span>d', ["d"]),
        ('<span>a<span style="display:none">b</span>c</span>d', ["acd"]),
        ('<span style="display:none">a<b style="display:none">b</span>c</b>d', ["d"]),
        ('<span>a<span style="display:none"/>b</span>c', ["abc"]),
        ('<span style="display:none">a', ["a"]),  # nothing closes it
        ('a</span><span style="display:inline">b</span>', ["ab"]),
        ("A<sup>[1]</sup>, B<sup>[[#a|[note 2]]]</sup> C<sup class=x> [a] </sup>", ["A, B C"]),
        ("2<sup>nd</sup> e<sup>x</sup>", ["2nd ex"]),
    ],
)
def test_what_is_hidden(value: str, values: list[str]) -> None:
    assert field(value) == values


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("{{start date|1965|8|1}}", ["1965-08-01"]),
        ("{{Start_date|1965|8|df=y}} (US)", ["1965-08 (US)"]),
        ("{{start date|1965}}", ["1965"]),
        ("{{start date|df=yes|1951|5|12}}", ["1951-05-12"]),
        ("{{start date and age|1951|May|12}}", ["1951 May 12"]),
        ("{{Start date<!-- x -->|1965|12|31|df=yes}}", ["1965-12-31"]),
        ("{{date|11 July 1960}} {{date|1960-07-11|mdy}}", ["11 July 1960 1960-07-11"]),
        ("{{date|12|mai|1951|en littérature}} {{date||mai|1951}}", ["12 mai 1951 mai 1951"]),
        ("{{Datum|12|5|1951}} {{fecha|12|5|1951}}", ["12 5 1951 12 5 1951"]),
        ("{{dts|1960|July|11}}", ["1960 July 11"]),
        ("{{film date|1984|12|3|Washington}}", ["1984-12-03"]),
        ("{{circa|1920}} {{c.|1920|1925}}", ["c. 1920 c. 1920 – 1925"]),
        ("{{unknown date|12|Mai|1951}}", ["12 Mai 1951"]),  # that looks like one
        ("{{flag|Germany|1871}}", ["Germany"]),
        ("{{BCE|1750}}, 52 {{av JC}}, 44 {{bce}}", ["1750 BCE, 52 av. J.-C., 44 BCE"]),
        ("{{formatnum:1951}} {{lc:ABC}} {{#dateformat:12 May 1951|dmy}}", ["1951 abc 12 May 1951"]),
    ],
)
def test_dates(value: str, values: list[str]) -> None:
    assert field(value) == values


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("{{lang|fr|Le Livre|italic=no}} {{lang-de|Das Buch}} {{transl|ru|ALA|Kniga}} {{Langue|fr|x}}", ["Le Livre Das Buch Kniga x"]),
        ("{{lang-ru|Война и миръ|Voyna i mir}} {{langx|ru|Война|Voyna|War}}", ["Война и миръ Война"]),
        ("{{nowrap|a b}} {{small|1=c}} {{sc|d}} {{abbr|e.|f}}", ["a b c d e."]),
        ("{{ill|Dune|de|Der Wüstenplanet}} {{ill|Dune|de|lt=x}} {{ill|de|Dune}} {{Lien|trad=Dune|langue=en}}", ["Dune x Dune Dune"]),
        ("{{tsl|en|Dune|沙丘}} {{仮リンク|デューン|en|Dune}} {{link-en|沙丘|Dune}}", ["沙丘 デューン 沙丘"]),
        ("a{{nbsp}}b{{snd}}c{{'}}s{{!}}{{=}}{{ndash}}", ["a b – c's|=–"]),
        ("{{color|red|a}} {{font color|red|b}} {{URL|x.org|c}}", ["a b c"]),
        (
            "{{DEU|#}}<br>{{DEU|#}} / {{AUT|#}}<br>{{DEU|#}} Deutschland<br>{{USA|x}}<br>{{sc|#}}",
            ["DEU", "DEU / AUT", "Deutschland", "x", "#"],
        ),
        ("{{UK}} {{JPN}} {{clear}} {{unknown}} {{PAGENAME}}", ["UK JPN"]),
        (
            "{{France}}, {{Royaume-Uni}}<br>{{日本}}<br>{{Sic}} a<br>{{bandera|Francia}} [[Francia]]",
            ["France, Royaume-Uni", "日本", "a", "Francia"],
        ),
        ("{{unknown|a|b}} {{unknown||c}} {{unknown|x=y}} {{unknown|0=x|07=y|" + "9" * 5000 + "=z}}", ["a c"]),
        ("{{#if:x|a|b}} {{#if:{{{x|}}}|a|b}} {{#invoke:x|y}}", ["a b"]),
        ("{{{author|Frank}}} {{{2}}}", ["Frank"]),
        ("{{sortname|John|Smith}} and {{Sortname|Jane|Doe|Jane Doe (poet)|Doe}}", ["John Smith and Jane Doe"]),
        ("{{sortname||Plato}} {{sortname|[[Homer]]||nolink=1}}", ["Plato Homer"]),
        ("{{sort|Smith|John Smith}} {{sort|1605|c. 1605}} {{sort|1700}} {{SortKey|A|B}}", ["John Smith c. 1605 1700 B"]),
        ("{{hs|1605}}Spring {{hidden sort key|1}}", ["Spring"]),
        ("{{wikt-lang|en|A}} {{wikt-lang|la|amo|amare}}", ["A amare"]),
        ("{{#invoke:list|unbulleted|[[A]]|[[B]]}} {{#Invoke: List |horizontal|C|class=x}}", ["A", "B", "C"]),
        ("{{ISBNT}} {{flagicon|US}} x", ["x"]),
        ("{{ISBN|0-306-40615-2|978-0-306-40615-7}}", ["0-306-40615-2", "978-0-306-40615-7"]),
    ],
)
def test_templates(value: str, values: list[str]) -> None:
    assert field(value) == values


@pytest.mark.parametrize("reference", ["&#xD800;", "&#55296;", "&#xDFFF;", "&#x110000;", "&#0;", "&#1;", "&#128;", "&#" + "9" * 5000 + ";"])
def test_references_to_no_character(reference: str) -> None:
    """Values go into files, and half a surrogate pair cannot."""
    assert field(f"a{reference}b") == ["a\ufffdb"]


def test_values_of_no_text() -> None:
    assert values_of(preprocess(""), SITE) == []
