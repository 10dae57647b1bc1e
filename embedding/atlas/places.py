"""Countries and languages under one name each."""

from collections.abc import Iterable, Sequence

from embedding.atlas.labels import named_alike, plain

# England, Scotland and Wales stay what they are: a book's infobox names them on purpose.
_COUNTRIES = {
    "us": "united states", "usa": "united states", "u s": "united states", "u s a": "united states", "america": "united states",
    "united states of america": "united states", "american": "united states",
    "uk": "united kingdom", "u k": "united kingdom", "great britain": "united kingdom", "britain": "united kingdom",
    "british": "united kingdom", "gb": "united kingdom",
    "ussr": "soviet union", "republic of ireland": "ireland", "peoples republic of china": "china", "prc": "china",
    "australian": "australia", "canadian": "canada", "the netherlands": "netherlands", "holland": "netherlands",
}  # fmt: skip
_COUNTRY_NAMES = {"united states": "United States", "united kingdom": "United Kingdom", "soviet union": "Soviet Union"}


def country_key(text: str) -> str:
    """What all spellings of a country share."""
    words = plain(text).removeprefix("the ")
    return _COUNTRIES.get(words, words)


def language_key(text: str) -> str:
    """What all spellings of a language share."""
    return plain(text).removesuffix(" language")


def name_countries(values: Sequence[str | None]) -> list[str | None]:
    """The first country of each book under its common name."""
    return _first(named_alike([[value] if value else None for value in values], country_key, _COUNTRY_NAMES, title_case=True))


def name_languages(values: Sequence[str | None]) -> list[str | None]:
    """The first language of each book under its common name."""
    return _first(named_alike([[value] if value else None for value in values], language_key, title_case=True))


def _first(rows: Iterable[Sequence[str]]) -> list[str | None]:
    return [row[0] if row else None for row in rows]
