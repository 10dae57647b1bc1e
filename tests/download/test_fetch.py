"""One file: resumed, checked, and named only when it is right."""

import fcntl
import hashlib
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedding.download import fetch as fetch_module
from embedding.download import web as web_module
from embedding.download.fetch import FILE_TRIES, fetch
from embedding.download.progress import Progress
from embedding.download.site import DumpFile
from embedding.download.web import Stopped, Web
from embedding.errors import DownloadError
from tests.download.server import Answer, Site, content_of, running

NAME = "xwiki-20260101-pages-articles-multistream.xml.bz2"
PATH = f"/xwiki/20260101/{NAME}"
BODY = content_of(NAME)
OTHER = content_of("another file")[: len(BODY)].ljust(len(BODY), b"x")


def _file(site: Site, body: bytes = BODY) -> DumpFile:
    site.pages.setdefault(PATH, body)
    return DumpFile(NAME, site.url + PATH, len(body), hashlib.sha1(body).hexdigest())


def _fetch(site: Site, folder: Path, body: bytes = BODY) -> Progress:
    progress = Progress(len(body))
    fetch(_file(site, body), folder, Web(site.url, 1), progress)
    return progress


def _fails(site: Site, folder: Path) -> str:
    with pytest.raises(DownloadError) as raised:
        _fetch(site, folder)
    message = str(raised.value)
    assert "\n" not in message
    assert NAME in message
    return message


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _assert_whole(folder: Path) -> None:
    assert (folder / NAME).read_bytes() == BODY
    assert _names(folder) == [NAME], "neither part nor note is left"


def _break_at(site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch, cut: int) -> None:
    """A run that gets so many bytes and then gives up, as one that is killed would leave things."""
    site.answers[PATH] = [Answer(cut=cut)]
    with monkeypatch.context() as patch:
        patch.setattr(fetch_module, "FILE_TRIES", 1)
        _fails(site, folder)
    assert _names(folder) == [NAME.replace(".xml", "") + ".resume", f"{NAME}.part"]
    assert (folder / f"{NAME}.part").read_bytes() == BODY[:cut]
    site.asked.clear()


def test_a_file_comes_whole_in_one_request(site: Site, tmp_path: Path) -> None:
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert site.ranges_asked() == [None]


def test_who_asks_is_told_in_the_form_that_the_site_wants(site: Site, tmp_path: Path) -> None:
    fetch(_file(site), tmp_path, Web(site.url, 1, "me@example.org"), Progress(0))
    name = site.asked[0].headers["user-agent"]
    assert name.startswith("bookspace/")
    assert "me@example.org)" in name
    assert "urllib3/" in name
    assert site.asked[0].headers["accept-encoding"] == "identity"


def test_after_a_broken_connection_only_the_rest_is_asked_for(site: Site, tmp_path: Path) -> None:
    site.answers[PATH] = [Answer(cut=1000), Answer(cut=500)]
    sizes: list[int] = []
    site.hold = lambda: sizes.append((tmp_path / f"{NAME}.part").stat().st_size)
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert sizes == [0, 1000, 1500], "what has come is on disk, should we be killed"
    assert site.ranges_asked() == [None, "bytes=1000-", "bytes=1500-"]
    etag = site.version_of(PATH, BODY)["ETag"]
    assert [request.headers.get("if-range") for request in site.files()] == [None, etag, etag]


