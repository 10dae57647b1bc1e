"""The tables in Spark's catalog, served over JDBC by the Thrift server and read back by beeline."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyspark
import pytest

from embedding.catalog import follow, metastore_conf
from embedding.errors import EnvironmentProblem, NotFoundError
from embedding.settings_files import load_settings
from embedding.sql import open_duckdb
from embedding.views import catalog_statements, table_marks
from embedding.warehouse import Warehouse
from tests.sample_warehouse import BEFORE, TODAY, make

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
BEELINE = Path(pyspark.__file__).parent / "bin" / "beeline"


def test_a_metastore_is_a_folder_or_an_address(tmp_path: Path) -> None:
    assert metastore_conf("thrift://meta:9083")["spark.hadoop.hive.metastore.uris"] == "thrift://meta:9083"
    conf = metastore_conf(str(tmp_path))
    assert conf["spark.hadoop.javax.jdo.option.ConnectionURL"] == f"jdbc:derby:;databaseName={tmp_path}/derby;create=true"
    assert (
        {conf["spark.sql.catalogImplementation"]} == {metastore_conf("thrift://meta:9083")["spark.sql.catalogImplementation"]} == {"hive"}
    )


def test_an_empty_warehouse_is_not_registered(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="holds no table yet"):
        catalog_statements(Warehouse(tmp_path), "bookspace")


def test_a_path_with_quotes_is_a_literal_of_spark(tmp_path: Path) -> None:
    warehouse = make(tmp_path / "it's\tmine")
    (statement,) = [one for one in catalog_statements(warehouse, "bookspace") if one.startswith("CREATE TABLE neighbours (")]
    assert "it\\'s\tmine/neighbours'" in statement
    assert "PARTITIONED BY (wiki, snapshot)" in statement


def test_one_statement_at_the_end_changes_what_is_in_view(tmp_path: Path) -> None:
    warehouse = make(tmp_path)
    statements = catalog_statements(warehouse, "bookspace")
    assert statements[-1].startswith("CREATE OR REPLACE FUNCTION shown(name STRING) RETURNS STRING RETURN CASE name WHEN 'samplewiki' ")
    assert [one for one in statements[:-1] if TODAY.date in one] == [statements[2]], "that which makes the function where there is none"
    assert statements[2].startswith("CREATE FUNCTION IF NOT EXISTS shown(")
    warehouse.publication.withdraw(TODAY)
    assert f"THEN '{BEFORE.date}' END" in catalog_statements(warehouse, "bookspace")[-1]
    warehouse.publication.withdraw(BEFORE)
    assert catalog_statements(warehouse, "bookspace")[-1].endswith("RETURN CAST(NULL AS STRING)"), "nothing is in view"


def test_a_table_that_the_catalog_has_is_not_made_anew(tmp_path: Path) -> None:
    here, there = make(tmp_path / "here"), make(tmp_path / "there")
    first = catalog_statements(here, "bookspace")
    properties = re.findall(r"TBLPROPERTIES \('([^']+)' = '([^']+)'\)", " ".join(first))
    known = table_marks("\n".join(f"Table Properties: [{name}={value}]" for name, value in properties))
    assert len(known) == len(properties) == 6
    again = catalog_statements(here, "bookspace", known)
    assert not [one for one in again if one.startswith(("DROP", "CREATE TABLE"))]
    assert sum(one.startswith("MSCK REPAIR TABLE") for one in again) == 6
    moved = catalog_statements(there, "bookspace", known)
    assert sum(one.startswith("CREATE TABLE") for one in moved) == 6, "those of another warehouse"


def test_nothing_is_registered_where_the_settings_name_no_catalog(tmp_path: Path) -> None:
    assert follow(load_settings([], ["wiki=any"]), Warehouse(tmp_path)) is None


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"^jdbc:hive2://127\.0\.0\.1:1: the tables could not be registered there: "):
        follow(load_settings([], ["wiki=any", "catalog.place=jdbc:hive2://127.0.0.1:1"]), make(tmp_path))


@dataclass(frozen=True)
class Server:
    """A Thrift server at work."""

    port: int
    process: subprocess.Popen[bytes]

    def ask(self, query: str) -> list[dict[str, str]]:
        """What beeline reads: a row a dictionary."""
        header, *rows = [line.split("\t") for line in self.text(query).splitlines() if line]
        return [dict(zip(header, row, strict=True)) for row in rows]

    def text(self, query: str) -> str:
        """What beeline prints, tabs between the columns."""
        address = f"jdbc:hive2://127.0.0.1:{self.port}/bookspace"
        command = [BEELINE, "-u", address, "-n", "reader", "--silent=true", "--outputformat=tsv2", "-e", query]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return re.sub(r"^\d+: jdbc:[^>]*> ", "", done.stdout, flags=re.MULTILINE)  # a prompt, although nobody is there to see it


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return make(tmp_path_factory.mktemp("warehouse"))


@pytest.fixture(scope="module")
def server(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The tables registered twice, as after every publish, and served."""
    folder = tmp_path_factory.mktemp("served")
    for _ in range(2):
        register = [BIN / "bookspace", "register", "--warehouse", warehouse.root, "--metastore", folder / "metastore"]
        done = subprocess.run(register, capture_output=True, text=True, check=False, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert "6 tables and their views are in the database bookspace of" in done.stdout
    assert not (folder / "derby.log").exists(), "nothing is left in the working folder"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    command = [ROOT / "deploy" / "thrift-server.sh", folder / "metastore", str(port), "--master", "local[2]", "--driver-memory", "1g"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        _wait(port, process, folder / "log")
        yield Server(port, process)
    finally:
        process.terminate()
        process.wait(60)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    started = time.monotonic()
    while time.monotonic() - started < 900:
        assert process.poll() is None, log.read_text()
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    raise AssertionError(log.read_text())


@pytest.mark.slow
def test_beeline_reads_the_tables_and_views(server: Server, warehouse: Warehouse) -> None:
    query = "SELECT wiki, snapshot, count(*) AS n FROM neighbours GROUP BY wiki, snapshot ORDER BY snapshot"
    rows = server.ask(query)
    assert [(row["snapshot"], row["n"]) for row in rows] == [(BEFORE.date, "4650"), (TODAY.date, "4650")]
    query = "SELECT title, lists FROM hubs_latest ORDER BY lists DESC, title LIMIT 3"
    with open_duckdb(warehouse) as duckdb:
        wanted = duckdb.execute(query).fetchall()
    assert [(row["title"], int(row["lists"])) for row in server.ask(query)] == wanted
    near = server.ask(
        "SELECT v.title, cosine(v.vector, o.vector) AS c FROM book_vectors_latest v JOIN book_vectors_latest o ON o.wiki = v.wiki "
        "WHERE o.title = 'Dracula' ORDER BY c DESC LIMIT 1"
    )
    assert near[0]["title"] == "Dracula"


@pytest.mark.slow
def test_only_the_published_partition_is_read(server: Server) -> None:
    plan = server.text("EXPLAIN FORMATTED SELECT title FROM neighbours_latest")
    assert "PartitionFilters" in plan
    filters = plan.split("PartitionFilters:")[1].split("ReadSchema")[0]
    assert "wiki" in filters
    assert TODAY.date in filters


@pytest.mark.slow
def test_the_server_listens_on_the_loopback_alone(server: Server) -> None:
    processes = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
    listening = [one.laddr for process in processes for one in process.net_connections() if one.status == psutil.CONN_LISTEN]
    assert server.port in {address.port for address in listening}
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


@pytest.mark.slow
def test_rollback_and_publish_reach_a_server_at_work(server: Server, warehouse: Warehouse, tmp_path: Path) -> None:
    shown = "SELECT DISTINCT snapshot FROM neighbours_latest"
    place = f"jdbc:hive2://127.0.0.1:{server.port}"
    made = _created(server)
    assert [row["snapshot"] for row in server.ask(shown)] == [TODAY.date]
    command = [BIN / "bookspace", "rollback", "--warehouse", warehouse.root, "--set", f"catalog.place={place}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"The tables are registered in {place}." in done.stdout
    assert [row["snapshot"] for row in server.ask(shown)] == [BEFORE.date]
    warehouse.publish(TODAY, {})
    follow(load_settings([], ["wiki=any", f"catalog.place={place}"]), warehouse)
    assert [row["snapshot"] for row in server.ask(shown)] == [TODAY.date]
    assert _created(server) == made != [], "no table was made anew, so none was gone meanwhile"


def _created(server: Server) -> list[str]:
    return [line for line in server.text("DESCRIBE TABLE EXTENDED neighbours").splitlines() if line.startswith("Created Time")]


@pytest.mark.slow
def test_a_metastore_in_use_is_said(server: Server, warehouse: Warehouse, tmp_path: Path) -> None:
    metastore = Path(server.process.args[1])  # type: ignore[index,arg-type]
    command = [BIN / "bookspace", "register", "--warehouse", warehouse.root, "--metastore", metastore]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "another process may have it open" in done.stderr.splitlines()[-1]
