"""A whole dump: which one, which files, how many at once, and what the command says."""

import base64
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from embedding import cli
from embedding.download.dump import download_dump
from embedding.errors import DownloadError, EnvironmentProblem
from embedding.settings import DownloadSettings
from tests.disks import mounted
from tests.download.server import Answer, Site, content_of, listing

BOOKSPACE = Path(sys.executable).parent / "bookspace"
WHOLE = {"articlesmultistreamdump": ["pages-articles-multistream.xml.bz2", "pages-articles-multistream-index.txt.bz2"]}
PARTS = [f"pages-articles-multistream{n}.xml-p{n}00p{n}99.bz2" for n in range(1, 7)]
BIG = {
    "articlesmultistreamdump": [*PARTS, *(name.replace(".xml", "-index.txt") for name in PARTS)],
    "articlesmultistreamdumprecombine": ["pages-articles-multistream.xml.bz2", "pages-articles-multistream-index.txt.bz2"],
    "articlesdump": [name.replace("-multistream", "") for name in PARTS],
}


def _settings(site: Site, folder: Path, connections: int = 2, under: str = "") -> DownloadSettings:
    return DownloadSettings(mirror=site.url + under, folder=str(folder), connections=connections, contact=None)


def _download(site: Site, folder: Path, date: str | None = None, connections: int = 2, wiki: str = "xwiki") -> Path:
    return download_dump(wiki, _settings(site, folder, connections), date)


def _fails(site: Site, folder: Path, date: str | None = None, wiki: str = "xwiki") -> str:
    with pytest.raises(DownloadError) as raised:
        _download(site, folder, date, wiki=wiki)
    message = str(raised.value)
    assert "\n" not in message
    return message


def _assert_holds(folder: Path, names: Sequence[str]) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    for name in names:
        assert (folder / name).read_bytes() == content_of(name)


def test_the_newest_dump_of_a_small_wiki(site: Site, tmp_path: Path) -> None:
    site.add_dump("xwiki", "20251201", WHOLE)
    site.add_dump("xwiki", "20260101", WHOLE)
    folder = _download(site, tmp_path)
    assert folder == tmp_path / "xwiki" / "20260101"
    name = "xwiki-20260101-pages-articles-multistream.xml.bz2"
    _assert_holds(folder, [name])
    assert [request.path for request in site.asked] == ["/xwiki/", "/xwiki/20260101/dumpstatus.json", f"/xwiki/20260101/{name}"]


@pytest.mark.parametrize("connections", [1, 2, 3])
def test_all_parts_of_a_big_wiki_so_many_at_once(site: Site, tmp_path: Path, connections: int) -> None:
    site.add_dump("xwiki", "20260101", BIG)
    together = threading.Barrier(connections)
    site.hold = lambda: together.wait(10)  # each request waits until so many are under way
    folder = _download(site, tmp_path, connections=connections)
    _assert_holds(folder, [f"xwiki-20260101-{name}" for name in PARTS])
    assert len(site.files()) == len(PARTS)
    assert site.peak == connections


@pytest.mark.parametrize("seed", range(3))
def test_a_site_that_fails_one_request_in_ten(site: Site, tmp_path: Path, seed: int) -> None:
    parts = [f"pages-articles-multistream{n}.xml-p{n}00p{n}99.bz2" for n in range(1, 61)]
    site.add_dump("xwiki", "20260101", {"articlesmultistreamdump": parts})
    site.stumbles = random.Random(seed)
    folder = _download(site, tmp_path, connections=3)
    _assert_holds(folder, [f"xwiki-20260101-{name}" for name in parts])
    assert len(site.files()) > len(parts), "something failed"


