"""The sample: its facts are well-formed, and its dump is one."""

import bz2
from collections import Counter
from pathlib import Path

from lxml import etree

from embedding.sample.generator import FILE_NAME, read_facts, write_sample


def test_facts_are_whole() -> None:
    books = read_facts()
    assert len(books) > 400
    assert len({book.title for book in books}) == len(books)
    for book in books:
        assert book.genres, book.title
        assert len(book.links()) >= 6, book.title
        assert not book.year or book.year.isdigit(), book.title
        assert not set("[]{}|<>#\t") & set("".join([book.title, *book.links()])), book.title


def test_facts_reach_many_countries_languages_and_genres() -> None:
    books = read_facts()
    for column, least in (("country", 30), ("language", 20), ("genres", 40)):
        assert len(Counter(value for book in books for value in getattr(book, column))) >= least


def test_war_and_peace_is_not_told_its_neighbours() -> None:
    """Its likeness to Anna Karenina must lie in their links; neither may name the other."""
    by_title = {book.title: book for book in read_facts()}
    one, other = by_title["War and Peace"], by_title["Anna Karenina"]
    assert other.title not in one.links()
    assert one.title not in other.links()


def test_the_dump_is_multistream_and_well_formed(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    count = write_sample(file)
    packed = file.read_bytes()
    assert packed.count(b"BZh91AY&SY") > 10
    root = etree.fromstring(bz2.decompress(packed))
    space = {"m": "http://www.mediawiki.org/xml/export-0.11/"}
    pages = root.findall("m:page", space)
    texts = [page.findtext("m:revision/m:text", "", space) or "" for page in pages if page.findtext("m:ns", "", space) == "0"]
    assert sum("nfobox" in text for text in texts) == count == len(read_facts())
    redirects = [page.find("m:redirect", space) for page in pages]
    assert sum(element is not None for element in redirects) > 100
    titles = [page.findtext("m:title", "", space) for page in pages]
    assert len(set(titles)) == len(titles)
    assert len({page.findtext("m:id", "", space) for page in pages}) == len(pages)


def test_writing_it_again_gives_the_same_bytes(tmp_path: Path) -> None:
    write_sample(tmp_path / "a.bz2")
    write_sample(tmp_path / "b.bz2")
    assert (tmp_path / "a.bz2").read_bytes() == (tmp_path / "b.bz2").read_bytes()
