"""Articles: which are books, their infobox and their links."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from embedding.wiki.characters import TAG_MARK, TEMPLATE_MARK, clean
from embedding.wiki.links import split_links
from embedding.wiki.nodes import Extension, Node, Nodes, Parameter, Template, flatten
from embedding.wiki.plain_text import values_of
from embedding.wiki.preprocessor import MAX_DEPTH, preprocess
from embedding.wiki.site import ARTICLE, CATEGORY, FILE, MEDIA, Site, Title
from embedding.wiki.templates import linked_title, template_key

_MARKED = re.compile(f"[{TAG_MARK}{TEMPLATE_MARK}]([0-9]+)[{TAG_MARK}{TEMPLATE_MARK}]")
_WITH_LINKS = {"ref", "references", "poem", "gallery", "imagemap", "indicator", "langconvert"}  # their content is wikitext
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Link:
    """A page that an article links to: how often, and where (infobox, body, category)."""

    target: str
    mentions: int
    place: str


@dataclass(frozen=True)
class Article:
    """What is read of an article that holds a wanted infobox. `dropped` counts links that lead to no article or category, by reason."""

    infobox: dict[str, list[str]]
    links: list[Link]
    dropped: Counter[str]


def read_article(wikitext: str, infoboxes: Iterable[str], site: Site) -> Article | None:
    """Read fields and links of an article; None when it calls none of the infoboxes (in a comment or <nowiki> it does not count).

    Of several infoboxes the first one that says anything gives the fields: a second one describes another book, or the same work as
    something else. All of them give links.

    Args:
        wikitext: source text of the page.
        infoboxes: names of the templates; case, underscores and a Template: before them are forgiven.
        site: the rules for titles.
    """
    reader = _Reader({template_key(name, site) for name in infoboxes} - {""}, site)
    reader.read(preprocess(clean(wikitext)), place="body", depth=0)
    if not reader.boxes:
        return None
    fields = next(filter(None, (_fields(box, site) for box in reader.boxes)), {})
    return Article(fields, [Link(target, count, place) for (target, place), count in reader.mentions.items()], reader.dropped)


class _Reader:
    def __init__(self, wanted: set[str], site: Site) -> None:
        self._wanted, self._site = wanted, site
        self.boxes: list[Template] = []
        self.mentions: Counter[tuple[str, str]] = Counter()
        self.dropped: Counter[str] = Counter()

    def read(self, nodes: Nodes, place: str, depth: int) -> None:
        """Count the links and find the infoboxes, in the order in which they stand."""
        if depth <= MAX_DEPTH:
            text, inner = flatten(nodes)
            if inner or "[[" in text:
                self._read_text(text, inner, place, depth)

    def _read_text(self, text: str, inner: Nodes, place: str, depth: int) -> None:
        for piece in split_links(text, self._site):
            if piece.title is not None:
                self._count(piece.title, self._site.is_escaped(piece.target), place)
            if piece.label is not None and (inner or "[[" in piece.label):
                self._read_text(piece.label, inner, place, depth)
            if inner:
                for mark in _MARKED.finditer(piece.target + piece.after):
                    self._read_node(inner[int(mark[1])], place, depth + 1)

    def _read_node(self, node: Node, place: str, depth: int) -> None:
        if isinstance(node, Template):
            self._read_template(node, place, depth)
        elif isinstance(node, Extension):
            if node.tag in _WITH_LINKS:
                self.read(preprocess(node.content), place, depth)
        elif isinstance(node, Parameter) and node.default is not None:
            self.read(node.default, place, depth)

    def _read_template(self, template: Template, place: str, depth: int) -> None:
        key = template_key(template.name, self._site)
        arguments = template.named()
        if key in self._wanted:
            self.boxes.append(template)
            place = "infobox"
        if target := linked_title(key, arguments):
            self._count(self._site.parse(target), True, place)
        self.read(template.title, place, depth)
        for value in arguments.values():
            self.read(value, place, depth)

    def _count(self, title: Title | str, escaped: bool, place: str) -> None:
        if isinstance(title, str):
            self.dropped[title] += 1
        elif title.namespace == CATEGORY and not escaped:
            self.mentions[title.text, "category"] += 1
        elif title.namespace in (ARTICLE, CATEGORY):
            self.mentions[title.text, place] += 1
        else:
            self.dropped["file" if title.namespace in (FILE, MEDIA) else "other namespace"] += 1


def _fields(box: Template, site: Site) -> dict[str, list[str]]:
    # Of two fields of a name the last one counts, even if it is empty; what has no name is nothing that an infobox would show.
    named = {_SPACE.sub(" ", flatten(name)[0]).strip(): value for name, value in box.arguments if name is not None}
    values = {name: values_of(value, site) for name, value in named.items()}
    return {name: value for name, value in values.items() if value and name and not _MARKED.search(name)}
