"""Wikitext: links and infobox fields, read with mwparserfromhell."""

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import mwparserfromhell as mwp
from mwparserfromhell.nodes import Argument, Comment, ExternalLink, Heading, HTMLEntity, Node, Tag, Template, Text, Wikilink
from mwparserfromhell.wikicode import Wikicode

from embedding.wiki.site import ARTICLE, CATEGORY, FILE, MEDIA, TEMPLATE, Site

BREAK = "\x1e"  # stands between the values of a field while it is read: <br>, list items, arguments of list templates
_LISTS = {
    "ubl", "ublist", "unbulleted list", "plainlist", "plain list", "flatlist", "hlist", "bulleted list", "cslist", "collapsible list",
    "br separated entries",
}  # fmt: skip
_SILENT = {
    "efn", "sfn", "sfnp", "refn", "r", "rp", "ref", "citation needed", "cn", "fact", "clarify", "dubious", "who", "when", "flagicon",
    "notetag", "better source needed", "verify source", "ref label", "note label", "anchor", "endplainlist", "endflatlist", "gutenberg",
    "harvnb",
}  # fmt: skip
_DATES = {"start date", "start date and age", "film date", "date", "dts", "release date", "published date", "publication date"}
_LAST_ARGUMENT = {"lang", "transl", "transliteration", "langx", "script"}
_BREAKING_TAGS = {"br", "li", "p", "div", "tr", "td", "dd", "dt"}
_SILENT_TAGS = {"ref", "gallery", "math", "nowiki/", "references", "script", "style", "templatestyles", "imagemap", "timeline"}
_UNPARSED_TAGS = {"gallery", "imagemap"}
_FILE_LINK = re.compile(r"^\s*:?\s*(file|image|media)\s*:", re.IGNORECASE)
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

    Args:
        wikitext: source text of the page.
        infoboxes: names of the templates; case, underscores and a Template: before them are forgiven.
        site: the rules for titles.
    """
    wanted = {_template_key(name) for name in infoboxes}
    code = mwp.parse(wikitext, skip_style_tags=True)
    boxes = [box for box in code.ifilter_templates() if _name_of(box, site) in wanted]
    if not boxes:
        return None
    inside = {id(link) for box in boxes for parameter in box.params for link in parameter.value.ifilter_wikilinks()}
    mentions: Counter[tuple[str, str]] = Counter()
    dropped: Counter[str] = Counter()
    for link in _all_links(code):
        raw = _without_comments(link.title)
        title = site.parse(raw)
        if isinstance(title, str):
            dropped["template in the link" if "{{" in raw else title] += 1
        elif title.namespace == CATEGORY and not raw.lstrip().startswith(":"):
            mentions[title.text, "category"] += 1
        elif title.namespace in (ARTICLE, CATEGORY):
            mentions[title.text, "infobox" if id(link) in inside else "body"] += 1
        else:
            dropped["file" if title.namespace in (FILE, MEDIA) else "other namespace"] += 1
    links = [Link(target, count, place) for (target, place), count in mentions.items()]
    return Article(_fields(boxes[0]), links, dropped)


def _all_links(code: Wikicode) -> Iterator[Wikilink]:
    """Every wikilink, those in captions of galleries and image maps among them, which the parser leaves as text."""
    yield from code.ifilter_wikilinks()
    for tag in code.ifilter_tags(matches=lambda tag: str(tag.tag).strip().lower() in _UNPARSED_TAGS and tag.contents is not None):
        yield from mwp.parse(str(tag.contents), skip_style_tags=True).ifilter_wikilinks()


def _template_key(name: str) -> str:
    return _SPACE.sub(" ", name.replace("_", " ")).strip().lower()


def _bare_name(template: Template) -> str:
    return _template_key(_without_comments(template.name))


def _without_comments(code: Wikicode) -> str:
    return "".join(str(node) for node in code.nodes if not isinstance(node, Comment))


def _name_of(template: Template, site: Site) -> str:
    name = _bare_name(template)
    prefix, colon, rest = name.partition(":")
    if colon and site.numbers.get(prefix.strip()) == TEMPLATE:
        return rest.strip()
    return name


def _fields(box: Template) -> dict[str, list[str]]:
    fields = {}
    for parameter in box.params:
        name = _SPACE.sub(" ", _render(parameter.name)).strip()
        values = values_of(parameter.value)
        if name and values and not (name.isdigit() and not parameter.showkey):
            fields[name] = values
    return fields


def values_of(code: Wikicode) -> list[str]:
    """A field as plain text, one string a value: refs and comments are gone, links are their text, lists are taken apart."""
    parts = (_SPACE.sub(" ", part).strip(" ,;·•*") for part in re.split(f"{BREAK}|\n[*#:]", _render(code)))
    return [part for part in parts if part]


def _render(code: Wikicode) -> str:
    return "".join(_text(node) for node in code.nodes)


def _text(node: Node) -> str:
    if isinstance(node, Text):
        return node.value.replace("'''", "").replace("''", "")
    if isinstance(node, Wikilink):
        if _FILE_LINK.match(str(node.title)):
            return ""
        return _render(node.text) if node.text is not None else _render(node.title).strip().removeprefix(":")
    if isinstance(node, Template):
        return _template_text(node)
    if isinstance(node, HTMLEntity):
        return html.unescape(str(node))  # normalize() of &#xD800; is half a character, which no file can hold
    if isinstance(node, ExternalLink):
        return _render(node.title) if node.title is not None else str(node.url)
    if isinstance(node, Tag):
        name = str(node.tag).strip().lower()
        if name in _SILENT_TAGS:
            return ""
        inner = _render(node.contents) if node.contents is not None else ""
        return f"{BREAK}{inner}" if name in _BREAKING_TAGS else inner
    if isinstance(node, Heading):
        return _render(node.title)
    if isinstance(node, Argument):
        return _render(node.default) if node.default is not None else ""
    return ""  # comments


def _template_text(template: Template) -> str:
    name = _bare_name(template)
    arguments: Sequence[str] = [_render(p.value).strip() for p in template.params if not p.showkey or str(p.name).strip().isdigit()]
    if name in _LISTS:
        return BREAK + BREAK.join(arguments)
    if name in _SILENT or name.startswith(("cite ", "citation", "sfn")) or not arguments:
        return ""
    if name in _DATES:
        numbers = all(part.isdigit() for part in arguments[:3])
        return "-".join(part.zfill(2) for part in arguments[:3]) if numbers else " ".join(arguments[:3])
    if name in _LAST_ARGUMENT or name.startswith("script/"):  # {{lang|ru|Война}}, but {{lang-ru|Война|Voyna}}
        return arguments[-1]
    return arguments[0]
