"""What the site says of its dumps, read into a plan."""

import json
from collections.abc import Sequence

import pytest

from embedding.download.site import DumpFile, IncompleteDumpError, dates_of, is_day, plan_files, read_sums, with_sums
from tests.download.server import listing

SHA1 = "0123456789abcdef0123456789abcdef01234567"
FOLDER = "https://mirror.example/wikimedia/dumps/xwiki/20260101"


def _status(**jobs: tuple[str, Sequence[str]]) -> str:
    files = {
        job: {f"xwiki-20260101-{name}": {"size": 7, "url": f"/xwiki/20260101/xwiki-20260101-{name}", "sha1": SHA1} for name in names}
        for job, (_, names) in jobs.items()
    }
    return json.dumps({"jobs": {job: {"status": status, "files": files[job]} for job, (status, _) in jobs.items()}, "version": "0.8"})


def _planned(status: str) -> list[str]:
    return [file.name.removeprefix("xwiki-20260101-") for file in plan_files(status, FOLDER, "xwiki", "20260101")]


PARTS = [
    "pages-articles-multistream10.xml-p4045403p5399366.bz2",
    "pages-articles-multistream-index10.txt-p4045403p5399366.bz2",
    "pages-articles-multistream2.xml-p41243p151573.bz2",
    "pages-articles-multistream2.xml-p5p41242.bz2",
    "pages-articles-multistream1.xml-p1p4.bz2",
]
IN_ORDER = [PARTS[4], PARTS[3], PARTS[2], PARTS[0]]
WHOLE = ["pages-articles-multistream.xml.bz2", "pages-articles-multistream-index.txt.bz2"]
PLAIN = ["pages-articles.xml.bz2"]


def test_dates_are_read_newest_first() -> None:
    assert dates_of(listing("xwiki", ["20251220", "20260101", "20251201", "20260101"]).decode()) == ["20260101", "20251220", "20251201"]


@pytest.mark.parametrize(
    ("link", "dates"),
    [
        ("<A HREF='20260101'>", ["20260101"]),
        ('<a href="/dumps/xwiki/20260101/">', ["20260101"]),
        ("<a href=./20260101/>", ["20260101"]),
        ('<a href="20260230/">', []),
        ('<a href="20260101/x.bz2">', []),
        ('<a href="120260101/">', []),
        ('<a href="latest/">20260101</a>', []),
        ("", []),
    ],
)
def test_a_date_is_a_link_to_a_folder_named_by_a_day(link: str, dates: list[str]) -> None:
    assert dates_of(link) == dates


@pytest.mark.parametrize(("text", "day"), [("20240229", True), ("20230229", False), ("2024022", False), ("2024 101", False), ("", False)])
def test_a_day(text: str, day: bool) -> None:
    assert is_day(text) is day


def test_a_small_wiki_has_the_whole_alone() -> None:
    assert _planned(_status(articlesmultistreamdump=("done", WHOLE), articlesdump=("done", PLAIN))) == WHOLE[:1]


def test_parts_are_taken_in_order_and_the_whole_beside_them_is_not() -> None:
    apart = _status(articlesmultistreamdumprecombine=("done", WHOLE), articlesmultistreamdump=("done", PARTS))
    together = _status(articlesmultistreamdump=("done", WHOLE + PARTS))
    assert _planned(apart) == _planned(together) == IN_ORDER


def test_the_whole_is_taken_where_the_parts_are_not_ready() -> None:
    for parts in (("in-progress", PARTS), ("done", []), ("skipped", PARTS)):
        assert _planned(_status(articlesmultistreamdump=parts, articlesmultistreamdumprecombine=("done", WHOLE))) == WHOLE[:1]


@pytest.mark.parametrize("multistream", [{}, {"articlesmultistreamdump": ("skipped", [])}])
def test_pages_articles_is_taken_where_there_is_no_multistream(multistream: dict[str, tuple[str, list[str]]]) -> None:
    jobs = {**multistream, "articlesdump": ("done", PLAIN), "metacurrentdump": ("done", ["pages-meta-current.xml.bz2"])}
    assert _planned(_status(**jobs)) == PLAIN


@pytest.mark.parametrize(
    ("jobs", "why"),
    [
        ({"articlesmultistreamdump": ("in-progress", WHOLE), "articlesdump": ("done", PLAIN)}, "articlesmultistreamdump is in-progress"),
        (
            {"articlesmultistreamdump": ("failed", PARTS), "articlesmultistreamdumprecombine": ("waiting", [])},
            "articlesmultistreamdump is failed, articlesmultistreamdumprecombine is waiting",
        ),
        ({"articlesmultistreamdump": ("done", WHOLE[1:])}, "articlesmultistreamdump is done without a file"),
        ({"pagetable": ("done", [])}, "has neither articlesmultistreamdump nor articlesdump"),
        ({}, "has neither"),
    ],
)
def test_a_dump_that_is_not_ready(jobs: dict[str, tuple[str, list[str]]], why: str) -> None:
    with pytest.raises(IncompleteDumpError, match=f"^20260101: {why}"):
        _planned(_status(**jobs))


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("<html>", "Invalid JSON"),
        ("[]", "cannot be read"),
        ("{}", "jobs Field required"),
        ('{"jobs": {"articlesdump": {"files": {}}}}', "status Field required"),
        ('{"jobs": {"articlesdump": {"status": "done", "files": {"a": {}}}}}', r"files\.a\.size Field required"),
    ],
)
def test_a_status_that_cannot_be_read(status: str, why: str) -> None:
    with pytest.raises(IncompleteDumpError, match=why) as raised:
        _planned(status)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "name",
    ["../xwiki-20260101-pages-articles.xml.bz2", "ywiki-20260101-pages-articles.xml.bz2", "xwiki-20260101-pages-articles.xml.bz2/.."],
)
def test_a_name_that_is_not_that_of_a_dump_file_is_never_taken(name: str) -> None:
    status = json.dumps({"jobs": {"articlesdump": {"status": "done", "files": {name: {"size": 7, "sha1": SHA1}}}}})
    with pytest.raises(IncompleteDumpError, match="without a file"):
        _planned(status)


def test_addresses_lie_under_the_mirrors_own_path() -> None:
    file = plan_files(_status(articlesdump=("done", PLAIN)), FOLDER, "xwiki", "20260101")[0]
    assert file == DumpFile(f"xwiki-20260101-{PLAIN[0]}", f"{FOLDER}/xwiki-20260101-{PLAIN[0]}", 7, SHA1)


def test_sums_fill_what_the_status_lacks_and_nothing_else() -> None:
    sums = read_sums(f"{SHA1[::-1].upper()}  a.bz2\n{SHA1} *b.bz2\r\nshort  c.bz2\n\n# d.bz2\n")
    assert sums == {"a.bz2": SHA1[::-1], "b.bz2": SHA1}
    files = [DumpFile("a.bz2", "u", 1, None), DumpFile("b.bz2", "u", 1, "f" * 40)]
    assert [file.sha1 for file in with_sums(files, sums)] == [SHA1[::-1], "f" * 40]
    with pytest.raises(IncompleteDumpError, match=r"^c\.bz2: no SHA-1"):
        with_sums([*files, DumpFile("c.bz2", "u", 1, None)], sums)
