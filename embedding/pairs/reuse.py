"""Books of the snapshot before whose pages have not changed: they are taken over, and not parsed again."""

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from importlib import resources
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from embedding.settings import BooksSettings
from embedding.tables import TABLES
from embedding.wiki.site import Site

_KEY = ["page_id", "revision_id", "title"]  # what tells one text of a page from any other


def parsing_mark(settings: BooksSettings, infoboxes: Sequence[str], site: Site) -> str:
    """One word for all that a book depends on besides the text of its page; books with another one are not taken over.

    Args:
        settings: the section `books`.
        infoboxes: names of the wanted infoboxes, those by which redirects lead to them among them.
        site: the wiki's namespaces and rules.
    """
    facts: dict[str, Any] = {
        "settings": settings.model_dump(exclude={"reuse"}),
        "infoboxes": sorted(infoboxes),
        "site": site.to_dict(),
        "parser": _sources(),
        "unicode": unicodedata.unidata_version,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def divide(pages: DataFrame, books: DataFrame | None) -> tuple[DataFrame, DataFrame | None]:
    """The pages that must be parsed, and the books of the others.

    Args:
        pages: page_id, title, revision_id and wikitext of pages that hold a book infobox.
        books: the table `books` of the snapshot before; None: nothing can be taken over.

    Returns:
        Rows of `pages`, and rows of `books`. A page that stands in `pages` twice stands in one of them twice.
    """
    if books is None:
        return pages, None
    known = books.select(*_KEY)
    taken = books.join(pages.select(*_KEY), _KEY, "inner").select(*TABLES["books"].columns.names)
    return pages.join(known, _KEY, "left_anti"), taken


def with_marks(parsed: DataFrame, taken: DataFrame | None) -> DataFrame:
    """Parsed pages and books that were taken over in one: the columns of `books`, `dropped`, and `taken_over` (0 or 1)."""
    marked = parsed.withColumn("taken_over", F.lit(0))
    if taken is None:
        return marked
    return marked.unionByName(taken.withColumns({"dropped": F.lit(None).cast("string"), "taken_over": F.lit(1)}))


def _sources() -> str:
    """Digest of the parser's source: a changed parser parses everything again."""
    digest = hashlib.sha256()
    for package, names in (("embedding.wiki", None), ("embedding.pairs", {"books.py"}), ("embedding", {"middle_dot.py"})):
        for file in sorted(resources.files(package).iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py") and (names is None or file.name in names):
                digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()
