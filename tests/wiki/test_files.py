"""Where dump files lie: folders and globs of this machine, and stores that are asked for parts of a file."""

import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest

from embedding.download.dump import download_dump
from embedding.errors import DumpError, EnvironmentProblem
from embedding.settings import DownloadSettings
from embedding.wiki import bzip2, dump, files, stretches
from embedding.wiki.accounts import RangeReport, balance
from embedding.wiki.dump import ByteRange, look_at, plan, read_header
from embedding.wiki.files import changed, find_files, open_file, size_of
from embedding.wiki.reader import RangeReader
from embedding.wiki.site import Site
from tests.conftest import FOOTER, HEADER, multistream, page
from tests.download.server import Site as DumpSite
from tests.download.server import running
from tests.wiki.file_server import Store, serving
from tests.wiki.reading import PACKINGS, PAGES, WHOLE, one_stream

TRIES = len(files.WAITS)
PARTS = ["enwiki-20260101-pages-articles-multistream1.xml-p1p41242.bz2", "enwiki-20260101-pages-articles-multistream27.xml-p1p2.bz2"]
NO_DUMPS = [
    "enwiki-20260101-pages-articles-multistream-index.txt.bz2",
    "enwiki-20260101-pages-articles-multistream-index27.txt-p1p2.bz2",
    "enwiki-20260101-pages-articles-multistream2.xml-p3p4.bz2.part",
    "enwiki-20260101-pages-articles-multistream2-p3p4.bz2.resume",
    "enwiki-20260101-pages-articles.xml.part",
    "enwiki-20260101-pages-articles.xml.bz2.md5",
    "enwiki-20260101-sha1sums.txt",
    "enwiki-20260101-page.sql.gz",
    "a.xml.json",
    "notes",
]


def read_dump(path: str, range_bytes: int = 1 << 30) -> list[dict[str, Any]]:
    """The rows of a dump, read as the job does, range after range, and accounted for."""
    spans = plan(map(look_at, find_files(path)), range_bytes)
    reader = RangeReader(Site.from_header(read_header(look_at(spans[0].path)), path), ["Infobox book"])
    rows: list[dict[str, Any]] = []
    reports = []
    for span in spans:
        found, report = read_span(reader, span)
        rows += found
        reports.append(report)
    balance(spans, reports, 0)
    return rows


def read_span(reader: RangeReader, span: ByteRange) -> tuple[list[dict[str, Any]], RangeReport]:
    report = RangeReport(span.path, span.start, span.end)
    batches: list[pa.RecordBatch] = list(reader.read(span, report))
    return [row for batch in batches for row in batch.to_pylist()], report


# This machine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in [*PARTS, *NO_DUMPS, "a.xml", "b.xml.gz", "c.xml.zst", "d.xml.7z"]:
        (tmp_path / name).touch()
    (tmp_path / "folder.xml").mkdir()
    (tmp_path / "folder.xml" / "inner.xml").touch()
    return tmp_path


def _names(found: list[str]) -> list[str]:
    return [name.rpartition("/")[2] for name in found]


def test_the_dumps_of_a_folder(folder: Path) -> None:
    found = find_files(str(folder))
    assert found == [str(folder / name) for name in ("a.xml", "b.xml.gz", "c.xml.zst", "d.xml.7z", *PARTS)]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.bz2", PARTS),
        ("enwiki-*-multistream27.xml-*", PARTS[1:]),
        ("enwiki-20260101-pages-articles-multistream?*", PARTS),
        ("[ab].*", ["a.xml", "a.xml.json", "b.xml.gz"]),  # what is asked for by name is taken
        ("*/*", ["inner.xml"]),
    ],
)
def test_a_glob_takes_all_but_index_files_and_unfinished_ones(folder: Path, pattern: str, names: list[str]) -> None:
    assert _names(find_files(str(folder / pattern))) == names


@pytest.mark.parametrize("name", [*PARTS, "notes", NO_DUMPS[0]])
def test_a_file_is_taken_whatever_its_name(folder: Path, name: str) -> None:
    assert find_files(str(folder / name)) == [str(folder / name)]


def test_a_file_whose_name_looks_like_a_glob(tmp_path: Path) -> None:
    file = tmp_path / "a[1]*.xml"
    file.touch()
    assert find_files(str(file)) == [str(file)]


@pytest.mark.parametrize("name", ["missing.xml.bz2", "*.xml", "missing/", "a" * 300, "\0"])
def test_no_such_file(name: str, tmp_path: Path) -> None:
    message = _message(find_files, str(tmp_path / name))
    assert "no such file" in message or "cannot be read" in message


