"""The sample dump: facts on well-known books (books.tsv), written as a multistream dump like Wikipedia's own.

The table of facts was written for this project from general knowledge. The generator adds nothing to it but form: every book becomes
an article with an infobox and links to what its row names; authors, places and themes become articles that are no books; other
spellings become redirects, through which some of the links go.
"""

import bz2
import csv
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from xml.sax.saxutils import escape

WIKI, DATE = "samplewiki", "20260101"
FILE_NAME = f"{WIKI}-{DATE}-pages-articles-multistream.xml.bz2"
PAGES_PER_STREAM = 100
_NAMESPACES = {
    -2: "Media",
    -1: "Special",
    0: "",
    1: "Talk",
    2: "User",
    4: "Wikipedia",
    6: "File",
    10: "Template",
    12: "Help",
    14: "Category",
}
_QUOTE = {'"': "&quot;"}
_COLUMNS = ("title", "author", "year", "country", "language", "genres", "series", "themes", "people", "places", "related")


@dataclass(frozen=True)
class Facts:
    """What the table says of a book."""

    title: str
    year: str
    author: tuple[str, ...]
    country: tuple[str, ...]
    language: tuple[str, ...]
    genres: tuple[str, ...]
    series: tuple[str, ...]
    themes: tuple[str, ...]
    people: tuple[str, ...]
    places: tuple[str, ...]
    related: tuple[str, ...]

    def links(self) -> list[str]:
        """Every page that the book's article links to, categories aside."""
        languages = [language_page(name) for name in self.language]
        groups = (self.author, self.country, languages, self.genres, self.series, self.themes, self.people, self.places, self.related)
        return list(dict.fromkeys(name for group in groups for name in group if name != self.title))

    def categories(self) -> list[str]:
        """The categories of the book's article."""
        names = [f"Books by {name}" for name in self.author] + [f"{name} in literature" for name in self.country]
        if self.year:
            names += [f"{self.year} books", f"{_ordinal((int(self.year) - 1) // 100 + 1)}-century books"]
        return [f"Category:{name}" for name in names]


def _ordinal(number: int) -> str:
    suffix = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def language_page(language: str) -> str:
    """The article on a language: Russian language, but Ancient Greek."""
    return language if " " in language or language in ("Latin", "Sanskrit") else f"{language} language"


