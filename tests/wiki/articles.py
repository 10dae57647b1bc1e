"""Short ways to read a piece of wikitext, as the tests of its rules need them."""

from embedding.wiki.site import Site
from embedding.wiki.wikitext import Article, read_article
from tests.conftest import HEADER

SITE = Site.from_header(HEADER.encode(), "dump.xml")
GERMAN = Site.from_dict(
    {"dbname": "dewiki", "namespaces": {0: "", 6: "Datei", 10: "Vorlage", 14: "Kategorie"}, "case_sensitive": []}, {6: ["Bild"]}
)
ENWIKI = Site.from_dict(
    {"dbname": "enwiki", "namespaces": {0: "", 1: "Talk", 4: "Wikipedia", 6: "File", 10: "Template", 14: "Category"}, "case_sensitive": []}
)
BOX = "{{Infobox book|name=Dune}}\n"


def read(text: str, site: Site = SITE, infoboxes: tuple[str, ...] = ("Infobox book", "Infobox novel")) -> Article:
    """An article that is a book."""
    article = read_article(text, infoboxes, site)
    assert article is not None
    return article


def targets(text: str, site: Site = SITE) -> list[str]:
    """Where the links of a book's text lead."""
    return [link.target for link in read(BOX + text, site).links]


def field(value: str, site: Site = SITE) -> list[str]:
    """A field between two others, which must not be touched by it."""
    infobox = read("{{Infobox book\n| before = x\n| field = " + value + "\n| after = y\n}}", site).infobox
    assert infobox.pop("before") == ["x"]
    assert infobox.pop("after") == ["y"]
    return infobox.get("field", [])