def test_the_next_run_goes_on(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    _break_at(site, tmp_path, monkeypatch, 1000)
    with caplog.at_level(logging.INFO, "bookspace"):
        _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert site.ranges_asked() == ["bytes=1000-"]
    assert any("going on at byte 1,000 of" in line for line in caplog.messages)


def test_a_part_that_was_whole_when_the_run_was_killed_is_only_checked(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _break_at(site, tmp_path, monkeypatch, 1000)
    (tmp_path / f"{NAME}.part").write_bytes(BODY)
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert site.asked == []


@pytest.mark.parametrize("note", [None, "", "[]", '{"sha1": "0"}'])
def test_a_part_that_nobody_vouches_for_is_not_gone_on_with(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: str | None
) -> None:
    _break_at(site, tmp_path, monkeypatch, 1000)
    path = tmp_path / (NAME.replace(".xml", "") + ".resume")
    path.unlink() if note is None else path.write_text(note)
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert site.ranges_asked() == [None]


def test_a_part_that_is_longer_than_the_file_is_thrown_away(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _break_at(site, tmp_path, monkeypatch, 1000)
    (tmp_path / f"{NAME}.part").write_bytes(BODY + b"x")
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert site.ranges_asked() == [None]


def test_a_part_that_was_damaged_on_disk_costs_one_more_attempt(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _break_at(site, tmp_path, monkeypatch, 1000)
    (tmp_path / f"{NAME}.part").write_bytes(b"x" * 1000)
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert site.ranges_asked() == ["bytes=1000-", None]


def test_a_site_without_ranges_sends_the_whole_again(site: Site, tmp_path: Path) -> None:
    site.ranges = False
    site.answers[PATH] = [Answer(cut=1000)]
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert site.ranges_asked() == [None, "bytes=1000-"]


@pytest.mark.parametrize("length", [True, False])
def test_a_site_without_ranges_that_always_breaks_at_the_same_byte_is_given_up(site: Site, tmp_path: Path, length: bool) -> None:
    site.ranges = False
    site.answers[PATH] = [Answer(cut=1000, length=length)] * 100
    assert f"given up after {FILE_TRIES} attempts; run the command again" in _fails(site, tmp_path)
    assert len(site.asked) == FILE_TRIES


def test_attempts_that_bring_something_are_not_counted(site: Site, tmp_path: Path) -> None:
    steps = 3 * FILE_TRIES
    site.answers[PATH] = [Answer(cut=len(BODY) // steps)] * steps
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert len(site.asked) == steps + 1


@pytest.mark.parametrize("if_range", [True, False])
@pytest.mark.parametrize("version", ["ETag", "Last-Modified", "weak"])
def test_a_file_that_changed_between_two_attempts_is_not_glued(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture, if_range: bool, version: str
) -> None:
    """Also on a site that sends the rest of the new file whatever If-Range says."""
    site.if_range = if_range
    old = {"ETag": '"1"', "Last-Modified": "x", "weak": 'W/"1"'}[version]
    site.versions[PATH] = {"ETag" if version == "weak" else version: old.replace("1", "2").replace("x", "y")}
    site.answers[PATH] = [Answer(body=OTHER, cut=1000, headers={"ETag" if version == "weak" else version: old})]
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    again = [] if if_range and version != "weak" else [None]
    assert site.ranges_asked() == [None, "bytes=1000-", *again]
    assert site.files()[1].headers.get("if-range") == (None if version == "weak" else old)
    assert "once more" not in caplog.text, "found out before all was fetched"


def test_a_file_that_changed_between_two_runs_is_not_glued(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _break_at(site, tmp_path, monkeypatch, 1000)
    (tmp_path / f"{NAME}.part").write_bytes(OTHER[:1000])
    site.versions[PATH] = {"ETag": '"new"'}
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert site.ranges_asked() == ["bytes=1000-"]


def test_a_site_that_names_no_version_is_resumed_for_the_sum_to_judge(site: Site, tmp_path: Path) -> None:
    site.versions[PATH] = {}
    site.answers[PATH] = [Answer(cut=1000), Answer(cut=1000)]
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert site.ranges_asked() == [None, "bytes=1000-", "bytes=2000-"]
    assert all("if-range" not in request.headers for request in site.files())


@pytest.mark.parametrize("span", ["bytes 0-9/10", f"bytes 999-{len(BODY) - 1}/{len(BODY)}", f"bytes 1000-1999/{len(BODY) + 1}", "nonsense"])
def test_a_range_that_was_not_asked_for_is_not_glued(site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture, span: str) -> None:
    site.answers[PATH] = [Answer(cut=1000), Answer(status=206, headers={"Content-Range": span})]
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert site.ranges_asked() == [None, "bytes=1000-", None]
    assert "once more" not in caplog.text


def test_a_range_that_the_site_refuses_starts_again(site: Site, tmp_path: Path) -> None:
    site.answers[PATH] = [Answer(cut=1000), Answer(status=416)]
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert site.ranges_asked() == [None, "bytes=1000-", None]


def test_a_wrong_sum_is_fetched_once_more_from_the_start(site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    site.answers[PATH] = [Answer(body=OTHER)]
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert site.ranges_asked() == [None, None]
    assert any("fetching it once more" in line for line in caplog.messages)


def test_a_sum_that_stays_wrong_is_an_error_with_both_sums(site: Site, tmp_path: Path) -> None:
    site.answers[PATH] = [Answer(body=OTHER)] * 10
    message = _fails(site, tmp_path)
    assert f"its SHA-1 is {hashlib.sha1(OTHER).hexdigest()}, and {hashlib.sha1(BODY).hexdigest()} is published" in message
    assert message.startswith(f"{site.url}{PATH}: ")
    assert "set download.mirror" in message
    assert len(site.asked) == 2
    assert _names(tmp_path) == []


@pytest.mark.parametrize(("body", "length"), [(BODY[:-1], True), (BODY + b"x", True), (BODY + b"x", False)])
def test_another_size_is_another_file(site: Site, tmp_path: Path, body: bytes, length: bool) -> None:
    site.answers[PATH] = [Answer(body=body, length=length)]
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    site.answers[PATH] = [Answer(body=body, length=length)] * 2
    (tmp_path / NAME).unlink()
    assert f"{len(BODY)}" in _fails(site, tmp_path)
    assert _names(tmp_path) == []


def test_a_body_whose_length_is_not_told_and_that_ends_early_is_gone_on_with(site: Site, tmp_path: Path) -> None:
    site.answers[PATH] = [Answer(cut=1000, length=False)]
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert site.ranges_asked() == [None, "bytes=1000-"]


def test_a_busy_site_is_waited_for_as_long_as_it_asks(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(threading.Event, "wait", lambda self, seconds=None: waits.append(seconds) or self.is_set(), raising=True)
    site.answers[PATH] = [Answer(503, {"Retry-After": "7"}), Answer(429, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}), Answer(500)]
    web = Web(site.url, 1)
    waits.clear()
    fetch(_file(site), tmp_path, web, Progress(0))
    _assert_whole(tmp_path)
    assert [wait for wait in waits if wait is not None][:3] == [7, 0.002, 0.004], "asked for; asked for 0, so our own; not asked, ours"
    assert sum("trying again in" in line for line in caplog.messages) == 3
    assert "HTTP 503), asks to wait 7 s; trying again in 7 s" in caplog.messages[0]


def test_waits_grow_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    web = Web("http://127.0.0.1", 1)
    monkeypatch.setattr(web_module, "FIRST_WAIT", 1.0)
    monkeypatch.setattr(web.stop, "wait", lambda seconds: waits.append(seconds))
    patience = web_module.Patience(web, 10)
    for _ in range(9):
        patience.wait(web_module.PassingError("u: busy"))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    patience.renew()
    patience.wait(web_module.PassingError("u: busy"))
    assert waits[-1] == 1


def test_a_site_that_asks_for_too_long_a_wait_is_given_up(site: Site, tmp_path: Path) -> None:
    site.answers[PATH] = [Answer(503, {"Retry-After": "3600"})]
    assert "asks to wait 3600 s; run the command again later" in _fails(site, tmp_path)
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "though the dump's status lists it"), (403, "set download.contact"), (400, "HTTP 400; set download.mirror to another copy")],
)
def test_a_refusal_is_not_tried_again(site: Site, tmp_path: Path, status: int, words: str) -> None:
    site.answers[PATH] = [Answer(status)]
    assert words in _fails(site, tmp_path)
    assert len(site.asked) == 1


def test_a_redirect_is_followed(site: Site, tmp_path: Path) -> None:
    site.pages["/elsewhere.bz2"] = BODY
    site.answers[PATH] = [Answer(302, {"Location": "/elsewhere.bz2"})]
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert [request.path for request in site.asked] == [PATH, "/elsewhere.bz2"]


def test_a_right_file_is_not_fetched_again(site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / NAME).write_bytes(BODY)
    (tmp_path / f"{NAME}.part").write_bytes(b"left behind")
    with caplog.at_level(logging.INFO, "bookspace"):
        _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert site.asked == []
    assert caplog.messages == [f"download: {tmp_path / NAME} is there already, and right"]


@pytest.mark.parametrize(("there", "why"), [(OTHER, "its SHA-1 is"), (BODY[:-1], f"{len(BODY):,} are published")])
def test_a_wrong_file_is_fetched_again(site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture, there: bytes, why: str) -> None:
    (tmp_path / NAME).write_bytes(there)
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert why in caplog.messages[0]


def test_the_final_name_never_holds_less_than_the_whole(site: Site, tmp_path: Path) -> None:
    seen: list[bool] = []
    site.hold = lambda: seen.append((tmp_path / NAME).exists())
    site.answers[PATH] = [Answer(cut=1000), Answer(body=OTHER), Answer(503), Answer(cut=len(BODY) - 1)]
    (tmp_path / NAME).write_bytes(OTHER)
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)
    assert len(seen) >= 4
    assert not any(seen)


def test_a_file_is_on_disk_before_it_has_its_name(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def watched_rename(path: Path, target: Path) -> Path:
        events.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", lambda descriptor: events.append("fsync") or fsync(descriptor))
    monkeypatch.setattr(Path, "rename", watched_rename)
    _fetch(site, tmp_path)
    assert events == ["fsync", "rename", "fsync"]


def test_two_downloads_do_not_write_one_part(site: Site, tmp_path: Path) -> None:
    with (tmp_path / f"{NAME}.part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert f"{tmp_path / NAME}.part: another download is at work on it" in _fails(site, tmp_path)
    assert site.asked == []
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)


def test_a_part_that_another_download_just_finished_is_not_written(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one renames the part between our opening it and our locking it."""
    flock = fcntl.flock

    def rename_first(stream: object, how: int) -> None:
        (tmp_path / f"{NAME}.part").rename(tmp_path / NAME)
        flock(stream, how)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", rename_first)
    assert "another download is at work on it" in _fails(site, tmp_path)


def test_a_file_system_without_locks_will_do(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(stream: object, how: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    _fetch(site, tmp_path)
    _assert_whole(tmp_path)


def test_a_full_disk_is_an_error_that_names_the_file(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, chunk: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("embedding.download.part.Part.write", full)
    assert _fails(site, tmp_path) == f"{tmp_path / NAME}: cannot be written: No space left on device; free space or set download.folder"
    assert len(site.asked) == 1, "that is not the connection's fault"


@pytest.mark.parametrize("stop", ["before", "while it waits", "between two chunks"])
def test_a_download_that_is_given_up_stops_and_keeps_its_part(site: Site, tmp_path: Path, stop: str) -> None:
    web = Web(site.url, 1)
    if stop == "before":
        web.stop.set()
    elif stop == "while it waits":
        site.answers[PATH] = [Answer(cut=1000), Answer(503)]
        site.hold = lambda: web.stop.set() if len(site.asked) == 2 else None
    else:
        site.answers[PATH] = [Answer(cut=1000)]
        site.hold = lambda: web.stop.set() if len(site.asked) == 2 else None
    with pytest.raises(Stopped):
        fetch(_file(site), tmp_path, web, Progress(0))
    part = tmp_path / f"{NAME}.part"
    assert (part.read_bytes() if part.exists() else b"") == (b"" if stop == "before" else BODY[:1000])
    assert len(site.asked) == (0 if stop == "before" else 2)


def _told(progress: Progress) -> tuple[int, int]:
    return progress._there, progress._received


@pytest.mark.parametrize(
    ("prepare", "received"),
    [
        (lambda site, folder: None, len(BODY)),
        (lambda site, folder: (folder / NAME).write_bytes(BODY), 0),
        (lambda site, folder: site.answers[PATH].append(Answer(cut=1000)), len(BODY)),
        (lambda site, folder: site.answers[PATH].append(Answer(body=OTHER)), 2 * len(BODY)),
        (lambda site, folder: site.answers[PATH].extend([Answer(cut=1000), Answer(416)]), len(BODY) + 1000),
    ],
)
def test_progress_ends_at_the_files_size(site: Site, tmp_path: Path, prepare: Callable[[Site, Path], object], received: int) -> None:
    prepare(site, tmp_path)
    assert _told(_fetch(site, tmp_path)) == (len(BODY), received)


def test_progress_counts_what_the_last_run_left(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _break_at(site, tmp_path, monkeypatch, 1000)
    assert _told(_fetch(site, tmp_path)) == (len(BODY), len(BODY) - 1000)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, len(BODY)), st.sampled_from(["cut", "other", "busy", "new run", "no length"])), max_size=7),
    st.booleans(),
    st.booleans(),
)
def test_whatever_breaks_where_the_file_is_right_in_the_end(
    tmp_path_factory: pytest.TempPathFactory, breaks: list[tuple[int, str]], ranges: bool, versions: bool
) -> None:
    """Or there is an error and no file; never another file than the published one."""
    folder = tmp_path_factory.mktemp("dump")
    with running(Site()) as site:
        site.ranges = ranges
        if not versions:
            site.versions[PATH] = {}
        runs: list[list[Answer]] = [[]]
        for cut, kind in breaks:
            if kind == "new run":
                runs.append([])
            else:
                answer = {
                    "cut": Answer(cut=cut),
                    "other": Answer(body=OTHER, cut=cut, headers={"ETag": '"other"'}),
                    "busy": Answer(503),
                    "no length": Answer(cut=cut, length=False),
                }[kind]
                runs[-1].append(answer)
        for answers in runs:
            site.answers[PATH] = list(answers)
            tries = len(answers) if answers is not runs[-1] else 100
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(fetch_module, "FILE_TRIES", max(tries, 1))
                try:
                    _fetch(site, folder)
                except DownloadError:
                    assert not (folder / NAME).exists()
                else:
                    _assert_whole(folder)
        site.answers[PATH] = []
        _fetch(site, folder)
        _assert_whole(folder)
