"""The columns of a book, read off the fields of its infobox."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from embedding.middle_dot import BETWEEN_NAMES

# The first year: one of four digits, or of fewer that says whether it is before or after Christ. It may begin a range or be a decade: in
# "c. 750–700 BC", "between 1500 and c. 1200 BC" and "1700s BC" the mark stands further on.
_TO = r"(?:[-–—/]|(?:to|and|or|until|bis|und|oder|et|ou|à|al?|e|o|y|и|до)\s)"
_RANGE = rf"(?:\s?{_TO}\s?(?:(?:ca?\.|circa|about)\s?)?\d{{1,4}}(?!\d)(?:'?s)?)?"
_BEFORE = (
    r"(?i:B\.?\s?C(?:\.?\s?E)?\b|before\s(?:Christ|the\sCommon)|v(?:\.|or)\s?(?:Chr|u\.\s?Z|unserer)|av(?:\.|ant)\s?(?:J|notre|n\.\s?è)"
    r"|a(?:\.|ntes\sde|vanti)\s?C(?:r|\b)|a\.\s?e\.\s?c|a\.\s?n\.\s?e|до\s+[нР]|p\.\s?n\.\s?e)|aC\b"
)
_YEAR = re.compile(
    rf"(?<!\d)(?P<era>\d{{1,4}})(?!\d)(?:'?s)?{_RANGE}\s?(?:(?P<before>{_BEFORE})"
    r"|A\.?D\b|C\.?E\b|n\.\s?Chr|apr?\.\s?J|d\.\s?C\b)"
    r"|(?:[紀纪公西]元前|西[暦曆历]前|기원전)\s*(?P<bc>\d{1,4})(?!\d|\s*世)"
    r"|(?:(?<=[約约])|(?<!\w))前\s*(?P<qian>\d{1,4})(?:\s?[-–—－~〜～]\s?前?\d{1,4})?\s*年"  # not 戦前1940年
    r"|\bA\.?D\.?\s?(?P<ad>\d{1,4})(?!\d)"
    r"|(?<!\d)(?P<year>1\d{3}|20\d{2})(?!\d)"
)
_SEPARATOR = r"[-\s\u00ad\u2010-\u2015\u2212]?"
_ISBN = re.compile(rf"(?<!\d)(?:97[89]{_SEPARATOR})?(?:\d{_SEPARATOR}){{9}}[\dXx](?!\d)")
_GENRE_BREAK = re.compile(rf"\([^()]*\)|（[^（）]*）|(\s*[,;/•·|、，；،؛]\s*|\s+&\s+|{BETWEEN_NAMES})")  # none within brackets


@dataclass(frozen=True)
class BookFields:
    """What a book's infobox says, as plain text; None or empty where it says nothing.

    A year before Christ is negative: 44 BC is -44.
    """

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
    years = (_year(", ".join(fields.get(_key(name), ()))) for name in names.get("year", ()))
    genres: dict[str, str] = {}
    for genre in (part for value in values("genre") for part in _genres(value)):
        genres.setdefault(genre.casefold(), genre)
    return BookFields(
        author=text("author"),
        genres=list(genres.values()),
        country=text("country"),
        language=text("language"),
        publisher=text("publisher"),
        series=text("series"),
        year=next((year for year in years if year is not None), None),
        isbn=_isbn(text("isbn") or ""),
    )


def _key(name: str) -> str:
    return name.replace("_", " ").strip().lower()


def _year(date: str) -> int | None:
    match = _YEAR.search(_ascii_digits(date))
    if match is None:
        return None
    before = match["bc"] or match["qian"] or (match["before"] and match["era"])
    return -int(before) if before else int(match["year"] or match["ad"] or match["era"])


def _isbn(text: str) -> str | None:
    """The first ISBN whose check digit is right; if none is, the first one, as a book may have been printed with a wrong one."""
    found = [re.sub(r"[^\dX]", "", match[0].upper()) for match in _ISBN.finditer(_ascii_digits(text))]
    return next(filter(_is_checked, found), next(iter(found), None))


def _is_checked(isbn: str) -> bool:
    digits = [10 if digit == "X" else int(digit) for digit in isbn]
    if len(digits) == 13:
        return "X" not in isbn and sum(digit * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0
    return sum(digit * (10 - place) for place, digit in enumerate(digits)) % 11 == 0


def _genres(value: str) -> Iterator[str]:
    begin = 0
    for match in _GENRE_BREAK.finditer(value):
        if match[1] is not None:
            yield from filter(None, [value[begin : match.start()].strip()])
            begin = match.end()
    yield from filter(None, [value[begin:].strip()])


def _ascii_digits(text: str) -> str:
    """Digits of other scripts (１９５１, ۱۹۵۱) as 0 to 9."""
    return text if text.isascii() else "".join(str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in text)
