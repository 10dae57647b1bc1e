"""Neighbours among some of the books: who passes is settled first, then their vectors are searched, so that no list comes out short."""

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embedding import middle_dot
from embedding.atlas.places import countries, languages
from embedding.errors import NotFoundError, SettingsError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_YEARS = re.compile(r"(?:(\d+)( ?bc)?)?\s*[-–]\s*(?:(\d+)( ?bc)?)?", re.IGNORECASE)
_ACCENT = re.compile("[\u0300-\u036f]")
# The dot of Chinese transliterations (·) is always inside of a name.
_BETWEEN_NAMES = re.compile(rf"[,;/&、]| (?:and|with) |{middle_dot.BETWEEN_NAMES}")
_NO_NAMES = {"jr", "sr", "ii", "iii", "iv", "phd", "md", "esq", "ed", "eds"}  # what follows a name behind a comma


@dataclass(frozen=True)
class Filters:
    """Which neighbours are wanted. A book of which a field is not known does not pass a filter on it.

    Attributes:
        other_author: no author in common with the book that is asked for, each name of a list for itself (`authors`).
        same_language, same_country: one in common with it, all spellings and varieties of it alike (`atlas.places`).
        years: from and to, both included; None: open.
        genre: part of the name of one of the book's genres, case and accents forgiven.
    """

    other_author: bool = False
    same_language: bool = False
    same_country: bool = False
    years: tuple[int | None, int | None] | None = None
    genre: str | None = None

    def __bool__(self) -> bool:
        return self != Filters()


def authors(text: str) -> set[str]:
    """The single names of a field that may be a list of them, case, accents, width and spaces forgiven; "Jr." is none."""
    bare = unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFKD", text)))
    names = {name.strip() for name in _BETWEEN_NAMES.split(" ".join(bare.casefold().split()))}
    return {name for name in names if any(map(str.isalnum, name)) and name.replace(".", "") not in _NO_NAMES}


def years(text: str) -> tuple[int | None, int | None]:
    """FROM-TO as two years: "1950-1959", "1950-", "-1950", "50BC-100"; years before Christ are negative.

    Raises:
        SettingsError: it is no such range.
    """
    match = _YEARS.fullmatch(text.strip())
    first, last = (_year(*match.group(1, 2)), _year(*match.group(3, 4))) if match else (None, None)
    if (first is None and last is None) or (first is not None and last is not None and first > last):
        raise SettingsError(f"--years {text}: is not allowed: FROM-TO, FROM- or -TO, for example 1950-1959 or 50BC-100, the earlier first")
    return first, last


def _year(number: str | None, before_christ: str | None) -> int | None:
    return None if number is None else int(number) * (-1 if before_christ else 1)


@dataclass(frozen=True)
class Filtered:
    """What was found: rank, title, similarity and shared links of each, and what was left out unseen, in words."""

    rows: list[tuple[int, str, float, list[str]]]
    unknown: list[str]


