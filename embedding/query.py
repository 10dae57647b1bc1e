"""Asking for neighbours by title: forgiving of case and accents, with suggestions when there is none."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from embedding.errors import NotFoundError
from embedding.filters import Filters, filtered

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Kind = Literal["book", "link"]
_VIEWS = {"book": "neighbours_latest", "link": "link_neighbours_latest"}


@dataclass(frozen=True)
class Neighbour:
    """A neighbour, its cosine and what it has in common with what was asked for."""

    rank: int
    title: str
    similarity: float
    shared_links: list[str]


@dataclass(frozen=True)
class Answer:
    """The title that was found, of which wiki and snapshot, its neighbours, and what filters could not judge, in words."""

    title: str
    wiki: str
    snapshot: str
    neighbours: list[Neighbour]
    unknown: list[str] = field(default_factory=list)


def folded(expression: str) -> str:
    """An SQL expression of text with case, accents and the kinds of apostrophes and spaces forgiven."""
    return f"replace(replace(strip_accents(lower({expression})), '’', ''''), '_', ' ')"


def similar(
    connection: "DuckDBPyConnection",
    title: str,
    kind: Kind = "book",
    wiki: str | None = None,
    k: int | None = None,
    filters: Filters | None = None,
) -> Answer:
    """The neighbours of a book or of a link.

    A title is found as it stands, else with case and accents forgiven, else without what Wikipedia puts in brackets behind it.

    Args:
        connection: as `sql.open_duckdb` opens it.
        title: of a book, or of a page that books link to.
        kind: which of them.
        wiki: where to look; None: everywhere.
        k: at most so many; None: all that the table has.
        filters: which books are wanted as neighbours of a book; with any, all vectors are searched anew for k that pass.

    Raises:
        NotFoundError: no title is like it (near ones are named), or several are.
    """
    found = _find(connection, title, kind, wiki)
    if filters:
        deepest = f"SELECT max(rank) FROM {_VIEWS[kind]} WHERE wiki = ? AND title = ?"
        (most,) = connection.execute(deepest, [found[0], found[2]]).fetchone() or (0,)
        near = filtered(connection, found[0], found[2], filters, k or most)
        return Answer(found[2], found[0], found[1], [Neighbour(*row) for row in near.rows], near.unknown)
    columns = "rank, neighbour_title, similarity, shared_links"
    rows = connection.execute(
        f"SELECT {columns} FROM {_VIEWS[kind]} WHERE wiki = ? AND title = ? AND rank <= ? ORDER BY rank", [found[0], found[2], k or 1 << 30]
    ).fetchall()
    return Answer(found[2], found[0], found[1], [Neighbour(*row) for row in rows])


def _find(connection: "DuckDBPyConnection", title: str, kind: Kind, wiki: str | None) -> tuple[str, str, str]:
    """wiki, snapshot and title of the one that is meant."""
    nothing = NotFoundError(f"no published snapshot{f' of {wiki}' if wiki else ''} holds any {kind}; make one with `bookspace run`")
    if not connection.execute("SELECT 1 FROM duckdb_views() WHERE view_name = ?", [_VIEWS[kind]]).fetchall():
        raise nothing
    titles = f"SELECT DISTINCT wiki, snapshot, title FROM {_VIEWS[kind]} WHERE rank = 1" + (" AND wiki = $wiki" if wiki else "")
    values = {"wiki": wiki} if wiki else {}
    named = folded("$title")
    unbracketed = r"regexp_replace(title, ' \([^()]*\)$', '')"
    for test in ("title = $title", f"{folded('title')} = {named}", f"{folded(unbracketed)} = {named}"):
        rows = connection.execute(f"SELECT * FROM ({titles}) WHERE {test} ORDER BY wiki, title", values | {"title": title}).fetchall()
        if len(rows) == 1:
            return rows[0]
        if rows:
            several = "; ".join(f"{row[2]} ({row[0]})" for row in rows[:8])
            raise NotFoundError(f"several {kind}s are called {title!r}: {several}; give the whole title, or --wiki")
    if not connection.execute(f"SELECT 1 FROM ({titles}) LIMIT 1", values).fetchall():
        raise nothing
    if kind == "book" and (alone := _without_neighbours(connection, title, wiki)):
        raise NotFoundError(f"{alone} has no neighbours: no link of it is one that enough books have (pairs.min_books)")
    near = connection.execute(
        f"SELECT title FROM ({titles}) GROUP BY title ORDER BY contains({folded('title')}, {named}) DESC, "
        f"jaro_winkler_similarity({folded('title')}, {named}) DESC, title LIMIT 5",
        values | {"title": title},
    ).fetchall()
    raise NotFoundError(f"no {kind} is called {title!r}; near are: {'; '.join(row[0] for row in near)}")


def _without_neighbours(connection: "DuckDBPyConnection", title: str, wiki: str | None) -> str | None:
    """The title of a book that is there but shares no link with others."""
    if not connection.execute("SELECT 1 FROM duckdb_views() WHERE view_name = 'books_latest'").fetchall():
        return None
    called = f"{folded('title')} = {folded('$title')}"
    found = connection.execute(
        f"SELECT title FROM books_latest WHERE {called} AND wiki = coalesce($wiki, wiki) ORDER BY title LIMIT 1",
        {"title": title, "wiki": wiki},
    ).fetchone()
    return str(found[0]) if found else None
