"""Spark: the session, counts taken while a table is written, and Java's errors in one line."""

import os
import re
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from py4j.protocol import Py4JError, Py4JNetworkError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from embedding.errors import BookspaceError, DumpError, EnvironmentProblem, WarehouseError
from embedding.settings import SparkSettings
from embedding.signals import held_back
from embedding.staging import StagedTable
from embedding.warehouse import address

JAVA_VERSIONS = (17, 21)
LOOPBACK = "127.0.0.1"
_OURS = re.compile(r"embedding\.errors\.(\w+): ([^\n]*)")
_KILLED = (
    "if the machine was out of memory (the kernel's log says so), give Spark fewer cores, for example --set 'spark.master=local[2]', or "
    "less memory; the same command goes on"
)
_LOG_CONFIG = """
rootLogger.level = {level}
rootLogger.appenderRef.stderr.ref = console
logger.shell.name = org.apache.spark.api.python.PythonGatewayServer
logger.shell.level = {level}
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{{HH:mm:ss}} %p %c{{1}}: %m%n%ex
"""


def start_session(settings: SparkSettings, app: str, scratch: Path) -> SparkSession:
    """The session of this process. Under spark-submit the section `spark` does not count: all is as submitted.

    Args:
        settings: the section `spark`.
        app: name shown in Spark's pages.
        scratch: folder for the log configuration.

    Raises:
        EnvironmentProblem: Java is missing or of another version.
    """
    builder = SparkSession.builder.appName(app)
    if "PYSPARK_GATEWAY_PORT" not in os.environ:  # set by spark-submit, which has started the JVM already
        check_java()
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        log_config = scratch / "log4j2.properties"
        log_config.write_text(_LOG_CONFIG.format(level=settings.log_level), encoding="utf-8")
        builder = (
            builder.master(settings.master)
            .config("spark.driver.memory", settings.driver_memory)
            .config("spark.driver.extraJavaOptions", f"-Dlog4j2.configurationFile=file:{log_config}")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", str(settings.shuffle_partitions))
            .config("spark.ui.showConsoleProgress", "false")  # embedding.progress logs rate and time left
        )
        if settings.master.startswith("local"):  # one process: nobody else has business with its ports
            builder = builder.config("spark.driver.bindAddress", LOOPBACK).config("spark.driver.host", LOOPBACK)
        if settings.event_log:
            builder = builder.config("spark.eventLog.enabled", "true").config("spark.eventLog.dir", _event_log_folder(settings.event_log))
        for key, value in settings.conf.items():
            builder = builder.config(key, value)
    needed = {  # by what the tables promise
        "spark.sql.session.timeZone": "UTC",
        # Spark's default, INT96, reads as a naive timestamp elsewhere.
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",  # a table has its manifest
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "2000",  # a page of text is big
    }
    for key, value in needed.items():
        builder = builder.config(key, value)
    # A JVM whose driver goes before the two have found each other stays for ever.
    with held_back(signal.SIGTERM, signal.SIGINT):
        session = builder.getOrCreate()
    # PySpark's server of accumulators prints a traceback when its JVM goes, which is told in one line by who needs it.
    if server := getattr(session.sparkContext, "_accumulatorServer", None):
        server.handle_error = lambda request, address: None
    return session


def is_local(session: SparkSession) -> bool:
    """Do its executors run on this machine?"""
    return (session.sparkContext.master or "local").startswith("local")


def stop_session(session: SparkSession) -> None:
    """Stop it, also when its JVM is gone, which is then somebody else's error to tell."""
    with suppress(OSError, Py4JError):
        session.stop()


def _event_log_folder(folder: str) -> str:
    """As Spark is told of it; one on this machine is made, for Spark wants it to be there."""
    if "://" in folder:
        return folder
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentProblem(f"{folder}: cannot be made ({error.strerror}); mend spark.event_log") from None
    return address(Path(folder))


def check_java() -> None:
    """Raise EnvironmentProblem unless the Java that Spark would start is one that it runs on."""
    home = os.environ.get("JAVA_HOME")
    java = f"{home}/bin/java" if home else shutil.which("java")
    wanted = " or ".join(map(str, JAVA_VERSIONS))
    mend = f"install Java {JAVA_VERSIONS[0]} (for example apt-get install openjdk-17-jre-headless) or set JAVA_HOME to one"
    if java is None or not Path(java).exists():
        raise EnvironmentProblem(
            f"Java {wanted} is needed and {'JAVA_HOME=' + home + ' holds none' if home else 'none is on PATH'}; {mend}"
        )
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is None or int(version[1]) not in JAVA_VERSIONS:
        raise EnvironmentProblem(f"Java {wanted} is needed and {java} is {version[1] if version else 'none that works'}; {mend}")