def test_a_dump_that_is_not_complete_gives_way_to_the_one_before(site: Site, tmp_path: Path) -> None:
    site.add_dump("xwiki", "20251201", WHOLE)
    site.add_dump("xwiki", "20251220", WHOLE)
    site.add_dump("xwiki", "20260101", WHOLE, status="in-progress")
    site.pages["/xwiki/"] = listing("xwiki", ["20251201", "20251220", "20260101", "20260120"])
    assert _download(site, tmp_path).name == "20251220"


def test_no_dump_is_complete(site: Site, tmp_path: Path) -> None:
    site.add_dump("xwiki", "20260101", WHOLE, status="in-progress")
    site.pages["/xwiki/"] = listing("xwiki", ["20260101", "20260120"])
    assert _fails(site, tmp_path) == (
        f"{site.url}/xwiki/: no dump is complete (20260120: has no dumpstatus.json; 20260101: articlesmultistreamdump is in-progress); "
        "try again later, or set download.mirror to another copy"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_date_is_taken_though_there_are_newer_ones_and_no_listing(site: Site, tmp_path: Path) -> None:
    site.add_dump("xwiki", "20251201", WHOLE)
    site.add_dump("xwiki", "20260101", WHOLE)
    site.pages.pop("/xwiki/")
    _assert_holds(_download(site, tmp_path, "20251201"), ["xwiki-20251201-pages-articles-multistream.xml.bz2"])


def test_a_date_that_is_not_there_or_not_complete(site: Site, tmp_path: Path) -> None:
    site.add_dump("xwiki", "20251201", WHOLE)
    site.add_dump("xwiki", "20260101", WHOLE, status="in-progress")
    assert _fails(site, tmp_path, "20260102") == f"{site.url}/xwiki/20260102/: there is no dump of this date; there are 20260101, 20251201"
    message = _fails(site, tmp_path, "20260101")
    assert message.startswith(f"{site.url}/xwiki/: not complete: 20260101: articlesmultistreamdump is in-progress; leave out --date")


@pytest.mark.parametrize("date", [None, "20260101"])
def test_a_wiki_that_is_not_there(site: Site, tmp_path: Path, date: str | None) -> None:
    message = _fails(site, tmp_path, date, "simple")
    assert message.startswith(
        f"{site.url}/simple/: there is no such wiki; give a database name such as simplewiki; {site.url}/backup-index"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_site_that_is_no_copy_of_the_dumps(site: Site, tmp_path: Path) -> None:
    site.pages["/xwiki/"] = b"<html>Welcome</html>"
    assert f"{site.url}/xwiki/: lists no dump; is download.mirror a copy of" in _fails(site, tmp_path)


def test_a_mirror_that_cannot_be_reached(site: Site, tmp_path: Path) -> None:
    site.url = "http://127.0.0.1:9"
    message = _fails(site, tmp_path)
    assert message.startswith("http://127.0.0.1:9/xwiki/: cannot be reached: Failed to establish a new connection: [Errno 111]")
    assert "given up after 4 attempts" in message
    assert message.endswith("or set download.mirror to another copy")


def test_a_page_is_asked_for_again_when_the_site_is_busy(site: Site, tmp_path: Path) -> None:
    site.add_dump("xwiki", "20260101", WHOLE)
    site.answers["/xwiki/"] = [Answer(503), Answer(cut=30)]
    site.answers["/xwiki/20260101/dumpstatus.json"] = [Answer(429)]
    _download(site, tmp_path)
    assert [request.path for request in site.asked[:5]] == ["/xwiki/"] * 3 + ["/xwiki/20260101/dumpstatus.json"] * 2


def test_a_mirror_may_lie_under_a_path(site: Site, tmp_path: Path) -> None:
    site.add_dump("xwiki", "20260101", WHOLE)
    site.pages = {f"/mirror/wikimedia.org/dumps{path}": body for path, body in site.pages.items()}
    folder = download_dump("xwiki", _settings(site, tmp_path, under="/mirror/wikimedia.org/dumps/"))
    _assert_holds(folder, ["xwiki-20260101-pages-articles-multistream.xml.bz2"])


def test_the_sums_file_is_read_where_the_status_has_no_sums(site: Site, tmp_path: Path) -> None:
    site.add_dump("xwiki", "20260101", BIG, sums_in_status=False, sums_in_file=True)
    folder = _download(site, tmp_path)
    _assert_holds(folder, [f"xwiki-20260101-{name}" for name in PARTS])
    site.add_dump("xwiki", "20260102", WHOLE, sums_in_status=False, sums_in_file=True)
    sums = "/xwiki/20260102/xwiki-20260102-sha1sums.txt"
    site.pages[sums] = b"f" * 40 + site.pages[sums][40:]
    assert f"and {'f' * 40} is published" in _fails(site, tmp_path), "they are what counts"


def test_files_without_a_published_sum_are_not_taken(site: Site, tmp_path: Path) -> None:
    site.add_dump("xwiki", "20260101", WHOLE, sums_in_status=False)
    assert "xwiki-20260101-pages-articles-multistream.xml.bz2: no SHA-1 of it is published" in _fails(site, tmp_path)
    assert site.files() == []


def test_what_is_there_is_not_fetched_again(site: Site, tmp_path: Path) -> None:
    site.add_dump("xwiki", "20260101", BIG)
    folder = _download(site, tmp_path)
    names = [f"xwiki-20260101-{name}" for name in PARTS]
    (folder / names[2]).write_bytes(b"damaged")
    (folder / names[4]).unlink()
    site.asked.clear()
    assert _download(site, tmp_path) == folder
    assert sorted(request.path.rpartition("/")[2] for request in site.files()) == [names[2], names[4]]
    _assert_holds(folder, names)


def test_the_first_failure_stops_the_others_and_the_next_run_goes_on(site: Site, tmp_path: Path) -> None:
    site.add_dump("xwiki", "20260101", BIG)
    bad = f"/xwiki/20260101/xwiki-20260101-{PARTS[1]}"
    site.answers[bad] = [Answer(403)]
    assert f"{site.url}{bad}: the site refuses" in _fails(site, tmp_path)
    assert len(site.files()) < len(PARTS)
    _assert_holds(_download(site, tmp_path), [f"xwiki-20260101-{name}" for name in PARTS])


def test_the_disk_is_looked_at_before_anything_is_fetched(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add_dump("xwiki", "20260101", BIG)
    folder = _download(site, tmp_path)
    names = [folder / f"xwiki-20260101-{name}" for name in PARTS]
    sizes = [name.stat().st_size for name in names]
    names[0].unlink()
    names[1].rename(f"{names[1]}.part")
    os.truncate(f"{names[1]}.part", 1000)
    wanted = sizes[0] + sizes[1] - 1000
    usage = shutil.disk_usage(tmp_path)
    site.asked.clear()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=wanted - 1))
    assert re.search(r"20260101: 12\.\d kB are wanted, and 12\.\d kB are free; free space or set download\.folder", _fails(site, tmp_path))
    assert site.files() == []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=wanted))
    assert _download(site, tmp_path) == folder