def read_facts() -> list[Facts]:
    """The rows of books.tsv."""
    text = resources.files("embedding.sample").joinpath("books.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return [Facts(**{column: row[column] if column in ("title", "year") else _values(row[column]) for column in _COLUMNS}) for row in rows]  # type: ignore[arg-type]


def _values(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("; ") if part)


def write_sample(file: Path) -> int:
    """Write the sample dump; a reader sees it whole or not at all. Returns the number of books in it.

    A file that is the same already stays as it is, with its time of change, by which a later run knows that nothing is new.
    """
    books = read_facts()
    pages = list(_pages(books))
    streams = ["".join(pages[start : start + PAGES_PER_STREAM]) for start in range(0, len(pages), PAGES_PER_STREAM)]
    content = b"".join(bz2.compress(stream.encode()) for stream in (_header(), *streams, "</mediawiki>\n"))
    if file.is_file() and file.read_bytes() == content:
        return len(books)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(file.name + ".partial")
    try:
        partial.write_bytes(content)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return len(books)


def _header() -> str:
    names = "\n".join(
        f'      <namespace key="{key}" case="first-letter">{name}</namespace>'
        if name
        else f'      <namespace key="{key}" case="first-letter" />'
        for key, name in _NAMESPACES.items()
    )
    return f"""<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
  <siteinfo>
    <sitename>Sample of well-known books</sitename>
    <dbname>{WIKI}</dbname>
    <generator>bookspace sample</generator>
    <case>first-letter</case>
    <namespaces>
{names}
    </namespaces>
  </siteinfo>
"""


def _pages(books: Sequence[Facts]) -> Iterator[str]:
    """All pages as XML: books, what they link to, redirects, and pages of other namespaces, in an order that mixes them."""
    titles = {book.title for book in books}
    linked: dict[str, list[str]] = defaultdict(list)
    for book in books:
        for name in book.links():
            linked[name].append(book.title)
    articles = {name: sources for name, sources in linked.items() if name not in titles and len(sources) > 1}
    redirects = {other: name for name in (*titles, *articles) if (other := _other_spelling(name)) and other not in titles | articles.keys()}
    through = {name: other for other, name in redirects.items()}

    entries: list[tuple[str, int, str, str | None]] = [(book.title, 0, _book_text(book, through), None) for book in books]
    entries += [(name, 0, _article_text(name, sources), None) for name, sources in articles.items()]
    entries += [(other, 0, f"#REDIRECT [[{name}]]", name) for other, name in redirects.items()]
    entries += [("Template:Infobox novel", 10, "#REDIRECT [[Template:Infobox book]]", "Template:Infobox book")]
    entries += [("Template:Infobox book", 10, "<includeonly>{{{name}}}</includeonly>", None)]
    entries += [(name, 14, "Books.", None) for name in sorted({name for book in books for name in book.categories()})]
    entries += [(f"Talk:{book.title}", 1, f"Is {{{{Infobox book}}}} of [[{book.title}]] complete?", None) for book in books[::20]]
    entries.sort(key=lambda entry: zlib.crc32(entry[0].encode()))
    for number, (title, namespace, text, redirect) in enumerate(entries):
        yield _page(title, namespace, 3 * number + 11, text, redirect)


def _other_spelling(name: str) -> str | None:
    """The title without accents, or without its leading article; None when it has neither."""
    plain = "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
    if plain != name:
        return plain
    return name.removeprefix("The ")[:1].upper() + name.removeprefix("The ")[1:] if name.startswith("The ") else None


def _link(name: str, book: str, through: dict[str, str]) -> str:
    """A wikilink in one of the forms that Wikipedia has; every other book goes through a redirect where there is one."""
    form = zlib.crc32(f"{book}|{name}".encode()) % 6
    target = through[name] if name in through and form % 2 else name
    shown = name.split(" (")[0]
    if form == 0:
        return f"[[{target[0].lower() + target[1:]}|{shown}]]"
    if form == 1:
        return f"[[{target.replace(' ', '_')}|{shown}]]"
    if form == 2:
        return f"[[{target}#History|{shown}]]"
    return f"[[{target}]]" if shown == target else f"[[{target}|{shown}]]"


def _book_text(book: Facts, through: dict[str, str]) -> str:
    def listed(names: Sequence[str]) -> str:
        return ", ".join(_link(name, book.title, through) for name in names if name != book.title)

    name = book.title.split(" (")[0]
    languages = [language_page(language) for language in book.language]
    genres = " {{hlist|" + "|".join(f"[[{genre}]]" for genre in book.genres) + "}}" if len(book.genres) > 1 else f" {listed(book.genres)}"
    fields = [
        f"| name = {name}",
        f"| author = {listed(book.author)}",
        f"| country = {listed(book.country)}",
        "| language = " + ", ".join(f"[[{page}|{shown}]]" for page, shown in zip(languages, book.language, strict=True)),
        f"| genre ={genres}",
        f"| series = {listed(book.series)}",
        f"| release_date = {book.year}",
    ]
    by = f" by {listed(book.author)}" if book.author else ""
    first = f", first published in {book.year}" if book.year else ""
    sentences = [
        f"'''''{name}''''' is a work{by}{first}.",
        f"It belongs to {listed(book.series)}." if book.series else "",
        f"Its subjects are {listed(book.themes)}." if book.themes else "",
        f"It is set in, or about, {listed(book.places)}." if book.places else "",
        f"People and figures tied to it: {listed(book.people)}." if book.people else "",
        f"== Other works ==\nSee {listed(book.related)}." if book.related else "",
    ]
    categories = [f"[[{name}]]" for name in book.categories()]
    call = ("Infobox book", "infobox book", "Infobox novel", "Infobox_book <!-- one a page -->")[zlib.crc32(book.title.encode()) % 4]
    return "{{" + call + "\n" + "\n".join(fields) + "\n}}\n" + "\n\n".join(filter(None, sentences)) + "\n\n" + "\n".join(categories)


def _article_text(name: str, books: Sequence[str]) -> str:
    return f"'''{name.split(' (')[0]}''' is a page to which these books link: " + ", ".join(f"[[{title}]]" for title in books) + "."


def _page(title: str, namespace: int, page_id: int, text: str, redirect: str | None) -> str:
    body = escape(text, _QUOTE)
    move = f'    <redirect title="{escape(redirect, _QUOTE)}" />\n' if redirect else ""
    return f"""  <page>
    <title>{escape(title)}</title>
    <ns>{namespace}</ns>
    <id>{page_id}</id>
{move}    <revision>
      <id>{page_id * 10 + 1}</id>
      <timestamp>2025-12-{1 + page_id % 28:02}T12:00:00Z</timestamp>
      <contributor>
        <username>bookspace</username>
        <id>1</id>
      </contributor>
      <origin>{page_id * 10 + 1}</origin>
      <model>wikitext</model>
      <format>text/x-wiki</format>
      <text bytes="{len(text.encode())}" sha1="" xml:space="preserve">{body}</text>
      <sha1></sha1>
    </revision>
  </page>
"""
