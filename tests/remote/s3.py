"""A server that speaks S3: moto, in an environment of its own (BOOKSPACE_MOTO names one that has tests/remote/requirements-s3.txt)."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.remote.failing_proxy import FailingProxy

HERE = Path(__file__).parent
BUCKET = "books"


@contextmanager
def moto_server(folder: Path) -> Iterator[int]:
    """The port of a server, which holds the bucket `books`, while the block runs; environment and log lie in `folder`."""
    environment = Path(os.environ.get("BOOKSPACE_MOTO") or folder / "environment")
    if not environment.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([environment / "bin" / "pip", "install", "--quiet", "-r", HERE / "requirements-s3.txt"], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with (folder / "moto.log").open("w") as log:
        command = [environment / "bin" / "python", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/{BUCKET}", method="PUT"))
                break
            except urllib.error.URLError:
                assert server.poll() is None, "moto has ended"
                time.sleep(0.5)
        yield port
    finally:
        server.terminate()
        server.wait()


@contextmanager
def failing_store(port: int) -> Iterator[tuple[FailingProxy, dict[str, str]]]:
    """A proxy before the server that lets one request in ten fail, and the environment variables by which obstore finds it."""
    proxy = FailingProxy(0, port)
    names = {"AWS_ENDPOINT_URL": proxy.start(), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_REGION": "us-east-1"}
    try:
        yield proxy, names
    finally:
        proxy.shutdown()
        proxy.server_close()