def write_counted(
    rows: DataFrame, staged: StagedTable, write: Callable[[DataFrame], None], reasons: Sequence[str], **sums: Column
) -> dict[str, int]:
    """Write the rows of `rows` whose column `dropped` is null, and count the others by reason, all in one pass.

    Args:
        rows: the table's columns and `dropped`, null or one of `reasons`.
        staged: the staged table; its rows_in and dropped are set.
        write: stages rows, in one pass.
        reasons: every reason that may stand in `dropped`.
        sums: further aggregates over all rows.

    Returns:
        The further aggregates by name.
    """
    seen = Observation()
    counts = [F.count(F.when(F.col("dropped") == reason, True)).alias(reason) for reason in reasons]
    extra = [column.alias(name) for name, column in sums.items()]
    watched = rows.observe(seen, F.count(F.lit(True)).alias("rows"), *counts, *extra)
    write(watched.where(F.col("dropped").isNull()))
    figures = {name: int(value or 0) for name, value in seen.get.items()}
    staged.rows_in = figures["rows"]
    staged.dropped = {reason: figures[reason] for reason in reasons}
    return {name: figures[name] for name in sums}


def write_apart(rows: DataFrame, keys: Sequence[str], order: Sequence[str], folder: Path, rows_per_file: int) -> None:
    """Write Parquet files of which each holds one value in each of the key columns, in order when they are read by name.

    Args:
        rows: what is written, the key columns among it.
        keys: columns that are not mixed within a file.
        order: columns by which the rows with the same keys are sorted.
        folder: where the files go, all at one level.
        rows_per_file: at most so many rows a file.
    """
    marks = {f"key_{key}": F.col(key) for key in keys}
    ordered = rows.withColumns(marks).orderBy(*marks, *order)
    ordered.write.mode("append").partitionBy(*marks).option("maxRecordsPerFile", rows_per_file).parquet(address(folder))
    for file in folder.rglob("key_*/*.parquet"):
        values = [part.partition("=")[2] for part in file.relative_to(folder).parts[:-1]]
        file.rename(folder / "-".join([*values, file.name]))
    for branch in folder.glob("key_*"):
        shutil.rmtree(branch)


def one_line(error: Exception, warehouse: Path | str) -> BookspaceError | None:
    """What a Spark error comes down to, when it is one that the user can mend; None for others.

    An error of ours that was raised in a worker comes back inside Java's; a full disk is Java's own.
    """
    if _is_jvm_gone(error):
        return EnvironmentProblem(f"Spark's JVM has ended in the middle of the work; {_KILLED}")
    if not isinstance(error, PySparkException | Py4JError):
        return None
    text = str(error)
    ours = _OURS.search(text)
    if ours:
        from embedding import errors

        kind = getattr(errors, ours[1], DumpError)
        return kind(ours[2].strip()) if issubclass(kind, BookspaceError) else None
    if "OutOfMemoryError" in text:
        return EnvironmentProblem("Spark ran out of memory; give it more, for example --set spark.driver_memory=8g")
    if "JAVA_GATEWAY_EXITED" in text:
        return EnvironmentProblem(f"Spark's JVM ended while it was starting (what it said itself stands above); {_KILLED}")
    if "Python worker exited unexpectedly" in text:
        return EnvironmentProblem(f"one of Spark's Python workers has ended in the middle of the work; {_KILLED}")
    for sign in ("No space left on device", "Disk quota exceeded", "Read-only file system", "Permission denied", "Mkdirs failed"):
        line = next((line.strip() for line in text.splitlines() if sign in line), None)
        if line:
            return WarehouseError(
                f"{warehouse}: Spark could not write there or in its scratch folder ({line[:300]}); free space, mend permissions, "
                "give another --warehouse, or another scratch folder with --set 'spark.conf={spark.local.dir: FOLDER}'"
            )
    return None


def _is_jvm_gone(error: Exception) -> bool:
    """Was it raised by py4j because nobody answers any more?"""
    # So py4j puts it when the connection breaks in the middle of a call; what Java itself says comes as Py4JJavaError, or with a trace.
    cut_off = type(error) is Py4JError and re.fullmatch(r"An error occurred while calling \S+", str(error)) is not None
    refused = isinstance(error, ConnectionError) and any("py4j" in frame.filename for frame in traceback.extract_tb(error.__traceback__))
    return cut_off or refused or isinstance(error, Py4JNetworkError)
