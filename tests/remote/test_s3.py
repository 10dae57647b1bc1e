"""A warehouse in a store that speaks S3, behind a proxy that lets one request in ten fail.

Slow: moto is installed first (see tests/remote/s3.py).
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from embedding.errors import DumpError
from embedding.remote import lease
from embedding.remote.objects import Objects
from embedding.remote.state import unnamed
from embedding.runs import run_steps
from embedding.settings_files import load_settings
from embedding.warehouse import Warehouse
from embedding.wiki.files import find_files, open_file, size_of
from jobs.pipeline import STEPS
from tests.conftest import BorrowedSession
from tests.deploy.running import assert_same_tables
from tests.jobs.running import run
from tests.planted import SETTINGS, write_planted
from tests.remote.failing_proxy import HOW, FailingProxy
from tests.remote.machines import SNAPSHOT, Machine
from tests.remote.s3 import failing_store, moto_server
from tests.remote.test_mirror import KILLED

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The server's port."""
    with moto_server(tmp_path_factory.mktemp("moto")) as port:
        yield port


@pytest.fixture
def proxy(store: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[FailingProxy]:
    """What obstore takes for the store."""
    with failing_store(store) as (server, names):
        for name, value in names.items():
            monkeypatch.setenv(name, value)
        yield server


def test_every_way_to_fail_is_got_over(proxy: FailingProxy, tmp_path: Path) -> None:
    proxy.share = 0.25
    objects = Objects("s3://books/objects")
    content = {f"k/{number}": b"%d" % number * 3 for number in range(60)}
    for key, value in content.items():
        objects.write(key, value)
    assert {key: objects.read(key) for key in content} == content
    assert {key: found.bytes for key, found in objects.list("k").items()} == {key: len(value) for key, value in content.items()}
    big = tmp_path / "big"
    big.write_bytes(os.urandom(11 << 20))  # in parts
    objects.upload({"big": big})
    objects.download({"big": tmp_path / "again"})
    assert (tmp_path / "again").read_bytes() == big.read_bytes()
    objects.create("created", b"first")
    assert not objects.create("created", b"second")
    assert objects.read("created") == b"first"
    assert set(proxy.seen) == {*HOW, "done"}, proxy.seen


def test_a_lease_is_one_s(proxy: FailingProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEWED", 0.05)
    objects, inside, most = Objects("s3://books/leases"), [0], [0]

    def run() -> None:
        with lease.leased(objects, SNAPSHOT, wait=True):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.3)
            inside[0] -= 1

    monkeypatch.setattr(lease, "_LOOK", 0.05)
    threads = [threading.Thread(target=run) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert lease.seconds_left(objects, SNAPSHOT) == 0
    assert [key[-13:] for key in objects.list()] == ["00000005.json"]
    assert proxy.seen["done"] > 50


def test_a_dump_is_found_and_read_in_the_store(proxy: FailingProxy, tmp_path: Path) -> None:
    file = tmp_path / "testwiki-20240501-pages-articles.xml.bz2"
    file.write_bytes(os.urandom(300_000))
    Objects("s3://books/dumps").upload({file.name: file, "testwiki-20240501-index.txt": file})
    address = f"s3://books/dumps/{file.name}"
    assert find_files(address) == find_files("s3://books/dumps/") == find_files("s3://books/dumps/*.bz2") == [address]
    assert size_of(address) == 300_000
    with open_file(address) as opened:
        opened.seek(200_000)
        assert opened.read(1000) == file.read_bytes()[200_000:201_000]
        opened.seek(10)
        assert opened.read(5) == file.read_bytes()[10:15]
    with pytest.raises(DumpError, match="no such file"):
        find_files("s3://books/dumps/none.xml")


@pytest.mark.parametrize(("moment", "seen"), [("between two files", "old"), ("before the commit", "old"), ("after the commit", "new")])
def test_a_kill_leaves_the_old_tables_or_the_new_ones(proxy: FailingProxy, tmp_path: Path, moment: str, seen: str) -> None:
    one, two = (Machine(f"s3://books/{moment.replace(' ', '-')}", tmp_path / name) for name in ("one", "two"))
    one.write("old", model=b"old")
    killed = subprocess.run([sys.executable, "-c", KILLED, moment, one.address, str(one.cache)], cwd=HERE.parents[1], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert one.titles() == two.titles() == [seen]
    one.write("newer")
    assert two.titles() == ["newer"]


def test_every_step_on_another_machine_makes_the_tables_of_a_run_on_one_disk(
    spark: SparkSession, proxy: FailingProxy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dump = write_planted(tmp_path)
    here = run(spark, tmp_path, dump)
    (tmp_path / "test.yaml").write_text(SETTINGS)

    def settings(machine: int) -> Any:
        own = [f"warehouse_cache={tmp_path}/machine-{machine}", "warehouse=s3://books/planted", f"dump={dump}", "snapshot=20240501"]
        return load_settings([tmp_path / "test.yaml"], own)

    for number, step in enumerate(STEPS):
        run_steps([step], settings(number % 2), BorrowedSession(spark))
    there = Warehouse("s3://books/planted", str(tmp_path / "reader"))
    assert there.latest() == here.latest() != []
    assert assert_same_tables(here, there) > 1000
    assert there.mirror
    assert unnamed(there.mirror.objects.list(), [there.mirror.state(*there.latest())]) == [], "nothing is left"
    assert sum(proxy.seen[how] for how in HOW) > 10, proxy.seen

    caplog.clear()
    with caplog.at_level(logging.INFO):
        run_steps(STEPS, settings(2), BorrowedSession(spark), resume=True)
    assert caplog.text.count("its tables are up to date") == len(STEPS) - 1, "all but publish, on a machine that has seen none of them"
