"""What a wiki says of itself in the header of its dump, and titles read by its rules.

Source: MediaWiki's includes/title/MediaWikiTitleCodec.php and includes/parser/Parser.php (handleInternalLinks2).
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from embedding.errors import DumpError
from embedding.wiki.characters import decode_references
from embedding.wiki.interwiki import PREFIXES, own_prefixes

MEDIA, ARTICLE, FILE, TEMPLATE, CATEGORY = -2, 0, 6, 10, 14
MAX_TITLE_BYTES = 255
# English names hold on every wiki, whatever its language; Image is an alias of File everywhere.
_CANONICAL = {
    "media": -2, "special": -1, "talk": 1, "user": 2, "user talk": 3, "project": 4, "project talk": 5, "file": 6, "file talk": 7,
    "image": 6, "image talk": 7, "mediawiki": 8, "mediawiki talk": 9, "template": 10, "template talk": 11, "help": 12, "help talk": 13,
    "category": 14, "category talk": 15,
}  # fmt: skip
_SPACES = re.compile("[ _\u00a0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_DOTTED = {"tr", "az", "kaa", "gag"}  # languages that have two letters i, one of them without its dot
_BIDI = re.compile("[\u200e\u200f\u202a-\u202e]+")
# Small letters that stay small at a title's start: Georgian, which has capitals for headlines alone, numerals and letters in circles.
# Source: wmf-config/Php72ToUpper.php of operations/mediawiki-config, by which Wikimedia's wikis override PHP's table.
_STAYS_SMALL = re.compile("[\u0345\u10d0-\u10ff\u2170-\u217f\u24d0-\u24e9\ua7b9\U00016e60-\U00016e7f]")
# What no title may hold: brackets and the like, control characters, percent escapes and entities that survived decoding.
_ILLEGAL = re.compile(
    r"[\x00-\x1f\x7f<>\[\]{}|\ufffd]|%[0-9A-Fa-f]{2}|&[A-Za-z0-9\x80-\uffff]+;|&#[0-9]+;|&#x[0-9A-Fa-f]+;|^\.\.?$|^\.\.?/|/\.\.?/|/\.\.?$|~~~"
)


@dataclass(frozen=True)
class Title:
    """A title by MediaWiki's rules: `text` is the whole title with the wiki's own name of the namespace, without fragment."""

    namespace: int
    text: str


@dataclass(frozen=True)
class Site:
    """Database name, namespaces and case rule of a wiki.

    Attributes:
        dbname: enwiki, dewiki, ...; empty when the dump (before export-0.9) does not say.
        names: number of a namespace: its local name.
        numbers: name of a namespace, in lower case and with spaces: its number; local names, aliases and English names.
        case_sensitive: namespaces whose titles keep a small first letter.
        own_prefixes: interwiki prefixes that lead to this wiki itself, so that [[en:Dune]] on enwiki is [[:Dune]].
        dotted_capital: the capital of i is İ.
    """

    dbname: str
    names: Mapping[int, str]
    numbers: Mapping[str, int] = field(repr=False)
    case_sensitive: frozenset[int] = frozenset()
    own_prefixes: frozenset[str] = frozenset()
    dotted_capital: bool = False

    @classmethod
    def from_header(cls, header: bytes, path: str, aliases: Mapping[int, Iterable[str]] | None = None) -> "Site":
        """Read the `<siteinfo>` of a dump's header.

        Raises:
            DumpError: there is none, or it is not well-formed.
        """
        begin, end = header.find(b"<siteinfo>"), header.find(b"</siteinfo>")
        try:
            root = ElementTree.fromstring(header[begin : end + len(b"</siteinfo>")]) if 0 <= begin < end else None
        except ElementTree.ParseError as error:
            raise DumpError(f"{path}: its <siteinfo> is damaged ({error}); download the file again") from None
        if root is None or root.find("namespaces") is None:
            raise DumpError(
                f"{path}: has no <siteinfo> with the wiki's namespaces; give a pages-articles dump, not an extract without header"
            )
        names, sensitive = {}, set()
        for element in root.iterfind("namespaces/namespace"):
            try:
                number = int(element.get("key", "0"))
            except ValueError:
                raise DumpError(f"{path}: its <siteinfo> is damaged (namespace {element.get('key')!r}); download the file again") from None
            names[number] = element.text or ""
            if element.get("case", root.findtext("case", "first-letter")) == "case-sensitive":
                sensitive.add(number)
        return cls._of(root.findtext("dbname", ""), names, sensitive, aliases or {})

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any], aliases: Mapping[int, Iterable[str]] | None = None) -> "Site":
        """The site that `to_dict` described."""
        names = {int(number): name for number, name in facts["namespaces"].items()}
        return cls._of(facts["dbname"], names, facts["case_sensitive"], aliases or {})

    @classmethod
    def _of(cls, dbname: str, names: Mapping[int, str], sensitive: Iterable[int], aliases: Mapping[int, Iterable[str]]) -> "Site":
        numbers = dict(_CANONICAL)
        numbers.update({alias.lower().replace("_", " "): number for number, many in aliases.items() for alias in many})
        numbers.update({name.lower().replace("_", " "): number for number, name in names.items() if name})
        own = own_prefixes(dbname)
        return cls(dbname, dict(names), numbers, frozenset(sensitive), own, not own.isdisjoint(_DOTTED))

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"dbname": self.dbname, "namespaces": dict(self.names), "case_sensitive": sorted(self.case_sensitive)}

    def template_prefixes(self) -> list[str]:
        """Names under which the template namespace is known."""
        return sorted(name for name, number in self.numbers.items() if number == TEMPLATE)

    def parse(self, link: str) -> Title | str:
        """Read a title as a link or a redirect gives it.

        Returns:
            The title, or why there is none to be linked to: "empty" (a link to a section of its own page among them),
            "interwiki" or "invalid".
        """
        return self._parse(unquote(link) if "%" in link else link, ARTICLE)

    def template(self, name: str) -> str | None:
        """The template that {{name}} calls, without its namespace; None when that calls an article, a function or nothing."""
        title = self._parse(name.strip(), TEMPLATE)
        if isinstance(title, str) or title.namespace != TEMPLATE:
            return None
        return title.text.removeprefix(f"{self.names.get(TEMPLATE, '')}:")

    def is_escaped(self, link: str) -> bool:
        """Does a link only lead to its page: not show it, if that is a file, nor sort this page into it, if it is a category?"""
        start = unquote(link).lstrip(" ")
        return start.startswith(":") or start.partition(":")[0].strip(" _").lower() in self.own_prefixes

    def _parse(self, text: str, namespace: int) -> Title | str:
        """Read a title; `namespace` is that of a title without prefix."""
        text = unicodedata.normalize("NFC", _BIDI.sub("", decode_references(text)))
        name = _SPACES.sub(" ", text).strip(" ")
        if name.startswith(":"):
            namespace, name = ARTICLE, name[1:].lstrip(" ")
        while True:
            prefix, colon, rest = name.partition(":")
            key = prefix.rstrip(" ").lower()
            if not colon or not prefix:
                break
            number = self.numbers.get(key)
            if number is not None:
                namespace, name = number, rest.strip(" ")
                break
            if key not in self.own_prefixes:
                if key in PREFIXES:
                    return "interwiki"
                break
            name = rest.lstrip(" ")
        name = name.partition("#")[0].rstrip(" ")
        if not name:
            return "empty"
        if _ILLEGAL.search(name) or name.startswith(":") or len(name.encode("utf-8", "replace")) > MAX_TITLE_BYTES:
            return "invalid"
        if namespace not in self.case_sensitive:
            first = "İ" if self.dotted_capital and name[0] == "i" else _capital(name[0])
            name = unicodedata.normalize("NFC", first + name[1:])
        local = self.names.get(namespace) or ""
        return Title(namespace, f"{local}:{name}" if local else name)


def _capital(letter: str) -> str:
    """The letter as a title begins with it. What has no capital of one letter (ß) stays; ᾳ becomes ᾼ."""
    if _STAYS_SMALL.match(letter):
        return letter
    return next((form for form in (letter.upper(), letter.title()) if len(form) == 1), letter)
