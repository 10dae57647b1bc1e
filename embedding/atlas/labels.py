"""Values of an infobox field that mean the same get one name: case, punctuation, plurals and known synonyms apart.

A field's values fall into groups by a key (`genres.genre_key`, `places.country_key`), and a group is called what most rows call it, so
that little need be known of a wiki's language.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from embedding.middle_dot import BETWEEN_NAMES

MAX_LABEL = 60  # characters; what is longer is prose
_LINK = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]")
_TAG = re.compile(r"<[^<>]{0,200}>|&lt;[^<>&]{0,200}&gt;|\[\d{1,4}\]")
_MARKS = re.compile(r"'{2,}|\[\[|\]\]|\{\{|\}\}")
_BRACKETS = re.compile(r"\s*[(（][^()（）]{0,80}[)）]")
_LIST = re.compile(rf"\s*(?:[,;/|·•‧、，；\n\r\t]|\s[-–—&+]\s)\s*|{BETWEEN_NAMES}")
_SEE = re.compile(r"^see (?:also )?(?=\S)", re.IGNORECASE)
_EDGES = " \t.:;,*'\"-–—()（）[]{}|«»“”„"
_SMALL = {"a", "and", "de", "del", "der", "die", "du", "e", "et", "la", "of", "the", "und", "y"}


def parts(text: str) -> list[str]:
    """The single values of a field's text, which may be a list: markup, footnotes and remarks in brackets are taken off."""
    text = _MARKS.sub("", _TAG.sub(" ", _LINK.sub(r"\1", text)))
    found = (_SEE.sub("", re.sub(r"\s+", " ", part).strip(_EDGES)) for part in _LIST.split(_BRACKETS.sub("", text)))
    return [part for part in found if part and len(part) <= MAX_LABEL and any(letter.isalpha() for letter in part)]


def plain(text: str) -> str:
    """A value's letters alone: case folded, punctuation as spaces, apostrophes gone."""
    return " ".join(re.sub(r"[^\w]+", " ", re.sub(r"['’ʼ]", "", text.casefold())).replace("_", " ").split())


def named_alike(
    rows: Sequence[Iterable[str] | None],
    key: Callable[[str], str],
    names: Mapping[str, str] | None = None,
    title_case: bool = False,
    is_short: Callable[[str], bool] = lambda _: False,
) -> list[list[str]]:
    """Each row's values under the name of their group.

    Args:
        rows: texts of each row, in its order; None: none.
        key: what is alike has one key; "" drops the value.
        names: key: name of a group that is not called as most rows call it.
        title_case: every word of a name without any capital gets one; else its first word alone.
        is_short: abbreviations, which name a group only where it has nothing else.

    Returns:
        The names of each row, without doubles, in its order.
    """
    keyed = [[(group, part) for text in row or () for part in parts(text) if (group := key(part))] for row in rows]
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for row in keyed:
        for group, part in row:
            spellings[group][part] += 1
    written_out = {group: Counter({part: n for part, n in counted.items() if not is_short(part)}) for group, counted in spellings.items()}
    called = {group: _capital(_commonest(written_out[group] or counted), title_case) for group, counted in spellings.items()}
    called |= {group: name for group, name in (names or {}).items() if group in called}
    return [list(dict.fromkeys(called[group] for group, _ in row)) for row in keyed]


def _commonest(counted: Counter[str]) -> str:
    """The spelling that most rows have; of equally frequent ones the one with capitals, then the first by letter."""
    return min(counted, key=lambda text: (-counted[text], text.islower(), text))


def _capital(text: str, every_word: bool) -> str:
    if every_word and text.islower():
        return " ".join(word if word in _SMALL and i else word[:1].upper() + word[1:] for i, word in enumerate(text.split(" ")))
    return text[:1].upper() + text[1:]
