"""The fields of a page, read off its XML by searching for their tags: an XML parser would look at every byte several times.

Source: https://www.mediawiki.org/xml/export-0.11.xsd, whose elements stand in a fixed order. Back to 0.6, which brought <ns>, nothing
that is read here differs; of 0.11's slots, the main one stands in the revision itself and before all others.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from embedding.wiki.pages import PagePlace, newest_revision, text_place

NO_HEAD, OTHER_NAMESPACE = "no title, namespace or id", "namespace"
NOT_UTF8, ENTITY, CONTROL = "not UTF-8", "entity that XML does not know", "control character in the title"
_HEAD = re.compile(
    rb"<page>\s*<title>([^<]+)</title>\s*<ns>\s*(-?\d{1,9})\s*</ns>\s*<id>\s*(\d{1,18})\s*</id>"
    rb'(?:\s*<redirect\s+title="([^"]*)"\s*/?>)?'
)
_REVISION = re.compile(rb"<revision>\s*<id>\s*(\d{1,18})\s*</id>(?:\s*<parentid>[^<]*</parentid>)?(?:\s*<timestamp>([^<]*)</timestamp>)?")
_ENTITY = re.compile(r"&(?:(lt|gt|amp|quot|apos)|#([0-9]{1,7})|#x([0-9a-fA-F]{1,6}));")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_UNKNOWN_ENTITY = re.compile(r"&(?!(?:lt|gt|amp|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Page(NamedTuple):
    """What is read of a page.

    Attributes:
        page_id: of the page.
        namespace: its number; 0 holds the articles.
        title: as the dump has it.
        redirect: title that the page redirects to, as the dump has it.
        revision_id: of the newest revision.
        revision_timestamp: as the dump has it, 2024-05-06T07:08:09Z.
        wikitext: None unless the page is an article that calls a wanted infobox.
        older_revisions: those that the dump holds beside the newest.
    """

    page_id: int
    namespace: int
    title: str
    redirect: str | None
    revision_id: int | None
    revision_timestamp: str | None
    wikitext: str | None
    older_revisions: int


def infobox_pattern(names: Iterable[str], template_prefixes: Iterable[str]) -> re.Pattern[bytes]:
    """A cheap test on the raw bytes of a page: does it call one of these templates? Case, underscores and comments are forgiven."""
    gap = rb"(?:[\s_]|(?>&lt;!--.{0,1000}?--&gt;))"  # atomic: a comment ends at its first -->

    def any_of(names: Iterable[str]) -> bytes:
        words = [(gap + b"+").join(_either_case(word) for word in re.split(r"[\s_]+", name.strip())) for name in names]
        return b"(?:" + (b"|".join(words) or b"(?!)") + b")"

    skip = gap + b"*+"  # possessive: what is skipped once is not tried again
    prefix = rb"(?::?" + skip + any_of(template_prefixes) + skip + b":" + skip + b")?"
    return re.compile(rb"\{\{" + skip + prefix + any_of(names) + skip + rb"[|}]", re.IGNORECASE | re.DOTALL)


def _either_case(word: str) -> bytes:
    """re.IGNORECASE on bytes folds ASCII alone; other scripts are spelled out in both cases."""
    if word.isascii():
        return re.escape(word.encode())
    forms = sorted({word.lower(), word.upper(), word, word[:1].lower() + word[1:], word[:1].upper() + word[1:]})
    return b"(?:" + b"|".join(re.escape(form.encode()) for form in forms) + b")"


def read_page(place: PagePlace, infobox: re.Pattern[bytes], namespaces: frozenset[int] | None) -> Page | str:
    """Read the fields of a page; of several revisions, the newest counts.

    Args:
        place: the page.
        infobox: the wikitext is read only of articles in which it is found.
        namespaces: pages of other namespaces are dropped unless they are redirects; None: all are kept.

    Returns:
        The fields; or, for a page that is dropped, the reason: one of this module's constants.
    """
    buffer, begin, end = place.buffer, place.begin, place.end
    head = _HEAD.match(buffer, begin, end)
    if head is None:
        return NO_HEAD
    redirect = head[4]
    namespace = int(head[2])
    if redirect is None and namespaces is not None and namespace not in namespaces:
        return OTHER_NAMESPACE
    try:
        title = unescape(head[1])
        target = None if redirect is None else unescape(redirect)
    except UnicodeDecodeError:
        return NOT_UTF8
    except UnknownEntityError:
        return ENTITY
    if _CONTROL.search(title):
        return CONTROL
    older = place.revisions
    first = buffer.find(b"<revision>", head.end(), end)
    if first >= 0 and buffer.find(b"<revision>", max(first + 1, text_place(buffer, first, end)[1]), end) >= 0:
        buffer, more = newest_revision(buffer[begin:end])
        begin, end, older = 0, len(buffer), older + more
        first = buffer.find(b"<revision>")
    revision = _REVISION.match(buffer, first, end) if first >= 0 else None
    wikitext = None
    if first >= 0 and redirect is None and namespace == 0 and infobox.search(buffer, first, end):
        try:
            wikitext = _wikitext(buffer, first, end)
        except UnicodeDecodeError:
            return NOT_UTF8
        except UnknownEntityError:
            return ENTITY
    return Page(
        page_id=int(head[3]),
        namespace=namespace,
        title=title,
        redirect=target,
        revision_id=int(revision[1]) if revision else None,
        revision_timestamp=revision[2].decode("ascii", "replace") if revision and revision[2] else None,
        wikitext=wikitext,
        older_revisions=older,
    )


def _wikitext(buffer: bytes, begin: int, end: int) -> str | None:
    tag, close = text_place(buffer, begin, end)
    opened = buffer.find(b">", tag, end)
    if close < 0 or buffer.startswith(b"/", opened - 1) or not buffer.startswith(b"</text>", close):
        return None
    return unescape(buffer[opened + 1 : close])


class UnknownEntityError(ValueError):
    """An entity that XML does not define by itself; no dump has one."""


def unescape(raw: bytes) -> str:
    """Decode UTF-8 and XML's entities.

    Raises:
        UnicodeDecodeError: it is not UTF-8.
        UnknownEntityError: it holds an entity that XML does not define by itself: whatever a DOCTYPE says of it is not believed.
    """
    text = raw.decode()
    if "&" not in text:
        return text
    if unknown := _UNKNOWN_ENTITY.search(text):
        raise UnknownEntityError(text[unknown.start() : unknown.start() + 20])
    return _ENTITY.sub(_entity, text)


def _entity(match: re.Match[str]) -> str:
    name, decimal, hexadecimal = match.groups()
    if name:
        return _NAMED[name]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\N{REPLACEMENT CHARACTER}"
