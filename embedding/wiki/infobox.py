"""The columns of a book, read off the fields of its infobox."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_YEAR = re.compile(r"(?<!\d)(1\d{3}|20\d{2})(?!\d)")
_ISBN = re.compile(r"(?<!\d)(?:97[89][- ]?)?(?:\d[- ]?){9}[\dXx](?!\d)")
_GENRE_BREAK = re.compile(r"\s*[,;/•·|]\s*|\s+&\s+")


@dataclass(frozen=True)
class BookFields:
    """What a book's infobox says, as plain text; None or empty where it says nothing."""

    author: str | None
    genres: list[str]
    country: str | None
    language: str | None
    publisher: str | None
    series: str | None
    year: int | None
    isbn: str | None


def book_fields(infobox: Mapping[str, Sequence[str]], names: Mapping[str, Sequence[str]]) -> BookFields:
    """Read the columns of a book.

    Args:
        infobox: field: its values, as `wikitext.read_article` gives them.
        names: column: the infobox fields that may fill it, in order of preference (`books.fields` of the settings).
    """
    fields = {_key(name): values for name, values in infobox.items()}

    def values(column: str) -> Sequence[str]:
        return next((fields[_key(name)] for name in names.get(column, ()) if fields.get(_key(name))), ())

    def text(column: str) -> str | None:
        return ", ".join(values(column)) or None

    # The first field with a year in it: release_date may hold a mere "Spring" where pub_date has the year.
    dates = (_YEAR.search(", ".join(fields.get(_key(name), ()))) for name in names.get("year", ()))
    year = next((int(match[1]) for match in dates if match), None)
    isbn = _ISBN.search(text("isbn") or "")
    genres = [part for value in values("genre") for part in _GENRE_BREAK.split(value) if part]
    return BookFields(
        author=text("author"),
        genres=list(dict.fromkeys(genres)),
        country=text("country"),
        language=text("language"),
        publisher=text("publisher"),
        series=text("series"),
        year=year,
        isbn=re.sub(r"[- ]", "", isbn[0]).upper() if isbn else None,
    )


def _key(name: str) -> str:
    return name.replace("_", " ").strip().lower()
