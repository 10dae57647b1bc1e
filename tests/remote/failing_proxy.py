"""A proxy before a store that lets one request in ten fail: refused with 500 or 503, cut before it arrives, or cut in the answer.

    python -m tests.remote.failing_proxy PORT STORE_PORT [--share .1] [--seed 1]

A request whose answer is cut has been done: that is what makes lost answers hard.
"""

import argparse
import http.client
import random
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOW = ("500", "503", "cut before", "cut in the answer")


class FailingProxy(ThreadingHTTPServer):
    """Listens on a port of the loopback (0: any that is free) until it is shut down.

    Args:
        port: where.
        store: port of the store.
        share: of the requests that fail.
        seed: which ones fail follows from it, and from the order in which they come.
    """

    daemon_threads = True

    def __init__(self, port: int, store: int, share: float = 0.1, seed: int = 1) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.store, self.share, self._random, self._lock = store, share, random.Random(seed), threading.Lock()
        self.seen: Counter[str] = Counter()

    def fate(self) -> str:
        """What becomes of the next request."""
        with self._lock:
            how = self._random.choice(HOW) if self._random.random() < self.share else "done"
            self.seen[how] += 1
            return how

    def start(self) -> str:
        """Serve in a thread; its address."""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FailingProxy

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        how = self.server.fate()
        if how == "cut before":
            self._cut()
        elif how in ("500", "503"):
            self.send_response(int(how))
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._pass_on(body, cut=how != "done")

    def _pass_on(self, body: bytes, cut: bool) -> None:
        store = http.client.HTTPConnection("127.0.0.1", self.server.store)
        store.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)  # as it was signed
        for name, value in self.headers.items():
            if name.lower() != "connection":
                store.putheader(name, value)
        store.endheaders(body)
        answer = store.getresponse()
        content = answer.read()
        store.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", length or "0")
        if cut and not content:
            self._cut()
            return
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self._cut()

    def _cut(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        pass

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any


def main() -> None:
    """Serve until it is interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("store", type=int)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    proxy = FailingProxy(options.port, options.store, options.share, options.seed)
    try:
        proxy.serve_forever()
    finally:
        print(dict(proxy.seen), flush=True)


if __name__ == "__main__":
    main()
