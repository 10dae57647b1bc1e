"""Where the articles of a wiki are read, by its database name."""

_PROJECTS = {
    "wiktionary": "wiktionary.org", "wikibooks": "wikibooks.org", "wikinews": "wikinews.org", "wikiquote": "wikiquote.org",
    "wikisource": "wikisource.org", "wikiversity": "wikiversity.org", "wikivoyage": "wikivoyage.org",
}  # fmt: skip
_OWN = {
    "commonswiki": "commons.wikimedia.org", "metawiki": "meta.wikimedia.org", "specieswiki": "species.wikimedia.org",
    "wikidatawiki": "www.wikidata.org", "mediawikiwiki": "www.mediawiki.org", "sourceswiki": "wikisource.org",
    "be_x_oldwiki": "be-tarask.wikipedia.org",
    "samplewiki": "en.wikipedia.org",  # the built-in sample's books are named as the English Wikipedia names them
}  # fmt: skip


def articles_at(wiki: str) -> str:
    """The address that a title (spaces as underscores, encoded) is put behind: https://en.wikipedia.org/wiki/ for enwiki.

    Empty where the name tells no site.
    """
    return f"https://{site}/wiki/" if (site := _site(wiki)) else ""


def _site(wiki: str) -> str:
    if wiki in _OWN:
        return _OWN[wiki]
    for ending, domain in (*_PROJECTS.items(), ("wiki", "wikipedia.org")):
        if wiki.endswith(ending) and wiki != ending:
            return f"{wiki.removesuffix(ending).replace('_', '-')}.{domain}"
    return ""
