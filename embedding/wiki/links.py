"""[[Links]] in text that the preprocessor has been over.

Source: MediaWiki's includes/parser/Parser.php (handleInternalLinks2) and tests/parser/wikiLinks.txt.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from embedding.wiki.characters import TEMPLATE_MARK
from embedding.wiki.site import FILE, Site, Title

IN_TEMPLATE = "template in the link"
# What no title may hold ends a link before it has begun; a label has at least one character.
_LINK = re.compile(r"([^\x00-\x1f<>\[\]{}|]*)(?:\|(.+?))?\]\]", re.DOTALL)
_OPEN_LINK = re.compile(r"([^\x00-\x1f<>\[\]{}|]+)\|")
_PROTOCOL = re.compile(
    r"(?:(?:https?|ftps?|git|gopher|ircs?|mms|nntp|redis|sftp|ssh|svn|telnet|worldwind):)?//"
    r"|(?:bitcoin|geo|magnet|mailto|matrix|news|sips?|sms|tel|urn|xmpp):",
    re.IGNORECASE,
)
# The tags that MediaWiki takes for HTML; it shows any other one as it stands.
HTML_TAG = (
    "abbr|b|bdi|bdo|big|blockquote|br|caption|center|cite|code|data|dd|del|dfn|div|dl|dt|em|font|h[1-6]|hr|i|ins|kbd|li|link|mark|meta|"
    "ol|p|q|rb|rp|rt|rtc|ruby|s|samp|small|span|strike|strong|sub|sup|table|td|th|time|tr|tt|u|ul|var|wbr"
)
_LINK_IN_TAG = re.compile(rf"</?(?:{HTML_TAG})\s(?=[^<>]*+>)[^<>]*?\[\[[^<>]*+>", re.IGNORECASE)


class Piece(NamedTuple):
    """A link and the text up to the next one.

    Attributes:
        title: where it leads; or why nowhere: a reason of `Site.parse`, or IN_TEMPLATE; None: this is text without a link.
        target: what stands before the first pipe.
        label: what stands behind it; None: there is no pipe.
        after: the text that follows.
    """

    title: Title | str | None
    target: str
    label: str | None
    after: str


def split_links(text: str, site: Site) -> Iterator[Piece]:
    """Cut a text at its links. A link around a link is text, unless it shows a file."""
    if "<" in text and "[[" in text:
        text = _LINK_IN_TAG.sub(lambda tag: tag[0].replace("[[", "&#91;&#91;"), text)
    first, *rest = text.split("[[")
    yield Piece(None, "", None, first)
    place = 0
    while place < len(rest):
        piece = rest[place]
        place += 1
        if link := _LINK.match(piece):
            target, label, after = link[1], link[2], piece[link.end() :]
            if label and "[" in label and after.startswith("]"):  # [[a|[b]]]
                label, after = f"{label}]", after[1:]
            if not _PROTOCOL.match(target.lstrip(" ")):
                yield Piece(_leads_to(target, site), target, label, after)
                continue
        elif opening := _OPEN_LINK.match(piece):
            title = _leads_to(opening[1], site)
            if isinstance(title, Title) and title.namespace == FILE and not site.is_escaped(opening[1]):
                caption = _caption(piece[opening.end() :], rest, place)
                if caption is not None:
                    label, after, place = caption
                    yield Piece(title, opening[1], label, after)
                    continue
        yield Piece(None, "", None, f"[[{piece}")


def _leads_to(target: str, site: Site) -> Title | str:
    return IN_TEMPLATE if TEMPLATE_MARK in target.partition("#")[0] else site.parse(target)


def _caption(begin: str, rest: list[str], place: int) -> tuple[str, str, int] | None:
    """The caption of a file, with its links: it, what follows it, and which piece is next; None when nothing closes it."""
    caption = [begin]
    for number in range(place, len(rest)):
        inner = rest[number].split("]]", 2)
        if len(inner) == 1:
            return None
        caption.append(f"[[{inner[0]}]]{inner[1]}")
        if len(inner) == 3:
            return "".join(caption), inner[2], number + 1
    return None
