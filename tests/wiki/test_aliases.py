import itertools

import pytest

from embedding.wiki.aliases import new_names, template_aliases
from embedding.wiki.site import Site
from tests.conftest import HEADER

SITE = Site.from_header(HEADER.encode(), "dump")
GERMAN = Site.from_header(HEADER.replace(">Template<", ">Vorlage<").encode(), "dump")
WANTED = ["Infobox book", "Infobox novel"]


def test_redirects_to_wanted_templates() -> None:
    redirects = {
        "Template:Book": "Template:Infobox book",
        "Template:Infobox Novella": "Template:Infobox novel",
        "Template:Film": "Template:Infobox film",
    }
    assert template_aliases(redirects, WANTED, SITE) == {"Book", "Infobox Novella"}


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_redirects_of_redirects(length: int) -> None:
    """MediaWiki follows two of them where a template is called."""
    chain = ["Infobox book", "A", "B", "C", "D"][: length + 1]
    redirects = {f"Template:{source}": f"Template:{target}" for target, source in itertools.pairwise(chain)}
    assert template_aliases(redirects, WANTED, SITE) == {*chain[1:3]}


def test_a_wanted_template_that_was_renamed() -> None:
    """Its other names lead to the new one by now."""
    redirects = {
        "Template:Infobox book": "Template:Infobox literary work",
        "Template:Book infobox": "Template:Infobox literary work",
        "Template:Livre": "Template:Book infobox",
        "Template:Film": "Template:Infobox film",
    }
    assert template_aliases(redirects, WANTED, SITE) == {"Infobox literary work", "Book infobox", "Livre"}
    assert new_names(redirects, WANTED, SITE) == {"Infobox book": ["Infobox literary work"]}
    assert new_names(redirects, ["infobox_Book"], SITE) == {"infobox_Book": ["Infobox literary work"]}


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_wanted_template_that_was_renamed_more_than_once(length: int) -> None:
    chain = ["Infobox book", "A", "B", "C"][: length + 1]
    redirects = {f"Template:{source}": f"Template:{target}" for source, target in itertools.pairwise(chain)}
    assert new_names(redirects, WANTED, SITE) == {"Infobox book": chain[1:3]}
    assert template_aliases(redirects, WANTED, SITE) == {*chain[1:3]}


def test_a_wanted_template_that_leads_to_another_wanted_one_was_not_renamed() -> None:
    redirects = {"Template:Infobox novel": "Template:Infobox Book", "Template:Infobox book": "Template:infobox book"}
    assert new_names(redirects, WANTED, SITE) == {}
    assert new_names({"Template:Infobox book": "Infobox literary work"}, WANTED, SITE) == {}, "an article"
    assert new_names({"Template:": "Template:A"}, [""], SITE) == {}


@pytest.mark.parametrize(
    "target",
    ["Template:Infobox book", "Template:infobox book", "Template:Infobox_book", "Template:INFOBOX  Book", "template:Infobox book#Usage"],
)
def test_case_and_underscores_are_forgiven(target: str) -> None:
    assert template_aliases({"Template:Buch": target}, ["infobox_Book"], SITE) == {"Buch"}


def test_a_template_is_no_alias_of_itself() -> None:
    redirects = {
        "Template:Infobox Book": "Template:Infobox book",
        "Template:Infobox_novel": "Template:Infobox book",
        "Template:Infobox book": "Template:Infobox book",
    }
    assert template_aliases(redirects, WANTED, SITE) == set()


def test_a_ring_of_redirects_ends() -> None:
    ring = {"Template:A": "Template:B", "Template:B": "Template:A"}
    assert template_aliases(ring, WANTED, SITE) == set()
    assert template_aliases(ring, ["A"], SITE) == {"B"}
    assert template_aliases({**ring, "Template:C": "Template:Infobox book"}, WANTED, SITE) == {"C"}


def test_names_that_differ_in_case_alone_are_all_given() -> None:
    """And whatever else leads to one of them, in whatever order."""
    redirects = {
        "Template:Book": "Template:Infobox book",
        "Template:BOOK": "Template:Infobox book",
        "Template:book box": "Template:Infobox book",
        "Template:Book Box": "Template:Infobox film",
    }
    expected = {"Book", "BOOK", "Book box", "Book Box"}
    assert template_aliases(redirects, WANTED, SITE) == expected
    assert template_aliases(dict(reversed(redirects.items())), WANTED, SITE) == expected


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("Book", "Template:Infobox book"),  # an article that leads to a template
        ("Category:Book", "Template:Infobox book"),
        ("Template:Book", "Infobox book"),
        ("Template:Book", "Category:Infobox book"),
        ("Template:Book", "fr:Template:Infobox book"),
        ("Template:Book", "Template:Infobox book/doc"),
        ("Template:Book", "Template:"),
        ("Template:Book", ""),
        ("Template:Book", "Template:Infobox <book>"),
    ],
)
def test_what_leads_elsewhere(source: str, target: str) -> None:
    assert template_aliases({source: target}, [*WANTED, "Novel"], SITE) == set()


def test_names_in_the_language_of_the_wiki() -> None:
    redirects = {
        "Vorlage:Buch": "Vorlage:Infobox book",
        "Template:Werk": "Template:Infobox book",
        "Vorlage:Ο_Βιβλίο": "vorlage:infobox Book",
    }
    assert template_aliases(redirects, WANTED, GERMAN) == {"Buch", "Werk", "Ο Βιβλίο"}


def test_colons_belong_to_the_name() -> None:
    assert template_aliases({"Template:Box: book": "Template:A:b"}, ["A:b"], SITE) == {"Box: book"}


@pytest.mark.parametrize("wanted", [[], [""], [" "]])
def test_nothing_is_wanted(wanted: list[str]) -> None:
    assert template_aliases({"Template:Book": "Template:Infobox book", "Template:X": "Dune", "Template:": ""}, wanted, SITE) == set()


def test_no_redirects() -> None:
    assert template_aliases({}, WANTED, SITE) == set()