def filtered(connection: "DuckDBPyConnection", wiki: str, title: str, filters: Filters, k: int, shared: int = 5) -> Filtered:
    """The k books that pass and are nearest to a book of the newest published snapshot, by exact search over the vectors.

    Args:
        connection: as `sql.open_duckdb` opens it.
        wiki: of the book.
        title: of the book, as it stands.
        filters: who passes.
        k: at most so many; fewer only when fewer pass.
        shared: at most so many common links are named, rarest first.

    Raises:
        NotFoundError: the book itself lacks what a filter compares with.
    """
    asked = connection.execute(
        "SELECT page_id, author, language, country FROM books_latest WHERE wiki = ? AND title = ?", [wiki, title]
    ).fetchone()
    if asked is None:
        raise NotFoundError(f"table books of {wiki} does not hold {title!r}; run extract_books again")
    values: dict[str, Any] = {"wiki": wiki, "page": asked[0]}
    tests: dict[str, tuple[str, str]] = {}  # name: what must be known, what must hold
    for wanted, name, value, keys in (
        (filters.other_author, "author", asked[1], authors),
        (filters.same_language, "language", asked[2], languages),
        (filters.same_country, "country", asked[3], countries),
    ):
        if not wanted:
            continue
        if value is None or not keys(value):
            raise NotFoundError(f"{title}: its {name} is not known, so there is nothing to compare with; ask without that filter")
        there = connection.execute(f"SELECT DISTINCT {name} FROM books_latest WHERE wiki = ? AND {name} IS NOT NULL", [wiki]).fetchall()
        named = {text: keys(text) for (text,) in there}
        values[name] = [text for text, names in named.items() if names & named[value]]
        values[f"no_{name}"] = [text for text, names in named.items() if not names]
        alike = f"list_contains(${name}, {name})"
        known = f"{name} IS NOT NULL AND NOT list_contains($no_{name}, {name})"
        tests[name] = (known, f"NOT {alike}" if keys is authors else alike)
    if filters.years:
        first, last = filters.years
        values |= {"first": -(1 << 31) if first is None else first, "last": (1 << 31) - 1 if last is None else last}
        tests["year"] = ("year IS NOT NULL", "year BETWEEN $first AND $last")
    if filters.genre is not None:
        values["genre"] = filters.genre
        folded = "strip_accents(lower({}))"
        held = f"contains({folded.format('one')}, {folded.format('$genre')})"
        tests["genre"] = ("len(genres) > 0", f"len(list_filter(genres, lambda one: {held})) > 0")
    with_vectors = "page_id IN (SELECT page_id FROM book_vectors_latest WHERE wiki = $wiki)"
    others = f"books_latest WHERE wiki = $wiki AND page_id <> $page AND {with_vectors}"
    passing = " AND ".join(f"({known}) AND ({holds})" for known, holds in tests.values()) or "true"
    vector = "SELECT vector FROM book_vectors_latest WHERE wiki = $wiki AND page_id = $page"
    cosine = "list_dot_product(vector::DOUBLE[], (" + vector + ")::DOUBLE[])"
    near = connection.execute(
        f"SELECT row_number() OVER (ORDER BY similarity DESC, page_id), title, similarity, page_id FROM ("
        f"SELECT page_id, title, greatest(-1, least(1, {cosine}))::FLOAT AS similarity FROM book_vectors_latest "
        f"WHERE wiki = $wiki AND page_id IN (SELECT page_id FROM {others} AND {passing})) ORDER BY 1 LIMIT {int(k)}",
        values,
    ).fetchall()
    links = _shared(connection, wiki, asked[0], [row[3] for row in near], shared)
    found = [(rank, name, similarity, links.get(page, [])) for rank, name, similarity, page in near]
    return Filtered(found, _unknown(connection, others, tests, values))


def _unknown(connection: "DuckDBPyConnection", others: str, tests: dict[str, tuple[str, str]], values: dict[str, Any]) -> list[str]:
    """How many books did not pass because a field of theirs is not known."""
    told = []
    for name, (known, _) in tests.items():
        given = {key: values[key] for key in re.findall(r"\$(\w+)", f"{others} {known}")}
        (count,) = connection.execute(f"SELECT count(*) FROM {others} AND NOT coalesce({known}, false)", given).fetchone() or (0,)
        if count:
            told.append(f"{count:,} whose {name} is not known")
    return told


def _shared(connection: "DuckDBPyConnection", wiki: str, page: int, near: list[int], most: int) -> dict[int, list[str]]:
    """page_id of a near book: titles of the links that it has in common with the book, rarest first, then by title."""
    rows = connection.execute(
        "WITH p AS (SELECT b.page_id, q.link_id FROM pairs_latest q JOIN paired_books_latest b USING (wiki, book_id) WHERE wiki = $wiki), "
        "mine AS (SELECT link_id FROM p WHERE page_id = $page) "
        "SELECT p.page_id, list(l.title ORDER BY l.books, l.title)[:$most] FROM p JOIN mine USING (link_id) "
        "JOIN links_latest l ON l.wiki = $wiki AND l.link_id = p.link_id WHERE list_contains($near, p.page_id) GROUP BY p.page_id",
        {"wiki": wiki, "page": page, "near": near, "most": most},
    ).fetchall()
    return dict(rows)
