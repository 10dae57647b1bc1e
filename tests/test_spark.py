"""The session, files that do not mix, counts, and Java."""

import os
import signal
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from embedding.errors import BookspaceError, DumpError, EnvironmentProblem, WarehouseError
from embedding.spark import check_java, one_line, write_apart, write_counted
from embedding.staging import StagedTable
from embedding.tables import TABLES, ddl


def test_files_hold_one_value_of_the_keys_and_are_in_order_by_name(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.range(1000).select(
        (F.col("id") * 7 % 1000).cast("int").alias("book_id"), F.concat(F.lit("s"), F.col("id") % 3).alias("split")
    )
    write_apart(rows.repartition(5), ("split",), ("book_id",), tmp_path, 100)
    files = sorted(tmp_path.glob("*.parquet"))
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
    seen: dict[str, list[int]] = {}
    for file in files:
        table = pq.read_table(file)
        assert table.num_rows <= 100
        assert len(set(table["split"].to_pylist())) == 1
        seen.setdefault(table["split"][0].as_py(), []).extend(table["book_id"].to_pylist())
    assert sum(map(len, seen.values())) == 1000
    assert all(ids == sorted(ids) for ids in seen.values())


def test_rows_are_counted_while_they_are_written(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.createDataFrame(
        [(0, 1, "a", 2, None), (1, 2, "b", 3, None), (2, 3, "c", 4, "too dull"), (None, None, None, None, "too odd")],
        f"{ddl('paired_books')}, dropped string",
    )
    staged = StagedTable(tmp_path)

    def write(kept: DataFrame) -> None:
        kept.select(*TABLES["paired_books"].columns.names).write.mode("append").parquet(str(tmp_path))

    more = write_counted(rows, staged, write, ("too dull", "too odd", "never"), links=F.sum("links"))
    assert (staged.rows_in, staged.dropped, more) == (4, {"too dull": 1, "too odd": 1, "never": 0}, {"links": 9})
    assert pq.read_table(tmp_path).num_rows == 2


@pytest.mark.parametrize(
    ("version", "message"),
    [('openjdk version "1.8.0_392"', "is 8;"), ('openjdk version "11.0.2" 2019-01-15', "is 11;"), ("nonsense", "is none that works;")],
)
def test_a_wrong_java_is_said_in_one_line_with_the_mend(
    version: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{version}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match=message) as raised:
        check_java()
    assert "openjdk-17" in str(raised.value)


def test_a_missing_java_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="holds none"):
        check_java()
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="none is on PATH"):
        check_java()


def test_the_java_of_this_machine_serves() -> None:
    check_java()
    assert os.environ.get("JAVA_HOME") is None or Path(os.environ["JAVA_HOME"]).is_dir()


def test_nobody_but_this_machine_can_reach_the_session(spark: SparkSession) -> None:
    """Spark's driver and its block manager listen on all addresses of the machine unless they are told otherwise."""
    spark.range(10).repartition(2).mapInArrow(lambda batches: batches, "id long").count()
    java = [child for child in psutil.Process().children(recursive=True) if "java" in child.name()]
    heard = {at.laddr.ip for process in java for at in process.net_connections("inet") if at.status == psutil.CONN_LISTEN}
    assert heard
    assert {address for address in heard if not ip_address(address.removeprefix("::ffff:")).is_loopback} == set()


def test_errors_of_workers_and_of_java_come_down_to_one_line(spark: SparkSession) -> None:
    def fail(batches: object) -> object:
        raise DumpError("x.bz2: is cut off at byte 17")

    with pytest.raises(PySparkException) as raised:
        spark.range(1).mapInArrow(fail, "id long").collect()  # type: ignore[arg-type]
    known = one_line(raised.value, Path("warehouse"))
    assert isinstance(known, DumpError)
    assert str(known) == "x.bz2: is cut off at byte 17"
    assert isinstance(one_line(PySparkException("java.io.IOException: No space left on device"), Path("w")), WarehouseError)
    assert isinstance(one_line(PySparkException("[JAVA_GATEWAY_EXITED] Java gateway process exited"), Path("w")), EnvironmentProblem)
    assert isinstance(one_line(Py4JError("An error occurred while calling o55.read"), Path("w")), EnvironmentProblem), "the JVM was killed"
    assert one_line(Py4JError("An error occurred while calling o55.read. Trace:\njava.lang.Error"), Path("w")) is None
    assert one_line(PySparkException("a bug of ours"), Path("w")) is None
    assert one_line(ValueError("no Spark error"), Path("w")) is None
    assert issubclass(WarehouseError, BookspaceError)


def test_a_worker_that_is_killed_is_said_in_one_line(spark: SparkSession) -> None:
    def die(batches: object) -> object:
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(Py4JError) as raised:
        spark.range(1).mapInArrow(die, "id long").collect()  # type: ignore[arg-type]
    known = one_line(raised.value, Path("warehouse"))
    assert isinstance(known, EnvironmentProblem)
    assert str(known).startswith("one of Spark's Python workers has ended in the middle of the work")


@pytest.mark.parametrize("when", ["between two calls", "in the middle of a call"])
def test_a_jvm_that_is_killed_is_said_in_one_line(when: str, tmp_path: Path) -> None:
    """In a process of its own; what tidies up afterwards does not hide it."""
    kill = (
        "java.kill()\n    psutil.wait_procs([java])"
        if when == "between two calls"
        else "java.suspend()\n    threading.Timer(1, java.kill).start()"
    )
    code = (
        "import psutil, threading\nfrom embedding.command_line import reported\nfrom embedding.job import Session\n"
        "from embedding.log import start_log\nfrom embedding.settings_files import load_settings\n"
        "start_log()\n"
        "session = Session(load_settings([], ['wiki=testwiki', 'spark.master=local[1]', 'spark.driver_memory=512m']))\n"
        "with reported('warehouse', False):\n  try:\n    rows = session.spark.range(1)\n"
        "    session.spark.sparkContext.parallelize([1]).map(str).collect()\n"  # Java connects to the server of accumulators
        "    java, *_ = [one for one in psutil.Process().children(recursive=True) if one.name() == 'java']\n"
        f"    {kill}\n    rows.count()\n  finally:\n    session.stop()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("bookspace: Spark's JVM has ended in the middle of the work; if the machine was out")


def test_a_refusal_that_is_not_sparks_keeps_its_name() -> None:
    assert one_line(ConnectionRefusedError(111, "Connection refused"), Path("w")) is None