def test_a_folder_without_dumps(folder: Path) -> None:
    for name in [*PARTS, "a.xml", "b.xml.gz", "c.xml.zst", "d.xml.7z"]:
        (folder / name).unlink()
    assert "holds no dump file" in _message(find_files, str(folder))


def _message(call: Callable[[str], Any], path: str) -> str:
    """The one line of the error that a call ends with; it names the path."""
    with pytest.raises(DumpError) as raised:
        call(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert message.count(path) == 1, "said once"
    return message


def _open(path: str) -> bytes:
    with open_file(path) as file:
        return file.read()


def test_size_and_bytes_and_day(tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_bytes(WHOLE)
    assert size_of(str(file)) == len(WHOLE)
    with open_file(str(file)) as opened:
        opened.seek(100)
        assert opened.read(50) == WHOLE[100:150]
        assert opened.tell() == 150
        assert opened.seek(0, 2) == len(WHOLE)
        assert opened.read(1) == b""
    day = changed(str(file))
    assert day is not None
    assert re.fullmatch(r"20\d{6}", day)


@pytest.mark.parametrize("call", [size_of, _open])
def test_a_file_that_is_not_there(call: Callable[[str], Any], tmp_path: Path) -> None:
    assert _message(call, str(tmp_path / "none")) == f"{tmp_path / 'none'}: no such file"
    (tmp_path / "file").touch()
    assert _message(call, str(tmp_path / "file" / "none")).endswith(": cannot be read: Not a directory")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert _message(_open, str(tmp_path)) == f"{tmp_path}: cannot be read: Is a directory"


def test_an_error_of_the_reader_is_not_called_one_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.xml").touch()
    for error in (OSError("mine"), ValueError("mine"), DumpError("mine")):
        with pytest.raises(type(error), match=r"^mine$"), open_file(str(tmp_path / "a.xml")):
            raise error


@pytest.mark.parametrize("packing", ["bz2", "gz", "zst", "xml"])
def test_a_disk_that_fails_is_not_called_damage_of_the_dump(packing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "dump"
    path.write_bytes(PACKINGS[packing](WHOLE))
    (span,) = plan([look_at(str(path))], 1 << 30)
    reader = RangeReader(Site.from_header(read_header(look_at(str(path))), str(path)), [], max_damaged=100)

    def failing(file: Any, size: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(files._Told, "_read", failing)
    assert _message(lambda _: read_span(reader, span), str(path)).endswith(": cannot be read: Input/output error")


def test_a_folder_that_the_download_has_written(tmp_path: Path) -> None:
    wanted = {"articlesmultistreamdump": ["pages-articles-multistream1.xml-p1p9.bz2", "pages-articles-multistream-index1.txt-p1p9.bz2"]}
    with running(DumpSite()) as site:
        site.add_dump("xwiki", "20260101", wanted)
        written = download_dump("xwiki", DownloadSettings(mirror=site.url, folder=str(tmp_path), connections=1, contact=None))
    (written / "xwiki-20260101-pages-articles-multistream2.xml-p10p19.bz2.part").touch()  # of a download that was broken off
    assert find_files(str(written)) == [str(written / "xwiki-20260101-pages-articles-multistream1.xml-p1p9.bz2")]
    assert len(read_dump(str(written), 1000)) == 40


# A server


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(files, "WAITS", (0.0, 0.0))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(Store()) as running_store:
        yield running_store


# Texts that hardly pack, so that streams are long; every fourth page a book.
MANY = [
    page(f"Page {i} Ж", i, "{{Infobox book}}" * (i % 4 == 0) + "".join(chr(33 + (i + 7) * k * k % 9001) for k in range(500)))
    for i in range(1, 81)
]
PACKED = {
    "multistream.xml.bz2": multistream(MANY, per_stream=3),
    "one.xml.bz2": one_stream((HEADER + "".join(MANY) + FOOTER).encode(), 4000),
    "dump.xml": (HEADER + "".join(MANY) + FOOTER).encode(),
    "dump.xml.gz": PACKINGS["gz"]((HEADER + "".join(MANY) + FOOTER).encode()),
    "dump.xml.zst": PACKINGS["zst"]((HEADER + "".join(MANY) + FOOTER).encode()),
}


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> int:
    """Read in small pieces, so that small dumps have many."""
    for module, name in ((stretches, "PIECE"), (bzip2, "DECODED"), (bzip2, "AT_ONCE"), (dump, "CHUNK")):
        monkeypatch.setattr(module, name, 1000)
    return 1000


@pytest.mark.parametrize("name", PACKED)
def test_a_dump_on_a_server_gives_the_same_pages(store: Store, name: str, tmp_path: Path, small_pieces: int) -> None:
    store.content[f"/x/{name}"] = PACKED[name]
    (tmp_path / name).write_bytes(PACKED[name])
    local = read_dump(str(tmp_path / name), 9000)
    assert [row["page_id"] for row in local] == list(range(1, 81))
    assert sum(row["wikitext"] is not None for row in local) == 20
    assert read_dump(f"{store.url}/x/{name}", 9000) == local


@pytest.mark.parametrize(("name", "farther"), [("multistream.xml.bz2", 8000), ("dump.xml", 3000)])
def test_a_task_asks_for_its_own_bytes_and_few_behind_them(store: Store, name: str, farther: int, small_pieces: int) -> None:
    """It needs the end of its last page, and what lies behind that as far as it must to know where a stream ends."""
    store.content[f"/{name}"] = PACKED[name]
    path = f"{store.url}/{name}"
    spans = plan([look_at(path)], 15_000)
    assert len(spans) > 3
    reader = RangeReader(Site.from_header(read_header(look_at(path)), path), [])
    for span in spans:
        store.asked.clear()
        read_span(reader, span)
        asked = store.spans()
        assert min(start for start, _ in asked) == span.start
        assert max(end for _, end in asked) <= span.end + farther
        assert all(end - start <= small_pieces for start, end in asked)
        assert sum(end - start for start, end in asked) <= span.end - span.start + farther, "nothing is asked for twice"
        assert {end for _, end in asked} >= {start for start, _ in asked if start > span.start}, "without gaps"
        assert [request for request in store.asked if request.method == "GET" and request.start is None] == []


@pytest.mark.parametrize("name", ["dump.xml.gz", "dump.xml.zst"])
def test_a_file_of_one_task_travels_once(store: Store, name: str) -> None:
    store.content[f"/{name}"] = PACKED[name]
    path = f"{store.url}/{name}"
    (span,) = plan([look_at(path)], 1000)
    reader = RangeReader(Site.from_header(read_header(look_at(path)), path), [])
    store.asked.clear()
    read_span(reader, span)
    assert store.spans() == [(0, len(PACKED[name]))]


def test_the_header_of_a_long_dump_does_not_take_all_of_it(store: Store, small_pieces: int) -> None:
    store.content["/dump.xml.bz2"] = PACKED["multistream.xml.bz2"]
    read_header(look_at(f"{store.url}/dump.xml.bz2"))
    assert sum(end - start for start, end in store.spans()) < 20_000 < len(PACKED["multistream.xml.bz2"])


def test_what_is_known_of_a_file_is_not_asked_for_again(store: Store, small_pieces: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the work: its length, and its beginning, its header and its end in one opening each, of which fsspec asks the length too."""
    monkeypatch.setattr(bzip2, "LONGEST_BLOCK", 5000)
    store.content["/dump.xml.bz2"] = PACKED["multistream.xml.bz2"]
    file = look_at(f"{store.url}/dump.xml.bz2")
    read_header(file)
    plan([file], 15_000)
    assert [asked.method for asked in store.asked].count("HEAD") == 1 + 3
    assert [start for start, _ in store.spans()].count(0) == 2


def test_a_server_is_told_who_asks_and_that_nothing_shall_be_packed_on_the_way(store: Store) -> None:
    store.content["/a.xml"] = WHOLE
    assert len(read_dump(f"{store.url}/a.xml")) == len(PAGES)
    for asked in store.asked:
        assert asked.headers["user-agent"].startswith("bookspace/")
        assert asked.headers["accept-encoding"] == "identity"


def test_folders_and_globs_of_a_server(store: Store) -> None:
    for name in [*PARTS, *NO_DUMPS, "a.xml"]:
        store.content[f"/dumps/{name}"] = b"x"
    store.content["/other/b.xml"] = b"x"
    for folder in (f"{store.url}/dumps/", f"{store.url}/dumps"):
        assert find_files(folder) == [f"{store.url}/dumps/{name}" for name in ("a.xml", *PARTS)]
    assert find_files(f"{store.url}/dumps/enwiki*multistream*") == [f"{store.url}/dumps/{name}" for name in PARTS]
    assert find_files(f"{store.url}/dumps/a.xml") == [f"{store.url}/dumps/a.xml"]
    assert find_files(f"{store.url}/dumps/a.xml?key=1") == [f"{store.url}/dumps/a.xml?key=1"]
    assert find_files(f"{store.url}/dumps/notes") == [f"{store.url}/dumps/notes"]
    assert "no such file" in _message(find_files, f"{store.url}/dumps/*.7z")
    assert "no such file" in _message(find_files, f"{store.url}/nothing/*.xml")
    assert "no such file" in _message(find_files, f"{store.url}/dumps/c.xml")
    assert "no such file" in _message(find_files, f"{store.url}/nothing")
    store.content = {"/empty/notes": b""}
    assert "holds no dump file" in _message(find_files, f"{store.url}/empty/")
    assert changed(f"{store.url}/dumps/a.xml") is None


def test_several_files_of_a_server_are_one_dump(store: Store) -> None:
    for number in (1, 2):
        store.content[f"/w{number}.xml-p{number}p{number}.bz2"] = multistream([page(f"P{number}", number)])
    assert [row["title"] for row in read_dump(f"{store.url}/*.bz2")] == ["P1", "P2"]


@pytest.mark.parametrize("call", [find_files, size_of, _open])
def test_what_a_server_does_not_hold_or_does_not_give(store: Store, call: Callable[[str], Any]) -> None:
    assert "no such file" in _message(call, f"{store.url}/a.xml")
    store.content["/a.xml"] = WHOLE
    store.answers = [403] * 9
    assert _message(call, f"{store.url}/a.xml").endswith(": cannot be read: the server answers HTTP 403")
    store.answers = [503] * 9
    assert _message(call, f"{store.url}/a.xml").endswith(": cannot be read: the server answers HTTP 503; try again later")


@pytest.mark.parametrize("path", ["/a.xml", "/x", "/x/", "/*.xml", "/x/a*.bz2"])
def test_a_server_that_cannot_be_reached(path: str) -> None:
    with serving(Store()) as gone:
        pass
    for call in (find_files, size_of, _open) if path == "/a.xml" else (find_files,):
        message = _message(call, gone.url + path)
        assert "cannot be read" in message
        assert "no such file" not in message


@pytest.mark.parametrize("ranges", ["no", "none"])
def test_a_server_that_does_not_send_parts(store: Store, ranges: str, small_pieces: int) -> None:
    store.ranges = ranges
    for name in ("multistream.xml.bz2", "dump.xml"):
        store.content["/a"] = PACKED[name]
        assert "does not know HTTP ranges; download it first" in _message(lambda path: read_dump(path, 9000), f"{store.url}/a")


def test_a_gz_file_needs_no_parts_if_the_server_says_that_it_sends_none(store: Store) -> None:
    store.ranges = "none"
    store.content["/a.xml.gz"] = PACKED["dump.xml.gz"]
    assert len(read_dump(f"{store.url}/a.xml.gz")) == 80


def test_a_server_that_does_not_tell_the_length(store: Store) -> None:
    store.lengths = False
    store.content["/a.xml"] = WHOLE
    assert "does not tell its size" in _message(size_of, f"{store.url}/a.xml")
    assert "does not tell its size" in _message(read_dump, f"{store.url}/a.xml")


def test_a_process_that_has_read_ends_without_a_word(store: Store) -> None:
    store.content["/a.xml"] = WHOLE
    code = "import sys; from embedding.wiki.files import open_file\nwith open_file(sys.argv[1]) as file: print(len(file.read()))"
    command = [sys.executable, "-X", "dev", "-c", code, f"{store.url}/a.xml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{len(WHOLE)}\n", "")


@pytest.mark.parametrize("answer", ["cut", 503, 429, 500])
@pytest.mark.parametrize("name", ["multistream.xml.bz2", "dump.xml", "dump.xml.gz", "dump.xml.zst"])
def test_a_server_that_stumbles_is_asked_again(store: Store, name: str, answer: int | str, small_pieces: int) -> None:
    store.content["/a"] = PACKED[name]
    path = f"{store.url}/a"
    spans = plan([look_at(path)], 15_000)
    reader = RangeReader(Site.from_header(read_header(look_at(path)), path), [])
    ids = []
    for span in spans:
        for batch in reader.read(span, report := RangeReport(path, span.start, span.end)):
            ids += batch["page_id"].to_pylist()
        assert report.damages == []
        store.answers = [answer, answer] if answer == "cut" else [answer]  # of the next range: the question for its size, or its bytes
    assert ids == list(range(1, 81))


@pytest.mark.parametrize("seed", range(3))
def test_a_server_that_fails_one_request_in_ten(store: Store, seed: int, small_pieces: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "WAITS", (0.0,) * TRIES)
    store.content["/a"] = PACKED["multistream.xml.bz2"]
    whole = read_dump(f"{store.url}/a", 4_000)
    store.stumbles = random.Random(seed)
    store.asked.clear()
    assert read_dump(f"{store.url}/a", 4_000) == whole
    assert store.stumbled >= 3


@pytest.mark.parametrize("answer", ["cut", 503])
def test_a_server_that_goes_on_stumbling_is_given_up(store: Store, answer: int | str, small_pieces: int) -> None:
    store.content["/a"] = PACKED["multistream.xml.bz2"]
    path = f"{store.url}/a"
    span = plan([look_at(path)], 1 << 30)[0]
    reader = RangeReader(Site.from_header(read_header(look_at(path)), path), [], max_damaged=1000)
    with open_file(path) as file:
        assert file.read(10) == PACKED["multistream.xml.bz2"][:10]
        store.answers = [answer] * 3
        store.asked.clear()
        with pytest.raises(DumpError, match=f"^{path}: cannot be read: "):
            file.read(10)
        assert len(store.asked) == 3
        store.answers = [answer] * 2
        assert file.read(10) == PACKED["multistream.xml.bz2"][10:20], "it goes on where it was"
        store.answers = [404]
        store.asked.clear()
        with pytest.raises(DumpError, match=f"^{path}: "):
            file.read(10)
        assert len(store.asked) == 1, "what is refused is not asked for again"
    store.answers = [answer] * 1000
    assert "cannot be read" in _message(lambda _: read_span(reader, span), path)


# Other stores


@pytest.fixture
def memory() -> Iterator[Any]:
    fs = fsspec.filesystem("memory")
    fs.store.clear()
    yield fs
    fs.store.clear()


@pytest.mark.parametrize("name", PACKED)
def test_a_dump_in_another_store(memory: Any, name: str, tmp_path: Path) -> None:
    for other in [name, "index.txt", "a.xml.bz2.part"]:
        memory.pipe(f"/x/{other}", PACKED[name] if other == name else b"x")
    (tmp_path / name).write_bytes(PACKED[name])
    local = read_dump(str(tmp_path / name))
    assert len(local) == 80
    for path in (f"memory://x/{name}", "memory://x", "memory://x/*xml*", "memory://x/[mod]*"):
        assert len(find_files(path)) == 1
        assert read_dump(path, 9000) == local
    assert size_of(f"memory://x/{name}") == len(PACKED[name])


def test_what_another_store_does_not_hold(memory: Any) -> None:
    memory.pipe("/x/notes", b"x")
    assert "no such file" in _message(find_files, "memory://x/a.xml")
    assert "no such file" in _message(find_files, "memory://x/*.xml")
    assert "no such file" in _message(find_files, "memory://none/*.xml")
    assert "no such file" in _message(find_files, "memory://none")
    assert "holds no dump file" in _message(find_files, "memory://x")
    assert "no such file" in _message(size_of, "memory://x/a.xml")
    assert "no such file" in _message(_open, "memory://x/a.xml")


def test_a_store_whose_library_raises_whatever_it_likes(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class StoreError(Exception):
        """As botocore's: no OSError."""

    def failing(*args: object, **kwargs: object) -> Any:
        raise StoreError("token\nexpired")

    for name in ("info", "glob", "_open"):
        monkeypatch.setattr(type(memory), name, failing)
    for call, path in ((find_files, "memory://x/*.xml"), (find_files, "memory://a.xml"), (size_of, "memory://a"), (_open, "memory://a")):
        assert _message(call, path) == f"{path}: cannot be read: token expired"


def test_an_address_that_nobody_knows() -> None:
    for call in (find_files, size_of, _open):
        assert "Protocol not known" in _message(call, "nowhere://host/a.xml")


@pytest.mark.parametrize(
    ("module", "path"), [("fsspec", "memory://a.xml"), ("aiohttp", "http://127.0.0.1:9/a.xml"), ("obstore", "gs://b/a.xml")]
)
def test_a_missing_library_is_named_with_its_extra(module: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    if module == "aiohttp":
        monkeypatch.delitem(sys.modules, "fsspec.implementations.http", raising=False)
        monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "http", raising=False)
    with pytest.raises(EnvironmentProblem, match=r"pip install -c constraints\.txt 'bookspace\[remote,store\]'") as raised:
        find_files(path)
    assert module in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_library_of_a_store_that_no_extra_brings_is_named() -> None:
    if "ossfs" in sys.modules:
        pytest.skip("ossfs is installed here")
    with pytest.raises(EnvironmentProblem, match="ossfs"):
        find_files("oss://bucket/a.xml")
