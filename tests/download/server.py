"""A small site with the layout of dumps.wikimedia.org, on the loopback, that can misbehave."""

import hashlib
import json
import random
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.conftest import multistream, page
from tests.http_server import answering


@dataclass(frozen=True)
class Request:
    """What the site was asked."""

    path: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What the site answers instead of what it holds.

    Attributes:
        status: of the answer; None: as usual.
        headers: beside the usual ones.
        body: other content; None: the usual.
        cut: the connection breaks after so many bytes of the body; None: it does not.
        length: whether the body's length is told; without it only the end of the connection tells the end.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut: int | None = None
    length: bool = True


def content_of(name: str, pages: int = 40) -> bytes:
    """The packed dump that a file of this name holds."""
    return multistream([page(f"{name} {i}", i + 1, f"Text {hashlib.sha1(f'{name}{i}'.encode()).hexdigest()} " * 3) for i in range(pages)])


class Site:
    """The site: what it holds, how it answers, and what it was asked.

    Attributes:
        pages: content by path.
        answers: misbehaviour by path, one a request, the first one first.
        ranges: whether it knows of ranges; if not, it always sends the whole.
        if_range: whether it looks at If-Range.
        versions: ETag and Last-Modified of each path; "" or missing: by its content.
        dated: whether answers have a Last-Modified.
        asked: the requests, in order.
        peak: the most requests for files that were ever under way at once.
        hold: called while a file's request is under way.
        stumbles: where it is set, one request in ten fails, by its draws: refused as busy, or broken off.
    """

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.answers: defaultdict[str, list[Answer]] = defaultdict(list)
        self.ranges = True
        self.if_range = True
        self.versions: dict[str, dict[str, str]] = {}
        self.asked: list[Request] = []
        self.under_way = 0
        self.peak = 0
        self.hold: Callable[[], object] = lambda: None
        self.stumbles: random.Random | None = None
        self.lock = threading.Lock()
        self.url = ""

    def add_dump(
        self,
        wiki: str,
        date: str,
        jobs: dict[str, Sequence[str]],
        status: str = "done",
        sums_in_status: bool = True,
        sums_in_file: bool = False,
    ) -> None:
        """Publish a dump, with jobs and the names of their files behind `<wiki>-<date>-`."""
        folder = f"/{wiki}/{date}"
        told: dict[str, object] = {}
        sums = []
        for job, names in jobs.items():
            files = {}
            for name in (f"{wiki}-{date}-{name}" for name in names):
                body = content_of(name)
                self.pages[f"{folder}/{name}"] = body
                digest = hashlib.sha1(body).hexdigest()
                sums.append(f"{digest}  {name}\n")
                files[name] = {"size": len(body), "url": f"{folder}/{name}", "md5": hashlib.md5(body).hexdigest()}
                if sums_in_status:
                    files[name]["sha1"] = digest
            told[job] = {"status": status, "updated": "2026-01-03 01:02:03", "files": files}
        told["pagetable"] = {"status": "waiting", "updated": ""}
        self.pages[f"{folder}/dumpstatus.json"] = json.dumps({"jobs": told, "version": "0.8"}).encode()
        if sums_in_file:
            self.pages[f"{folder}/{wiki}-{date}-sha1sums.txt"] = "".join(sums).encode()
        dates = sorted({path.split("/")[2] for path in self.pages if path.startswith(f"/{wiki}/2")})
        self.pages[f"/{wiki}/"] = listing(wiki, dates)

    def files(self) -> list[Request]:
        """The requests for dump files."""
        return [request for request in self.asked if request.path.endswith(".bz2")]

    def ranges_asked(self) -> list[str | None]:
        """The header Range of every request for a dump file, in order."""
        return [request.headers.get("range") for request in self.files()]

    def version_of(self, path: str, body: bytes) -> dict[str, str]:
        """ETag and Last-Modified that are sent."""
        return self.versions.get(path, {"ETag": f'"{hashlib.md5(body).hexdigest()}"', "Last-Modified": "Sat, 03 Jan 2026 01:02:03 GMT"})


def _stumbled(draw: random.Random | None) -> Answer | None:
    if draw is None or draw.random() >= 0.1:
        return None
    return draw.choice([Answer(status=503), Answer(status=500), Answer(status=429), Answer(cut=0), Answer(cut=100)])


def listing(wiki: str, dates: Sequence[str]) -> bytes:
    """The index of a wiki's folder, as nginx writes it."""
    lines = [f'<a href="{name}/">{name}/</a>                  03-Jan-2026 01:02        -\r\n' for name in [*dates, "latest"]]
    head = (
        f'<html>\r\n<head><title>Index of /{wiki}/</title></head>\r\n<body>\r\n<h1>Index of /{wiki}/</h1><hr><pre><a href="../">../</a>\r\n'
    )
    return (head + "".join(lines) + "</pre><hr></body>\r\n</html>\r\n").encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    site: Site

    def do_GET(self) -> None:
        site, path = self.site, self.path
        self._counts = path.endswith(".bz2")
        with site.lock:
            site.asked.append(Request(path, {name.lower(): value for name, value in self.headers.items()}))
            answer = site.answers[path].pop(0) if site.answers[path] else _stumbled(site.stumbles) or Answer()
            site.under_way += self._counts
            site.peak = max(site.peak, site.under_way)
        if self._counts:
            site.hold()
        held = answer.body if answer.body is not None else site.pages.get(path)
        if held is None and answer.status is None:
            self._send(404, {}, b"<html>404 Not Found</html>", answer)
        elif answer.status is not None:
            self._send(answer.status, {}, held or b"", answer)
        else:
            self._send_page(path, held or b"", answer)

    def _send_page(self, path: str, body: bytes, answer: Answer) -> None:
        version = {**self.site.version_of(path, body), **answer.headers}
        span = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        named = self.headers.get("If-Range")
        if span and self.site.ranges and (named is None or not self.site.if_range or named in version.values()):
            start = int(span[1])
            if start >= len(body):
                self._send(416, {"Content-Range": f"bytes */{len(body)}"}, b"", answer)
            else:
                self._send(206, {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}", **version}, body[start:], answer)
        else:
            self._send(200, version, body, answer)

    def _send(self, status: int, headers: dict[str, str], body: bytes, answer: Answer) -> None:
        self.send_response(status)
        for name, value in {**headers, **answer.headers}.items():
            self.send_header(name, value)
        if answer.length:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.close_connection = True
        self.end_headers()
        sent = body[: answer.cut]
        self.wfile.write(sent[:-1])
        with self.site.lock:  # before the last byte: once the client has that, it may ask for the next file
            self.site.under_way -= self._counts
        self.wfile.write(sent[-1:])
        if answer.cut is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def running(site: Site) -> Iterator[Site]:
    """The site, answering at `site.url`."""
    with answering(_Handler, site=site) as site.url:
        yield site
