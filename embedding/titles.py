"""Titles of links as a person gives them -> links of a snapshot's vocabulary."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embedding.manifest import Snapshot
from embedding.query import folded

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from embedding.wiki.site import Site

NEAR = 3  # titles named where one is not found


@dataclass(frozen=True)
class Found:
    """What became of given titles.

    Attributes:
        links: link_id: title, each once, in the order given.
        unknown: given title: titles near to it, or why it can be none.
    """

    links: dict[int, str]
    unknown: dict[str, str]


def find_links(connection: "DuckDBPyConnection", snapshot: Snapshot, site: "Site", titles: Sequence[str], max_redirects: int) -> Found:
    """Find each title in the table `links`: as MediaWiki reads it, else where its redirect leads, else with case and accents forgiven.

    Args:
        connection: as `sql.open_duckdb` opens it.
        snapshot: whose links.
        site: the wiki's rules for titles.
        titles: may be written as wikilinks, [[Dune (novel)|Dune]].
        max_redirects: followed one after the other.
    """
    places: dict[str, tuple[int, str]] = {}
    unknown: dict[str, str] = {}
    wanted: dict[str, str] = {}
    for given in titles:
        parsed = site.parse(_target(given))
        if isinstance(parsed, str):
            unknown[given] = f"no title: {parsed}"
        else:
            wanted[given] = parsed.text
    here = f"FROM links WHERE wiki = '{snapshot.wiki}' AND snapshot = '{snapshot.date}'"
    for hop in range(max_redirects + 1):
        rows = connection.execute(f"SELECT title, link_id {here} AND title IN (SELECT unnest($titles))", {"titles": [*wanted.values()]})
        known = dict(rows.fetchall())
        places |= {given: (known[title], title) for given, title in wanted.items() if title in known}
        wanted = {given: title for given, title in wanted.items() if title not in known}
        moved = _redirects(connection, snapshot, list(wanted.values())) if hop < max_redirects else {}
        if not moved:
            break
        wanted = {given: moved.get(title, title) for given, title in wanted.items()}
    for given, title in wanted.items():
        like = f"{folded('title')} = {folded('$title')}"
        alike = connection.execute(f"SELECT link_id, title {here} AND {like} ORDER BY title LIMIT {NEAR}", {"title": title}).fetchall()
        if len(alike) == 1:
            places[given] = alike[0]
        else:
            unknown[given] = f"near are {'; '.join(row[1] for row in alike) or _near(connection, here, title)}"
    return Found({places[given][0]: places[given][1] for given in titles if given in places}, unknown)


def _target(given: str) -> str:
    text = given.strip()
    return text[2:-2].partition("|")[0] if text.startswith("[[") and text.endswith("]]") else text


def _redirects(connection: "DuckDBPyConnection", snapshot: Snapshot, titles: Sequence[str]) -> dict[str, str]:
    """Where those of the titles lead that are redirects."""
    if not titles or not connection.execute("SELECT 1 FROM duckdb_views() WHERE view_name = 'pages'").fetchall():
        return {}
    rows = connection.execute(
        f"SELECT title, min(redirect_target) FROM pages WHERE wiki = '{snapshot.wiki}' AND snapshot = '{snapshot.date}' "
        "AND redirect_target IS NOT NULL AND title IN (SELECT unnest($titles)) GROUP BY title",
        {"titles": list(titles)},
    )
    return dict(rows.fetchall())


def _near(connection: "DuckDBPyConnection", here: str, title: str) -> str:
    rows = connection.execute(
        f"SELECT title {here} ORDER BY contains({folded('title')}, {folded('$title')}) DESC, "
        f"jaro_winkler_similarity({folded('title')}, {folded('$title')}) DESC, title LIMIT {NEAR}",
        {"title": title},
    )
    return "; ".join(row[0] for row in rows.fetchall())
