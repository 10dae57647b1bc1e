import itertools
import random
import re
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding.wiki import pages
from embedding.wiki.bzip2 import Damage
from embedding.wiki.fields import infobox_pattern, read_page
from embedding.wiki.pages import DAMAGED, NO_END, TOO_LONG, PagePlace, cut_pages, newest_revision, text_place
from tests.conftest import FOOTER, HEADER, page
from tests.wiki.reading import EXPECTED, WHOLE

ANY = infobox_pattern(["Infobox book"], ["template"])
DAMAGE = Damage(1, 2, "damaged")
Event = bytes | Damage | None


def cut(events: Iterable[Event]) -> list[bytes | str]:
    return [item if isinstance(item, str) else item.buffer[item.begin : item.end] for item in cut_pages(events)]


def chunks_of(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def revision(number: int, text: str = "", second: int | None = None) -> str:
    second = number if second is None else second
    return (
        f"<revision>\n<id>{number}</id><parentid>{number - 1}</parentid>\n<timestamp>2024-01-01T{second // 60:02d}:{second % 60:02d}:00Z"
        f"</timestamp><text>{text}</text></revision>\n"
    )


def history(page_id: int, revisions: Iterable[str]) -> str:
    return f"<page>\n<title>P{page_id}</title>\n<ns>0</ns>\n<id>{page_id}</id>\n{''.join(revisions)}</page>"


# cut_pages


def test_pages_of_one_chunk() -> None:
    assert cut([WHOLE]) == EXPECTED


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 8, 12, 13, 100])
def test_chunks_of_every_size(size: int) -> None:
    assert cut(chunks_of(WHOLE, size)) == EXPECTED


@given(st.lists(st.integers(0, len(WHOLE)), max_size=20))
def test_any_chunks(cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(WHOLE)]
    assert cut(WHOLE[begin:end] for begin, end in itertools.pairwise(bounds)) == EXPECTED


@pytest.mark.parametrize("size", [3, 11, 1 << 20])
def test_a_range_ends_at_any_byte(size: int) -> None:
    """Pages that begin before the end of a range are its own, however far they reach; the others belong to the next range."""
    begins = [match.start() for match in re.finditer(b"<page>", WHOLE)]
    for end in range(0, len(WHOLE), 1 if size > len(WHOLE) else 17):
        before = [WHOLE[at : min(at + size, end)] for at in range(0, end, size)]
        behind = [WHOLE[at : at + size] for at in range(end, len(WHOLE), size)]
        own = sum(begin < end for begin in begins)
        assert cut([*before, None, *behind]) == EXPECTED[:own]
        assert cut(behind) == EXPECTED[own:]


@pytest.mark.parametrize(
    ("range_end", "chunk_end", "count", "asked"),
    [
        ("</page>", "<page>", 1, [0, 1]),  # nothing behind the end is needed
        ("</pag", "<pa", 1, [0, 1, 2]),  # the page ends behind it; the beginning of a tag there is not of this range
        ("<pa", "</mediawiki>", 2, [0, 1, 2]),  # the tag begins before it
    ],
)
def test_a_range_is_not_read_further_than_its_last_page(range_end: str, chunk_end: str, count: int, asked: list[int]) -> None:
    tag = range_end.encode()
    start = WHOLE.index(b"</page>") if tag.startswith(b"</") else WHOLE.index(b"<page>", WHOLE.index(b"</page>"))
    end = start + len(tag)
    second = WHOLE.index(chunk_end.encode(), end) + len(chunk_end)
    seen = []

    def chunks() -> Iterator[Event]:
        for number, chunk in enumerate([WHOLE[:end], None, WHOLE[end:second], WHOLE[second:] + b" "]):
            seen.append(number)
            yield chunk

    assert cut(chunks()) == EXPECTED[:count]
    assert seen == asked


def test_a_range_without_pages() -> None:
    assert cut([]) == []
    assert cut([None]) == []
    assert cut([b"text of a page that began earlier", None, b"</page> <page></page>"]) == []


