"""Countries and languages under one name each."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from embedding.atlas.countries import COUNTRIES
from embedding.atlas.labels import named_alike, parts, plain


def _unaccented(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


# Spellings that give a country its name on the maps only where no book has a better one.
_SHORT = {
    "us": "united states", "usa": "united states", "u s": "united states", "u s a": "united states", "america": "united states",
    "united states of america": "united states", "american": "united states",
    "uk": "united kingdom", "u k": "united kingdom", "great britain": "united kingdom", "britain": "united kingdom",
    "british": "united kingdom", "gb": "united kingdom", "ussr": "soviet union",
}  # fmt: skip
# England, Scotland and Wales stay what they are: a book's infobox names them on purpose.
_COUNTRIES = _SHORT | {
    "republic of ireland": "ireland", "peoples republic of china": "china", "australian": "australia", "canadian": "canada",
    "the netherlands": "netherlands",
}  # fmt: skip
_COUNTRIES |= {_unaccented(other): plain(name) for name, (_, others) in COUNTRIES.items() for other in others.split("|")}
# In capitals alone: "can" and "per" are words.
_CODES = {code: plain(name) for name, (codes, _) in COUNTRIES.items() for code in codes.split("|") if code}
# Where a book's country is compared, a part stands for the whole.
_PARTS_OF = dict.fromkeys(("england", "scotland", "wales", "northern ireland"), "united kingdom")
# A variety counts as its language; an older stage (Old English, Ancient Greek) is a language of its own.
_VARIETIES = {
    "english": (
        "american",
        "u s",
        "us",
        "british",
        "uk",
        "english",
        "scottish",
        "irish",
        "canadian",
        "australian",
        "new zealand",
        "indian",
    ),
    "portuguese": ("brazilian", "european"),
    "spanish": ("castilian", "european", "latin american", "mexican", "argentine"),
    "french": ("canadian", "quebec", "belgian", "swiss"),
    "german": ("austrian", "swiss standard", "standard"),
    "chinese": ("mandarin", "standard", "traditional", "simplified", "modern"),
    "norwegian": ("bokmål", "nynorsk"),
}
_LANGUAGES = {f"{variety} {language}": language for language, varieties in _VARIETIES.items() for variety in varieties}
_LANGUAGES |= {"mandarin": "chinese", "castilian": "spanish", "bokmål": "norwegian", "nynorsk": "norwegian"}
_AND = re.compile(r"\s+(?:and|with|und|et|y|e)\s+|\s*&\s*")
_COUNTRY_NAMES = {plain(name): name for name in COUNTRIES}


def country_key(text: str) -> str:
    """What all spellings of a country share."""
    words = plain(text).removeprefix("the ")
    return _CODES.get(text.strip()) or _COUNTRIES.get(_unaccented(words), words)


def language_key(text: str) -> str:
    """What all spellings of a language share."""
    words = plain(text).removesuffix(" language")
    return _LANGUAGES.get(words, words)


def countries(text: str) -> set[str]:
    """Keys of all countries that a field names; two books are of one country when they have one in common."""
    return {_PARTS_OF.get(key, key) for key in _keys(text, country_key)}


def languages(text: str) -> set[str]:
    """Keys of all languages that a field names."""
    return _keys(text, language_key)


def name_countries(values: Sequence[str | None]) -> list[str | None]:
    """The first country of each book under its common name: that of most books, or the English one where all have a code or the like."""
    rows = named_alike([[value] if value else None for value in values], country_key, title_case=True, is_short=_is_short)
    return [_COUNTRY_NAMES[country_key(name)] if name and _is_short(name) else name for name in _first(rows)]


def name_languages(values: Sequence[str | None]) -> list[str | None]:
    """The first language of each book under its common name."""
    return _first(named_alike([[value] if value else None for value in values], language_key, title_case=True))


def _is_short(text: str) -> bool:
    return text in _CODES or plain(text).removeprefix("the ") in _SHORT


def _first(rows: Iterable[Sequence[str]]) -> list[str | None]:
    return [row[0] if row else None for row in rows]


def _keys(text: str, key: Callable[[str], str]) -> set[str]:
    """Keys of the names in a list, accents forgiven, "Trinidad and Tobago" as a whole and in its parts."""
    names = {name for part in parts(text) for name in (part, *_AND.split(part))}
    found = {key(name) for name in names}
    return {_unaccented(name) for name in found} - {""}
