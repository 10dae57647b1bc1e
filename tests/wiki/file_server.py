"""A server of files on the loopback, which sends parts of them, and can misbehave."""

import gc
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

from fsspec.implementations.http import HTTPFileSystem

from tests.http_server import answering


@dataclass
class Asked:
    """A request: what it was for, and the bytes [start, end) that were asked for."""

    method: str
    path: str
    start: int | None
    end: int | None
    headers: dict[str, str]


@dataclass
class Store:
    """A server of files, which can misbehave.

    Attributes:
        content: bytes by path; a path that ends with / is a folder, whose listing is made.
        ranges: what it does with requests for parts: "yes"; "no", sends all; "none", says that it sends all.
        lengths: whether it tells how long a file is.
        answers: what comes instead of the usual answer to GET, one a request: a status, or "cut", a body that breaks off.
        stumbles: where it is set, one request in ten fails, by its draws: refused as busy, or broken off.
        asked: the requests.
    """

    content: dict[str, bytes] = field(default_factory=dict)
    ranges: str = "yes"
    lengths: bool = True
    answers: list[int | str] = field(default_factory=list)
    stumbles: random.Random | None = None
    asked: list[Asked] = field(default_factory=list)
    stumbled: int = 0
    url: str = ""

    def spans(self) -> list[tuple[int, int]]:
        """The parts of files that were asked for."""
        return [(asked.start, asked.end) for asked in self.asked if asked.start is not None and asked.end is not None]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    store: Store

    def do_HEAD(self) -> None:
        self._answer(False)

    def do_GET(self) -> None:
        self._answer(True)

    def _answer(self, with_body: bool) -> None:
        store, path = self.store, unquote(urlsplit(self.path).path)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        start, end = (int(wanted[1]), int(wanted[2]) + 1) if wanted else (None, None)
        store.asked.append(Asked(self.command, path, start, end, {name.lower(): value for name, value in self.headers.items()}))
        answer = store.answers.pop(0) if store.answers and (with_body or isinstance(store.answers[0], int)) else None
        if answer is None and store.stumbles and store.stumbles.random() < 0.1:
            answer = store.stumbles.choice([500, 503, 429, "cut"] if with_body else [500, 503, 429])
            store.stumbled += 1
        body, kind = store.content.get(path), "application/octet-stream"
        if body is None and any(name.startswith(f"{path}/") for name in store.content):
            self.send_response(301)  # a folder's address ends with /
            self.send_header("Location", f"{path}/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if path.endswith("/") and any(name.startswith(path) for name in store.content):
            names = sorted({name.removeprefix(path).partition("/")[0] for name in store.content if name.startswith(path)})
            links = "".join(f'<a href="{name}">{name}</a>\r\n' for name in ["../", *names])
            body, kind = f"<html><pre>{links}</pre></html>".encode(), "text/html"
        status, headers = 200, {"Content-Type": kind}
        if isinstance(answer, int) or body is None:
            status, body = answer if isinstance(answer, int) else 404, b"<html>Sorry</html>"
        elif wanted and store.ranges == "yes":
            headers["Content-Range"] = f"bytes {start}-{min(end or 0, len(body)) - 1}/{len(body)}"
            status, body = 206, body[start:end]
        if store.ranges == "none":
            headers["Accept-Ranges"] = "none"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if store.lengths:
            self.send_header("Content-Length", str(len(body)))
        self.close_connection = not store.lengths or answer == "cut"
        self.end_headers()
        if with_body:
            self.wfile.write(body[: len(body) // 2] if answer == "cut" else body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(store: Store) -> Iterator[Store]:
    with answering(_Handler, store=store) as store.url:
        try:
            yield store
        finally:
            HTTPFileSystem.clear_instance_cache()
            gc.collect()  # closes the session, whose warnings would be this test's failure