@pytest.mark.parametrize(
    "raw",
    [
        "<page><title>T</title></page>",
        "<page></page>",
        "<page><revision></revision></page>",
        "<page><revision><text/></revision></page>",
        '<page><revision><text bytes="0" /></revision></page>',
        "<page><revision><text></text></revision></page>",
        "<page><title>&lt;text&gt; a &lt;/page&gt;</title></page>",
    ],
)
@pytest.mark.parametrize("size", [1, 4, 1000])
def test_pages_with_little_in_them(raw: str, size: int) -> None:
    data = f"  {raw}\n{EXPECTED[0].decode()}{raw}{raw} <text> {raw}".encode()
    assert cut(chunks_of(data, size)) == [raw.encode(), EXPECTED[0], *[raw.encode()] * 3]


# Pages that are lost


@pytest.mark.parametrize("size", [1, 9, 10_000])
def test_a_file_that_ends_inside_a_page(size: int) -> None:
    ends = [match.end() for match in re.finditer(b"</page>", WHOLE)]
    begins = [match.end() for match in re.finditer(b"<page>", WHOLE)]
    for end in range(0, len(WHOLE), 11 if size > 1 else 53):
        whole = sum(at <= end for at in ends)
        inside = sum(at <= end for at in begins) > whole
        assert cut(chunks_of(WHOLE[:end], size)) == EXPECTED[:whole] + [NO_END] * inside


@pytest.mark.parametrize("cut_at", ["<title>", "<ns>", "<revision>", "<text", ' xml:space="p', "by [[", "</text>", "</revision>", "</pag"])
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_page_without_end_before_another(cut_at: str, size: int) -> None:
    first = EXPECTED[0][: EXPECTED[0].index(cut_at.encode()) + len(cut_at)]
    assert cut(chunks_of(first + EXPECTED[1] + EXPECTED[2], size)) == [NO_END, EXPECTED[1], EXPECTED[2]]
    assert cut(chunks_of(first + first + EXPECTED[1], size)) == [NO_END, NO_END, EXPECTED[1]]
    assert cut(chunks_of(EXPECTED[1] + first, size)) == [EXPECTED[1], NO_END]


@pytest.mark.parametrize("size", [1, 50, 100_000])
def test_a_range_ends_inside_a_page_without_end(size: int) -> None:
    """The page is this range's; the one that shows that it has no end is the next one's."""
    broken = EXPECTED[0][:-7]
    data = broken + EXPECTED[1]
    for end in range(1, len(broken) + 1, 13):
        assert cut([*chunks_of(data[:end], size), None, *chunks_of(data[end:], size)]) == [NO_END]
        assert cut(chunks_of(data[end:], size)) == [EXPECTED[1]]


@pytest.mark.parametrize("size", [1, 20, 100_000])
def test_damage_costs_the_pages_that_it_touches(size: int) -> None:
    begins, ends = ([match.start() for match in re.finditer(tag, WHOLE)] for tag in (b"<page>", b"</page>"))
    for at in range(0, len(WHOLE), 41 if size > 1 else 301):
        for gap in (0, 10, 700):
            begun = sum(begin + 6 <= at for begin in begins)
            done = sum(end + 7 <= at for end in ends)
            behind = sum(begin < at + gap for begin in begins)
            expected = [*EXPECTED[:done], *[DAMAGED] * (begun - done), *EXPECTED[behind:]]
            assert cut([*chunks_of(WHOLE[:at], size), DAMAGE, *chunks_of(WHOLE[at + gap :], size)]) == expected


def test_damage_before_and_behind_the_end_of_a_range() -> None:
    first, second = EXPECTED[:2]
    assert cut([DAMAGE, first, DAMAGE, second, None]) == [first, second]
    assert cut([first, DAMAGE, None, second]) == [first]
    assert cut([first, second[:50], DAMAGE, None, second[50:], second]) == [first, DAMAGED]
    assert cut([first, second[:50], None, DAMAGE, second[50:], second]) == [first, DAMAGED]
    assert cut([first, second[:3], None, DAMAGE, second[3:], second]) == [first]
    assert cut([first, second[:3], DAMAGE, second[3:], None, second]) == [first]
    assert cut([first, second[:50], DAMAGE, DAMAGE, second]) == [first, DAMAGED, second]


def test_nothing_is_asked_for_behind_damage_that_ends_the_last_page() -> None:
    asked = iter([EXPECTED[0][:50], None, DAMAGE, b"more"])
    assert cut(asked) == [DAMAGED]
    assert list(asked) == [b"more"]


