import html
from html.entities import html5

import pytest

from embedding.wiki.characters import clean, decode_references


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("AT&amp;T", "AT&T"),
        ("&amp;amp;", "&amp;"),  # once
        ("&eacute;&Eacute;", "éÉ"),
        ("&#233;&#0233;&#xe9;&#Xe9;&#x0000000000e9;", "ééééé"),
        ("&#10;&#9;", "\n\t"),
        ("&rlm;&רלמ;&رلم;", "\u200f\u200f\u200f"),  # MediaWiki's two own names
        ("&nGt;", "\u226b\u20d2"),  # two characters
        ("&amp &copy &#65 &#x41 &; &#; &#x; &unknown; &notit;", "&amp &copy &#65 &#x41 &; &#; &#x; &unknown; &notit;"),
        ("&AMP; &Amp;", "& &Amp;"),  # small and capital letters differ
        ("&#0;&#1;&#13;&#127;&#128;&#159;&#xD800;&#xDFFF;&#xFFFE;&#x110000;&#99999999999;", "\ufffd" * 11),
        ("&#xFFFD;&#x10FFFF;&#160;", "\ufffd\U0010ffff\u00a0"),
        ("&#١;", "&#١;"),
    ],
)
def test_references(text: str, decoded: str) -> None:
    assert decode_references(text) == decoded


def test_every_name_of_html_that_has_its_semicolon() -> None:
    for name in html5:
        if name.endswith(";"):
            assert decode_references(f"&{name}") == html.unescape(f"&{name}")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\x00\x08\x0b\x0c\x0e\x1e\x1f", "\ufffd" * 7),
        ("a\x7fb", "a?b"),
        ("é\u0085\u2028", "é\u0085\u2028"),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