def test_a_folder_that_cannot_be_made(site: Site, tmp_path: Path) -> None:
    site.add_dump("xwiki", "20260101", WHOLE)
    (tmp_path / "file").touch()
    message = _fails(site, tmp_path / "file")
    assert message.startswith(f"{tmp_path}/file/xwiki/20260101: cannot be written: ")
    assert message.endswith("set download.folder to another one")
    assert site.files() == []


def test_a_disk_that_runs_full(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add_dump("xwiki", "20260101", BIG)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with mounted(tmp_path / "disk", "size=16k") as disk:
        message = _fails(site, disk)
        assert re.search(r"pages-articles-multistream\d\S+\.bz2: cannot be written: No space left on device; free space or", message)


def test_a_read_only_disk(site: Site, tmp_path: Path) -> None:
    site.add_dump("xwiki", "20260101", WHOLE)
    with mounted(tmp_path / "disk", "ro,size=1m") as disk:
        assert f"{disk}/xwiki/20260101: cannot be written: Read-only file system" in _fails(site, disk)


def test_a_proxy_of_the_environment_is_used(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add_dump("xwiki", "20260101", WHOLE)
    site.pages = {f"http://dumps.example{path}": body for path, body in site.pages.items()}
    monkeypatch.setenv("http_proxy", site.url.replace("http://", "http://me:se%40cret@"))
    settings = DownloadSettings(mirror="http://dumps.example", folder=str(tmp_path), connections=2, contact=None)
    _assert_holds(download_dump("xwiki", settings), ["xwiki-20260101-pages-articles-multistream.xml.bz2"])
    assert site.asked[0].headers["proxy-authorization"] == "Basic " + base64.b64encode(b"me:se@cret").decode()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    site.pages = {path.removeprefix("http://dumps.example"): body for path, body in site.pages.items()}
    _download(site, tmp_path)


# The command


def _command(site: Site, folder: Path, *arguments: str) -> list[str]:
    return ["download", *arguments, "--set", f"download.mirror={site.url}", "--set", f"download.folder={folder}"]


def test_the_command_prints_the_folder_and_nothing_else(site: Site, tmp_path: Path) -> None:
    site.add_dump("xwiki", "20251201", WHOLE)
    site.add_dump("xwiki", "20260101", WHOLE)
    site.answers["/xwiki/"] = [Answer(503)]
    command = [BOOKSPACE, *_command(site, tmp_path / "a folder", "xwiki", "--date", "20251201")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path}/a folder/xwiki/20251201\n"
    assert "download: xwiki 20251201: 1 file, " in done.stderr
    assert "xwiki-20251201-pages-articles-multistream.xml.bz2 is there, and right" in done.stderr


def test_a_command_that_fails_prints_one_line_and_no_folder(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main((), _command(site, tmp_path, "nowiki"))
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"bookspace: {_fails(site, tmp_path, wiki='nowiki')}\n"


@pytest.mark.parametrize(
    "arguments", [["../x"], ["X"], ["https://dumps"], ["xwiki", "--date", "20260230"], ["xwiki", "--date", "latest"], []]
)
def test_a_command_that_makes_no_sense_asks_nobody(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main((), _command(site, tmp_path, *arguments))
    assert ended.value.code == 2
    assert "bookspace download: error: " in capsys.readouterr().err
    assert site.asked == []


def test_who_breaks_off_is_obeyed_at_once_and_can_go_on(site: Site, tmp_path: Path) -> None:
    site.add_dump("xwiki", "20260101", WHOLE)
    name = "xwiki-20260101-pages-articles-multistream.xml.bz2"
    site.answers[f"/xwiki/20260101/{name}"] = [Answer(cut=1000)]
    hung, end = threading.Event(), threading.Event()

    def hang() -> None:
        if len(site.files()) == 2:
            hung.set()
            end.wait(30)

    site.hold = hang
    process = subprocess.Popen(
        [BOOKSPACE, *_command(site, tmp_path, "xwiki")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what runs in the background is started without
    )
    assert hung.wait(20)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=20)
    end.set()
    assert time.monotonic() - started < 5
    assert (process.returncode, said) == (130, "")
    folder = tmp_path / "xwiki" / "20260101"
    assert (folder / f"{name}.part").stat().st_size == 1000
    assert not (folder / name).exists()
    _download(site, tmp_path)
    _assert_holds(folder, [name])
    assert site.ranges_asked()[-1] == "bytes=1000-"


def test_without_urllib3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "urllib3", None)
    monkeypatch.delitem(sys.modules, "embedding.download.web")
    with pytest.raises(EnvironmentProblem, match=r"pip install 'bookspace\[download\]'"):
        import embedding.download.web  # noqa: F401
