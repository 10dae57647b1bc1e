"""Where articles are read."""

import pytest

from embedding.atlas.explorer.addresses import articles_at


@pytest.mark.parametrize(
    ("wiki", "site"),
    [
        ("enwiki", "en.wikipedia.org"),
        ("simplewiki", "simple.wikipedia.org"),
        ("zh_yuewiki", "zh-yue.wikipedia.org"),
        ("dewikibooks", "de.wikibooks.org"),
        ("frwikisource", "fr.wikisource.org"),
        ("enwiktionary", "en.wiktionary.org"),
        ("commonswiki", "commons.wikimedia.org"),
        ("wikidatawiki", "www.wikidata.org"),
        ("samplewiki", "en.wikipedia.org"),
    ],
)
def test_a_wiki_has_its_site(wiki: str, site: str) -> None:
    assert articles_at(wiki) == f"https://{site}/wiki/"


@pytest.mark.parametrize("wiki", ["mybooks", "wiki", "wikibooks"])
def test_an_unknown_name_has_none(wiki: str) -> None:
    assert articles_at(wiki) == ""
