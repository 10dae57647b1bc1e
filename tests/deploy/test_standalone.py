"""All steps on a real standalone cluster: a master and two workers, each in its own folder, with the packed environment alone.

Slow: packing installs everything once more (BOOKSPACE_ENVIRONMENT names an archive that deploy/pack.sh has made).
"""

import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from embedding.warehouse import Warehouse
from jobs.pipeline import STEPS
from tests.deploy.running import ROOT, SPARK_HOME, SUBMIT, assert_same_tables, call, clean_environment

pytestmark = pytest.mark.slow


@dataclass
class Cluster:
    """A cluster on the loopback.

    Attributes:
        master: its address.
        workers: the work folder of each worker.
        pythons: command and loaded libraries of every Python process that was seen at work, by the worker in whose folder it ran.
    """

    master: str
    workers: list[Path]
    pythons: dict[Path, set[str]] = field(default_factory=dict)

    def look(self, stop: threading.Event) -> None:
        """Watch the executors' Python processes until told to stop."""
        while not stop.wait(0.2):
            for process in psutil.process_iter():
                try:
                    command, cwd = process.cmdline(), Path(process.cwd())
                    worker = next((worker for worker in self.workers if cwd.is_relative_to(worker)), None)
                    if worker is None or not any("pyspark" in word for word in command) or "java" in command[0]:
                        continue
                    maps = {part.path for part in process.memory_maps() if "site-packages" in part.path}
                except (psutil.Error, OSError):
                    continue
                self.pythons.setdefault(worker, set()).update({command[0], *maps})


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
    found = Cluster(f"spark://127.0.0.1:{port}", [folder / "worker-1", folder / "worker-2"])
    start = [SPARK_HOME / "bin" / "spark-class"]
    commands = {
        "master": [*start, "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", port, "--webui-port", 0],
        **{
            worker.name: [
                *start, "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--webui-port", 0,
                "--cores", 1, "--memory", "1g", "--work-dir", worker, found.master,
            ]
            for worker in found.workers
        },
    }  # fmt: skip
    processes = []
    try:
        for name, command in commands.items():
            with (folder / f"{name}.log").open("wb") as log:
                surroundings = clean_environment(SPARK_HOME=str(SPARK_HOME))
                processes.append(subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, cwd=folder, env=surroundings))
        for worker in found.workers:
            _await(folder / f"{worker.name}.log", "Successfully registered with master")
        yield found
    finally:
        for process in processes:
            process.terminate()
            process.wait(60)


def _await(log: Path, word: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while word not in log.read_text(errors="replace"):
        assert time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]
        time.sleep(0.2)


def test_all_steps_give_the_tables_of_a_local_run(environment: Path, cluster: Cluster, tmp_path: Path) -> None:
    shared = clean_environment(ENVIRONMENT=str(environment), SPARK_HOME=str(SPARK_HOME), XDG_CACHE_HOME=str(tmp_path / "cache"))
    here = tmp_path / "here"
    call([SUBMIT, "bookspace", "run", "--conf", "sample.yaml", "--warehouse", here], shared, tmp_path)

    there, stop = tmp_path / "there", threading.Event()
    watch = threading.Thread(target=cluster.look, args=(stop,))
    watch.start()
    spark = ["--conf", "spark.executor.memory=600m", "--conf", "spark.driver.memory=1g", "--conf", "spark.sql.shuffle.partitions=4"]
    loopback = ["--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.ui.enabled=false"]
    try:
        for step in STEPS:
            options = ["--conf", "sample.yaml", "--warehouse", there]
            call([SUBMIT, step.name, *options, "--", *spark, *loopback], {**shared, "MASTER": cluster.master}, tmp_path)
    finally:
        stop.set()
        watch.join()

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
