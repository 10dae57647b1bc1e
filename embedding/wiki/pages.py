"""Pages of an XML dump: cut out of the decoded bytes, and read into columns.

In a dump all text is escaped (`<` is `&lt;`), so the literal bytes `<page>` and `</page>` are tags wherever they stand, and the
few fields wanted are found by searching for their tags: an XML parser would look at every byte several times.
Source: https://www.mediawiki.org/xml/export-0.11.xsd (back to 0.6, which brought <ns>, nothing that is read here differs).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from embedding.errors import DumpError

OPEN, CLOSE, END = b"<page>", b"</page>", b"</mediawiki>"
_ENTITY = re.compile(r"&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_REDIRECT = re.compile(rb'<redirect title="([^"]*)"')
_TEXT = re.compile(rb"<text\b([^>]*)>")


@dataclass(frozen=True, slots=True)
class Page:
    """What is read of a page. `wikitext` is None unless the page holds a wanted infobox; titles are as the dump has them."""

    page_id: int
    namespace: int
    title: str
    redirect: str | None
    revision_id: int | None
    revision_timestamp: datetime | None
    wikitext: str | None


def split_pages(chunks: Iterable[bytes | None], path: str) -> Iterator[bytes]:
    """Cut decoded chunks (see `dump.decode`) into pages, each with its tags.

    Yields every page whose `<page>` begins before the None among the chunks (the end of the range), and reads on behind it only as
    long as such a page is unfinished, so that ranges side by side yield every page once.

    Raises:
        DumpError: the file ends inside a page, or before `</mediawiki>`.
    """
    buffer = b""
    searched = 0  # no </page> of the page at the buffer's start ends before this place
    owned: int | None = None  # pages must begin before this place; None: the range has not ended
    closed = False
    for chunk in chunks:
        if chunk is None:
            owned = len(buffer)
        else:
            buffer += chunk
        limit = len(buffer) if owned is None else owned
        place = 0
        while 0 <= (begin := buffer.find(OPEN, place)) < limit:
            end = buffer.find(CLOSE, max(begin, searched))
            if end < 0:
                searched = len(buffer) - len(CLOSE) + 1
                break
            place = searched = end + len(CLOSE)
            yield buffer[begin:place]
        if begin < 0:
            closed = closed or buffer.find(END, place) >= 0
            begin = max(place, len(buffer) - len(END) + 1)
        buffer, searched = buffer[begin:], max(0, searched - begin)
        if owned is not None:
            owned -= begin
            if not _page_may_begin(buffer, owned):
                return
    if buffer.startswith(OPEN) or not closed:
        where = "inside a page" if buffer.startswith(OPEN) else "before </mediawiki>"
        raise DumpError(f"{path}: is cut off: it ends {where}; download it again")


def _page_may_begin(buffer: bytes, owned: int) -> bool:
    """Does a page begin in buffer[:owned], or may one: do its last bytes look like the beginning of the tag?"""
    return 0 <= buffer.find(OPEN) < owned or any(
        len(buffer) - length < owned and buffer.endswith(OPEN[:length]) for length in range(1, len(OPEN))
    )


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


def parse_page(raw: bytes, infobox: re.Pattern[bytes]) -> Page | None:
    """Read the fields of one page, from `<page>` to `</page>`. None if it has no title, namespace or id.

    Of several revisions the last one counts. The wikitext is decoded only for articles in which `infobox` is found.
    """
    revision = raw.rfind(b"<revision>")
    head = raw if revision < 0 else raw[: raw.find(b"<revision>")]
    title, namespace, page_id = _between(head, b"title"), _integer(head, b"ns"), _integer(head, b"id")
    if not title or namespace is None or page_id is None:
        return None
    redirect = _REDIRECT.search(head)
    stamp = _between(raw, b"timestamp", revision) if revision >= 0 else None
    return Page(
        page_id=page_id,
        namespace=namespace,
        title=unescape(title),
        redirect=unescape(redirect[1]) if redirect else None,
        revision_id=_integer(raw, b"id", revision) if revision >= 0 else None,
        revision_timestamp=_moment(stamp),
        wikitext=_wikitext(raw, revision) if revision >= 0 and not redirect and namespace == 0 and infobox.search(raw, revision) else None,
    )


def _wikitext(raw: bytes, revision: int) -> str | None:
    opening = _TEXT.search(raw, revision)
    if opening is None or opening[1].endswith(b"/"):
        return None
    end = raw.find(b"</text>", opening.end())
    return unescape(raw[opening.end() : end]) if end >= 0 else None


def _between(raw: bytes, tag: bytes, start: int = 0) -> bytes | None:
    begin = raw.find(b"<" + tag + b">", start)
    end = raw.find(b"</" + tag + b">", begin)
    return raw[begin + len(tag) + 2 : end] if 0 <= begin < end else None


def _integer(raw: bytes, tag: bytes, start: int = 0) -> int | None:
    text = _between(raw, tag, start)
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def _moment(stamp: bytes | None) -> datetime | None:
    try:
        return datetime.strptime(stamp.decode(), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) if stamp else None
    except ValueError:
        return None


def unescape(raw: bytes) -> str:
    """Decode UTF-8 (what is invalid becomes U+FFFD) and XML's entities."""
    text = raw.decode("utf-8", "replace")
    return _ENTITY.sub(_entity, text) if "&" in text else text


def _entity(match: re.Match[str]) -> str:
    name, decimal, hexadecimal = match.groups()
    if name:
        return _NAMED[name]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\N{REPLACEMENT CHARACTER}"
