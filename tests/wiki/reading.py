"""What the tests of dump files share: a small dump in every packing, and a file read range by range."""

import bz2
import gzip
from collections.abc import Sequence
from pathlib import Path

from embedding.errors import DumpError
from embedding.wiki.dump import decode, kind_of, plan_ranges
from embedding.wiki.pages import split_pages
from tests.conftest import FOOTER, HEADER, page

PAGES = [
    page("Dune (novel)", 1, "{{Infobox book|name=Dune}} by [[Frank Herbert]]"),
    page("Tags", 2, "not tags: <page> </page> </mediawiki> & BZh91AY&SY"),
    page("Empty", 3),
    page("Dune (book)", 4, "#REDIRECT [[Dune (novel)]]", redirect="Dune (novel)"),
    page("Лолита", 5, "Роман 小説 \N{PILE OF POO} " * 8),
    page("Category:Novels", 6, namespace=14),
    page("Long", 7, "".join(chr(33 + i * i % 89) for i in range(400))),
    page("Last", 8, "the end"),
]
WHOLE = (HEADER + "".join(PAGES) + FOOTER).encode()
EXPECTED = [xml.strip().encode() for xml in PAGES]


def blocks(data: bytes, size: int) -> bytes:
    """bz2 streams of `size` bytes each, wherever that cuts the pages: what pbzip2 makes of a file."""
    return b"".join(bz2.compress(data[at : at + size]) for at in range(0, len(data), size))


def gzip_members(data: bytes, count: int) -> bytes:
    """A gz file of several members, one behind the other."""
    size = -(-len(data) // count)
    return b"".join(gzip.compress(data[at : at + size], mtime=0) for at in range(0, len(data), size))


def read_ranges(path: Path, range_bytes: int) -> list[list[bytes]]:
    """The pages of every range of a file, as tasks of a cluster would read them: each on its own."""
    kind = kind_of(str(path))
    spans = plan_ranges(str(path), kind, path.stat().st_size, range_bytes)
    return [list(split_pages(decode(span), span.path)) for span in spans]


def read_pages(path: Path, range_bytes: int = 1 << 30) -> list[bytes]:
    """The pages of a file, range after range."""
    return [raw for pages in read_ranges(path, range_bytes) for raw in pages]


def outcome(path: Path, range_bytes: int) -> tuple[Sequence[bytes], str | None]:
    """The pages of a file and None, or what was read before an error, and its message."""
    try:
        return read_pages(path, range_bytes), None
    except DumpError as error:
        return (), str(error)