@pytest.mark.parametrize("size", [1, 64, 700])
def test_a_page_that_is_too_long(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LONGEST_PAGE", 2000)
    long = page("Long", 9, "x" * 9000).strip().encode()
    endless = long[:-20]
    data = b" ".join([EXPECTED[0], long, EXPECTED[1], endless, EXPECTED[2], long, long, EXPECTED[3]])
    expected = [EXPECTED[0], TOO_LONG, EXPECTED[1], TOO_LONG, EXPECTED[2], TOO_LONG, TOO_LONG, EXPECTED[3]]
    assert cut(chunks_of(data, size)) == expected
    begins = [match.start() for match in re.finditer(b"<page>", data)]
    for end in range(1, len(data), 331 if size > 1 else 7001):
        own = sum(begin < end for begin in begins)
        assert cut([*chunks_of(data[:end], size), None, *chunks_of(data[end:], size)]) == expected[:own]
        assert cut(chunks_of(data[end:], size)) == expected[own:]


def test_a_tag_of_which_half_has_come_when_a_page_has_become_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LONGEST_PAGE", 2000)
    for half in range(1, 6):
        begin = b"<page>" + b"x" * 3000 + EXPECTED[0][:half]
        assert cut([begin, EXPECTED[0][half:]]) == [TOO_LONG, EXPECTED[0]]
        events = iter([begin[:1000], None, begin[1000:], EXPECTED[0][half:]])
        assert cut(events) == [TOO_LONG]
        assert list(events) == [EXPECTED[0][half:]], "what follows is the next range's"


def test_a_tag_of_which_half_has_come_when_a_range_ends_in_a_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the range's own, also when older revisions are taken out before its other half comes."""
    begin = history(1, [revision(number, "x" * 50) for number in range(1, 9)]).removesuffix("</page>").encode() + b"<"
    monkeypatch.setattr(pages, "LONGEST_PAGE", len(begin))
    assert cut([begin, None, b"p", EXPECTED[0][2:]]) == [NO_END, EXPECTED[0]]
    assert cut([begin[:-1], None, b"<p", EXPECTED[0][2:]]) == [NO_END]


def test_no_more_is_held_than_a_page_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LONGEST_PAGE", 2000)
    data = b"<page>" + b"x" * 100_000 + EXPECTED[0]
    places = [item for item in cut_pages(chunks_of(data, 100)) if isinstance(item, PagePlace)]
    assert [len(place.buffer) < 2000 + 200 for place in places] == [True]


def test_the_longest_text_that_a_wiki_may_hold_is_not_too_long() -> None:
    """2 MiB of `"`, which a dump writes `&quot;`, in pieces as they are decoded."""
    raw = page("Long", 1, "").strip().replace("></text>", ">" + "&quot;" * (2 << 20) + "</text>").encode()
    assert len(raw) > 12 << 20
    assert cut([*chunks_of(raw + EXPECTED[0], 1 << 20)]) == [raw, EXPECTED[0]]


# Histories


@pytest.mark.parametrize("longest", [700, 2000, 1 << 24])
@pytest.mark.parametrize("size", [1, 100, 399, 1500])
def test_histories_are_cut_down_to_their_newest_revision(longest: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the chunks and the ranges, every page comes once and says the same."""
    monkeypatch.setattr(pages, "LONGEST_PAGE", longest)
    rng = random.Random(0)
    counts, xml = [30, 1, 2, 60, 1, 1], []
    for number, count in enumerate(counts, 1):
        seconds = rng.sample(range(100), count)
        newest = max(range(count), key=seconds.__getitem__)
        texts = [f"newest {number}" if at == newest else "x" * rng.randrange(100) for at in range(count)]
        xml.append(history(number, (revision(at + 1, f"{{{{Infobox book|}}}} {text}", seconds[at]) for at, text in enumerate(texts))))
    data = (HEADER + "\n".join(xml) + FOOTER).encode()
    expected = [(f"P{number}", f"{{{{Infobox book|}}}} newest {number}", count - 1) for number, count in enumerate(counts, 1)]

    def read(events: Iterable[Event]) -> list[tuple[str, str | None, int]]:
        found = []
        for place in cut_pages(events):
            assert isinstance(place, PagePlace)
            read = read_page(place, ANY, None)
            assert not isinstance(read, str)
            found.append((read.title, read.wikitext, read.older_revisions))
        return found

    assert read(chunks_of(data, size)) == expected
    begins = [match.start() for match in re.finditer(b"<page>", data)]
    for end in range(1, len(data), 97 if size > 1 else 3001):
        own = sum(begin < end for begin in begins)
        assert read([*chunks_of(data[:end], size), None, *chunks_of(data[end:], size)]) == expected[:own]
        if size > 1:
            assert read(chunks_of(data[end:], size)) == expected[own:]


def test_a_history_whose_revisions_are_each_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LONGEST_PAGE", 2000)
    long = history(1, (revision(number, "x" * (3000 if number == 5 else 10)) for number in range(1, 60))).encode()
    assert cut(chunks_of(long + EXPECTED[0], 100)) == [TOO_LONG, EXPECTED[0]]


def test_counts_of_older_revisions_are_not_carried_to_the_next_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LONGEST_PAGE", 500)
    long = history(1, (revision(number, "x") for number in range(1, 20)))
    too_long = history(1, [*(revision(number, "x") for number in range(1, 20)), revision(20, "x" * 1000)])
    for broken in (long, long[:-7], too_long):
        places = list(cut_pages(chunks_of((broken + "\n" + history(2, [revision(1)])).encode(), 50)))
        assert isinstance(places[-1], PagePlace)
        assert places[-1].revisions == 0
    places = list(cut_pages([*chunks_of(long[:-7].encode(), 50), DAMAGE, *chunks_of(history(2, [revision(1)]).encode(), 50)]))
    assert places[0] == DAMAGED
    assert isinstance(places[1], PagePlace)
    assert places[1].revisions == 0


# newest_revision


@pytest.mark.parametrize(
    ("revisions", "newest"),
    [
        ([(1, 10), (2, 20), (3, 30)], 3),
        ([(3, 30), (2, 20), (1, 10)], 3),
        ([(1, 30), (2, 10), (3, 20)], 1),  # 2 and 3 were imported later from another wiki
        ([(9, 10), (10, 10)], 10),  # as numbers, not as text
        ([(10, 10), (9, 10)], 10),
        ([(7, 7)], 7),
    ],
)
def test_the_newest_revision_is_the_latest_one(revisions: list[tuple[int, int]], newest: int) -> None:
    raw = history(1, (revision(number, f"text {number}", second) for number, second in revisions)).encode()
    found, dropped = newest_revision(raw)
    assert dropped == len(revisions) - 1
    assert re.findall(rb"text (\d+)", found) == [str(newest).encode()]
    head, tail = raw[: raw.index(b"<revision>")], b"\n</page>"
    assert found.startswith(head)
    assert found.endswith(tail)
    assert newest_revision(found) == (found, 0)


def test_what_follows_the_last_whole_revision_is_kept() -> None:
    whole = history(1, [revision(1, "one"), revision(2, "two")])
    raw = (whole.removesuffix("</page>") + "<revision><id>3</id><timestamp>2025").encode()
    found, dropped = newest_revision(raw)
    assert dropped == 1
    assert b"one" not in found
    assert found.endswith(b"two</text></revision>\n<revision><id>3</id><timestamp>2025")


@pytest.mark.parametrize("raw", ["<page>", "<page><revision>", "<page></revision><revision>", "<page><title>T</title></page>"])
def test_no_whole_revision(raw: str) -> None:
    assert newest_revision(raw.encode()) == (raw.encode(), 0)


def test_a_revision_without_timestamp_is_older_than_any_other() -> None:
    raw = history(1, [revision(1, "one"), "<revision><id>2</id><text>two</text></revision>"]).encode()
    found, dropped = newest_revision(raw)
    assert (b"one" in found, b"two" in found, dropped) == (True, False, 1)


# text_place


@pytest.mark.parametrize(
    ("raw", "tag", "behind"),
    [
        ("a <text>b</text>", 2, 9),
        ('a <text bytes="1" xml:space="preserve">b</text><text>', 2, 40),
        ("<text/></revision>", 0, 7),
        ("<text></text>", 0, 6),
        ("<text>cut", 0, -1),
        ("<text", 0, -1),
        ("<tex", -1, -1),
        ("", -1, -1),
    ],
)
def test_text_place(raw: str, tag: int, behind: int) -> None:
    assert text_place(raw.encode(), 0, len(raw)) == (tag, behind)
    shifted = b"<text>" + raw.encode() + b"<text>"
    assert text_place(shifted, 6, 6 + len(raw)) == tuple(6 + place if place >= 0 else -1 for place in (tag, behind))
