"""Pages cut out of the decoded bytes of a dump.

In a dump all text is escaped (`<` is `&lt;`), so the literal bytes `<page>` and `</page>` are tags wherever they stand.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from embedding.wiki.bzip2 import Damage

OPEN, CLOSE = b"<page>", b"</page>"
LONGEST_PAGE = 16 << 20  # bytes of one revision with all its markup; MediaWiki holds texts of up to 2 MiB, escaped up to 12
NEAR = 1 << 12  # bytes that a page has before its first text and behind its last one, all but for a few
NO_END, DAMAGED, TOO_LONG = "no </page>", "in a damaged stream", "longer than 16 MiB"
_REVISION = re.compile(rb"<revision>.*?</revision>", re.DOTALL)
_REVISION_HEAD = re.compile(rb"<revision>\s*<id>\s*(\d+)\s*</id>(?:\s*<parentid>[^<]*</parentid>)?\s*<timestamp>([^<]*)</timestamp>")


class PagePlace(NamedTuple):
    """A page lies in buffer[begin:end], its tags included. `revisions`: older ones that were left out of it."""

    buffer: bytes
    begin: int
    end: int
    revisions: int = 0


def cut_pages(events: Iterable[bytes | Damage | None]) -> Iterator[PagePlace | str]:
    """Cut decoded chunks (see `dump.decode`) into pages.

    Every `<page>` that begins before the None among the events (the end of the range) gives one item, and events behind it are asked
    for only as long as such a page is unfinished, so that ranges side by side give every page once.

    Yields:
        Where the page lies; or, for one that is lost, the reason: NO_END, DAMAGED, TOO_LONG.
    """
    buffer = b""
    searched = 0  # neither tag begins in buffer[:searched], but for the <page> at its start
    older = 0  # revisions taken out of the unfinished page
    owned: int | None = None  # pages must begin before this place; None: the range has not ended
    for event in events:
        if isinstance(event, Damage):
            if buffer.startswith(OPEN):
                yield DAMAGED
            buffer, searched, older = b"", 0, 0
            if owned is not None:
                return
            continue
        if event is None:
            owned = len(buffer)
        else:
            buffer += event
        limit = len(buffer) if owned is None else owned
        begin = buffer.find(OPEN)
        unfinished = False
        while 0 <= begin < limit and not unfinished:
            close, following = _find_end(buffer, begin, searched)
            unfinished = close < 0 and following < 0
            if not unfinished:
                yield NO_END if close < 0 else PagePlace(buffer, begin, close, older)
                begin, searched, older = following if close < 0 else buffer.find(OPEN, close), 0, 0
        if not unfinished:
            begin = begin if begin >= 0 else max(0, len(buffer) - len(OPEN) + 1)
        buffer = buffer[begin:]
        if owned is not None:
            owned -= begin
            if not unfinished and not _page_may_begin(buffer, owned):
                return
        if unfinished and len(buffer) > LONGEST_PAGE:
            length = len(buffer)
            buffer, dropped = newest_revision(buffer)
            older += dropped
            if owned is not None:
                owned = max(1, owned - (length - len(buffer)))
            if len(buffer) > LONGEST_PAGE:
                yield TOO_LONG
                if owned is not None:
                    return
                buffer, unfinished, older = buffer[-len(OPEN) :], False, 0
        searched = max(0, len(buffer) - len(CLOSE) + 1) if unfinished else 0
    if buffer.startswith(OPEN):
        yield NO_END


def _find_end(buffer: bytes, begin: int, searched: int) -> tuple[int, int]:
    """Where the page that begins at `begin` ends, and, if it has no end, where the next one begins; -1 for what is not there."""
    # Only near by: ten thousand <page> in a row must not each have the whole buffer searched.
    text, behind = text_place(buffer, begin, len(buffer)) if buffer.find(b"<text", begin, begin + NEAR) >= 0 else (-1, -1)
    if behind > 0 and buffer.find(OPEN, begin + len(OPEN), text) < 0:
        close = buffer.find(CLOSE, behind, behind + NEAR)
        if close >= 0 and buffer.find(OPEN, behind, close) < 0:
            return close + len(CLOSE), -1
    first = max(begin + len(OPEN), searched)
    following = buffer.find(OPEN, first)
    close = buffer.find(CLOSE, first, following if following >= 0 else len(buffer))
    return (close + len(CLOSE) if close >= 0 else -1), following


def text_place(buffer: bytes, begin: int, end: int) -> tuple[int, int]:
    """The first `<text ...>` in buffer[begin:end], and the `<` behind what it holds; -1 for what is not there.

    A text holds no `<`, and one byte is found faster than any other thing: so the bulk of a dump is passed over at once.
    """
    tag = buffer.find(b"<text", begin, end)
    opened = buffer.find(b">", tag, end) if tag >= 0 else -1
    broken = buffer.find(b"<", tag + 1, opened) >= 0  # the tag has no end: the > is that of another one
    return tag, buffer.find(b"<", opened, end) if opened >= 0 and not broken else -1


def _page_may_begin(buffer: bytes, owned: int) -> bool:
    """May a page begin in buffer[:owned]: do its last bytes look like the beginning of the tag?"""
    return any(len(buffer) - length < owned and buffer.endswith(OPEN[:length]) for length in range(1, len(OPEN)))


def newest_revision(page: bytes) -> tuple[bytes, int]:
    """A page, or the beginning of one, with the newest of its whole revisions alone, and how many were left out.

    The newest is the one with the latest timestamp and, among several, the highest id: imported revisions have higher ids than those
    that they are older than.
    """
    first, last = page.find(b"<revision>"), page.rfind(b"</revision>")
    if first < 0 or last < first:
        return page, 0
    last += len(b"</revision>")
    whole = _REVISION.findall(page, first, last)
    return page[:first] + max(whole, key=_age) + page[last:], len(whole) - 1


def _age(revision: bytes) -> tuple[bytes, int]:
    head = _REVISION_HEAD.match(revision)
    return (head[2], int(head[1])) if head else (b"", 0)
