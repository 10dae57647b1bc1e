"""All steps on a real standalone cluster: a master and two workers, each in its own folder, with the packed environment alone.

Once with a warehouse that all of them see, where one of the workers is lost in the middle of a stage and comes back later; and once with
a warehouse and a dump in a store that speaks S3 and lets one request in ten fail, where they share nothing else.

Slow: packing installs everything once more (BOOKSPACE_ENVIRONMENT names an archive that deploy/pack.sh has made), and so does moto.
"""

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from embedding.remote.objects import Objects
from embedding.remote.state import unnamed
from embedding.warehouse import Warehouse
from jobs.pipeline import STEPS
from tests.deploy.running import ROOT, SPARK_HOME, SUBMIT, assert_same_tables, call, clean_environment
from tests.remote.failing_proxy import HOW
from tests.remote.s3 import BUCKET, failing_store, moto_server

pytestmark = pytest.mark.slow
LOSES_A_WORKER = "extract_books"


@dataclass
class Cluster:
    """A cluster on the loopback.

    Attributes:
        master: its address.
        workers: the work folder of each worker.
        start: starts the worker of a folder.
        processes: the worker of each folder.
        pythons: command and loaded libraries of every Python process that was seen at work, by the worker in whose folder it ran.
        opened: data files that these processes were seen to have open or mapped.
    """

    master: str
    workers: list[Path]
    start: Callable[[Path], "subprocess.Popen[bytes]"]
    processes: dict[Path, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    pythons: dict[Path, set[str]] = field(default_factory=dict)
    opened: set[Path] = field(default_factory=set)

    def at_work(self) -> Iterator[tuple[Path, psutil.Process]]:
        """The executors' Python processes, each with the worker in whose folder it is."""
        for process in psutil.process_iter():
            try:
                command, cwd = process.cmdline(), Path(process.cwd())
                worker = next((worker for worker in self.workers if cwd.is_relative_to(worker)), None)
                if worker and any("pyspark" in word for word in command) and "java" not in command[0]:
                    yield worker, process
            except (psutil.Error, OSError, IndexError):
                continue

    def look(self, stop: threading.Event) -> None:
        """Watch the executors' Python processes until told to stop."""
        while not stop.wait(0.2):
            for worker, process in self.at_work():
                try:
                    mapped = {part.path for part in process.memory_maps() if part.path.startswith("/")}
                    libraries = {path for path in mapped if "site-packages" in path}
                    self.pythons.setdefault(worker, set()).update({process.cmdline()[0], *libraries})
                    files = {*mapped, *(file.path for file in process.open_files())}
                    self.opened |= {Path(path) for path in files if path.endswith((".parquet", ".npy", ".ann", ".bz2"))}
                except (psutil.Error, OSError, IndexError):
                    continue

    def lose_one(self, lost: list[Path]) -> None:
        """Once a task is at work on a worker, SIGKILL that worker with all that it has started, as when a machine is lost."""
        while not lost:
            time.sleep(0.05)
            at_work = [worker for worker, _ in self.at_work()]
            for worker in {worker for worker in at_work if at_work.count(worker) > 1}:  # the first process only forks the others
                family = psutil.Process(self.processes[worker].pid)
                for process in [family, *family.children(recursive=True)]:
                    process.send_signal(signal.SIGKILL)
                self.processes[worker].wait()
                lost.append(worker)
                break


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packed environment."""
    if given := os.environ.get("BOOKSPACE_ENVIRONMENT"):
        return Path(given)
    archive = tmp_path_factory.mktemp("pack") / "environment.tar.gz"
    call([ROOT / "deploy" / "pack.sh", "-o", archive], os.environ, archive.parent)
    return archive


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"spark://127.0.0.1:{port}"

    def start(log: str, name: str, *words: object) -> "subprocess.Popen[bytes]":
        command = [SPARK_HOME / "bin" / "spark-class", f"org.apache.spark.deploy.{name}", "--host", "127.0.0.1", "--webui-port", 0, *words]
        with (folder / log).open("wb") as file:
            surroundings = clean_environment(SPARK_HOME=str(SPARK_HOME))
            return subprocess.Popen(list(map(str, command)), stdout=file, stderr=file, cwd=folder, env=surroundings)

    def start_worker(worker: Path) -> "subprocess.Popen[bytes]":
        started = start(f"{worker.name}.log", "worker.Worker", "--cores", 1, "--memory", "1g", "--work-dir", worker, address)
        _await(folder / f"{worker.name}.log", "Successfully registered with master")
        return started

    found = Cluster(address, [folder / "worker-1", folder / "worker-2"], start_worker)
    master = start("master.log", "master.Master", "--port", port)
    try:
        for worker in found.workers:
            found.processes[worker] = found.start(worker)
        yield found
    finally:
        for process in (*found.processes.values(), master):
            process.terminate()
            process.wait(60)


def _await(log: Path, word: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while word not in log.read_text(errors="replace"):
        assert time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]
        time.sleep(0.2)


@contextmanager
def _watched(cluster: Cluster) -> Iterator[None]:
    """In the block the executors' Python processes are watched."""
    cluster.pythons, cluster.opened = {}, set()
    stop = threading.Event()
    watch = threading.Thread(target=cluster.look, args=(stop,))
    watch.start()
    try:
        yield
    finally:
        stop.set()
        watch.join()


SMALL = ["--conf", "spark.executor.memory=600m", "--conf", "spark.driver.memory=1g", "--conf", "spark.sql.shuffle.partitions=4"]
LOOPBACK = ["--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.ui.enabled=false"]


def test_all_steps_give_the_tables_of_a_local_run_though_a_worker_is_lost_in_a_stage(
    environment: Path, cluster: Cluster, tmp_path: Path
) -> None:
    shared = clean_environment(ENVIRONMENT=str(environment), SPARK_HOME=str(SPARK_HOME), XDG_CACHE_HOME=str(tmp_path / "cache"))
    here = tmp_path / "here"
    call([SUBMIT, "bookspace", "run", "--conf", "sample.yaml", "--warehouse", here], shared, tmp_path)

    there = tmp_path / "there"
    with _watched(cluster):
        for step in STEPS:
            options = ["--conf", "sample.yaml", "--warehouse", there]
            lost: list[Path] = []
            if step.name == LOSES_A_WORKER:
                threading.Thread(target=cluster.lose_one, args=(lost,), daemon=True).start()
            said = call([SUBMIT, step.name, *options, "--", *SMALL, *LOOPBACK], {**shared, "MASTER": cluster.master}, tmp_path)
            print(said)  # for who reads the test's output
            if step.name == LOSES_A_WORKER:
                assert len(lost) == 1
                assert re.search(r"Lost (executor|task)", said), said
                cluster.processes[lost[0]] = cluster.start(lost[0])

    assert assert_same_tables(Warehouse(here), Warehouse(there)) > 10_000
    # Both workers have worked, with the Python and the libraries of the archive that was unpacked in their own folder.
    assert set(cluster.pythons) == set(cluster.workers)
    for worker, used in cluster.pythons.items():
        programs = {one for one in used if "site-packages" not in one}
        assert programs == {"./environment/bin/python"}
        libraries = used - programs
        assert any("pyarrow" in library for library in libraries)
        apart = re.compile(rf"{re.escape(str(worker.resolve()))}/app-[^/]+/\d+/environment/")
        assert {library for library in libraries if not apart.match(library)} == set()


def test_all_steps_on_machines_that_share_nothing_but_an_object_store(
    environment: Path, cluster: Cluster, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By Annoy, whose index and vectors must come to the executors."""
    driver = tmp_path / "driver"
    dump = driver / "samplewiki-20260101-pages-articles.xml.bz2"
    driver.mkdir()
    shared = clean_environment(ENVIRONMENT=str(environment), SPARK_HOME=str(SPARK_HOME), XDG_CACHE_HOME=str(driver))
    given = ["--conf", "sample.yaml", "--set", "neighbours.method=annoy", "--set", "snapshot=20260101"]
    call([SUBMIT, "bookspace", "sample", dump], shared, tmp_path)
    call([SUBMIT, "bookspace", "run", *given, "--warehouse", tmp_path / "here", "--dump", dump], shared, tmp_path)

    with moto_server(tmp_path_factory.mktemp("moto")) as port, failing_store(port) as (proxy, names), _watched(cluster):
        for name, value in names.items():
            monkeypatch.setenv(name, value)
        Objects(f"s3://{BUCKET}/dump").upload({dump.name: dump})
        credentials = [word for name, value in names.items() for word in ("--conf", f"spark.executorEnv.{name}={value}")]
        there = f"s3://{BUCKET}/warehouse"
        for step in STEPS:
            options = [*given, "--warehouse", there, "--dump", f"s3://{BUCKET}/dump/{dump.name}", "--", *SMALL, *LOOPBACK, *credentials]
            print(call([SUBMIT, step.name, *options], {**shared, **names, "MASTER": cluster.master}, tmp_path))
        found = Warehouse(there, str(tmp_path / "reader"))
        assert assert_same_tables(Warehouse(tmp_path / "here"), found) > 10_000
        assert found.mirror
        assert unnamed(found.mirror.objects.list(), [found.mirror.state(*found.latest())]) == [], "nothing is left"
        assert sum(proxy.seen[how] for how in HOW) > 10, proxy.seen
    assert set(cluster.pythons) == set(cluster.workers)
    assert {file for file in cluster.opened if file.is_relative_to(driver)} == set(), "executors have seen nothing of the driver's"
    assert {"vectors.npy", "index.ann"} <= {file.name.rpartition("-")[2] for file in cluster.opened}, "but what Spark has sent"
