"""The tables in a catalog of Spark's: a Hive metastore in a folder (Derby) or at an address (thrift://), or a Thrift server (jdbc:hive2://)."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from embedding.errors import EnvironmentProblem, SettingsError
from embedding.settings import Settings, SparkSettings
from embedding.views import catalog_statements, table_marks
from embedding.warehouse import Warehouse, address

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JDBC = "jdbc:"


def metastore_conf(metastore: str) -> dict[str, str]:
    """Spark's settings with which a session uses a metastore: a folder, or thrift://host:port."""
    if "://" in metastore:
        return {"spark.sql.catalogImplementation": "hive", "spark.hadoop.hive.metastore.uris": metastore}
    folder = Path(metastore).absolute()
    return {
        "spark.sql.catalogImplementation": "hive",
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={folder}/derby;create=true",
        "spark.sql.warehouse.dir": address(folder / "managed"),
    }


def check_place(warehouse: Warehouse, place: str | None) -> None:
    """Find out before any work whether the tables can be made known there (None: nowhere).

    Raises:
        SettingsError: the warehouse is in an object store, where a table's folder may hold files that are of no table.
    """
    if place and warehouse.mirror:
        raise SettingsError(
            f"{warehouse.name}: only tables in a folder can be written into a catalog ({place}): in an object store files about to "
            "be removed may lie beside a table's own; ask with `bookspace sql`, and leave catalog.place unset"
        )


def with_metastore(settings: SparkSettings, metastore: str) -> SparkSettings:
    """Settings of a session that uses a metastore."""
    return settings.model_copy(update={"conf": {**settings.conf, **metastore_conf(metastore)}})


def register(spark: "SparkSession", warehouse: Warehouse, database: str) -> int:
    """Make the tables known to the catalog of the session, or known anew; how many they are.

    Raises:
        NotFoundError: the warehouse holds no table.
        EnvironmentProblem: another process holds the metastore's Derby database.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    # Derby would write its log into the working folder.
    spark._jvm.java.lang.System.setProperty("derby.stream.error.file", "/dev/null")  # type: ignore[union-attr]
    try:
        spark.sql(_created(database))
        known = table_marks("\n".join(row["information"] for row in spark.sql(_listed(database)).collect()))
        statements = catalog_statements(warehouse, database, known)
        for statement in statements:
            spark.sql(statement)
    except (Py4JError, PySparkException) as error:
        if "MetaStoreClient" in str(error):  # Derby's own words are lost on the way
            raise EnvironmentProblem(
                "the metastore cannot be opened: another process may have it open (a Thrift server?); stop it, or name the server itself, "
                "for example jdbc:hive2://127.0.0.1:10015"
            ) from None
        raise
    return _tables(statements)


def register_on_server(server: str, warehouse: Warehouse, database: str) -> int:
    """The same on a Thrift server that is at work (jdbc:hive2://host:port), through Spark's beeline.

    Raises:
        NotFoundError: the warehouse holds no table.
        EnvironmentProblem: the server does not answer, or refuses a statement.
    """
    known = table_marks(_beeline(server, [_created(database), _listed(database)]))
    statements = catalog_statements(warehouse, database, known)
    _beeline(server, statements)
    return _tables(statements)


def follow(settings: Settings, warehouse: Warehouse) -> str | None:
    """Register the tables anew where `catalog.place` says, if it says so; where that is.

    Raises:
        EnvironmentProblem: it did not succeed.
    """
    place, database = settings.catalog.place, settings.catalog.database
    if place is None:
        return None
    if place.startswith(JDBC):
        register_on_server(place, warehouse, database)
        return place
    # A process of its own: the catalog of a Spark session that has been started cannot be changed.
    arguments = ["register", "--metastore", place, "--database", database, "--warehouse", str(warehouse.root.absolute())]
    arguments += ["--set", "spark.master=local[1]", "--set", "spark.driver_memory=1g"]
    program = "import sys; from embedding.cli import main; main([], sys.argv[1:])"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYSPARK_GATEWAY")}  # of spark-submit
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise EnvironmentProblem(f"{place}: the tables could not be registered there: {_last(done.stderr)}")
    return place


def _beeline(server: str, statements: list[str]) -> str:
    """What the server answers."""
    import pyspark

    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as script:
        script.write("".join(f"{statement};\n" for statement in statements))
        script.flush()
        beeline = Path(pyspark.__file__).parent / "bin" / "beeline"
        command = [str(beeline), "-u", server, "-n", "bookspace", "--silent=true", "--outputformat=tsv2", "-f", script.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EnvironmentProblem(f"{server}: the tables could not be registered there: {_last(done.stderr)}")
    return done.stdout


def _last(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "nothing was said").removeprefix("bookspace: ")[:500]


def _created(database: str) -> str:
    return f"CREATE DATABASE IF NOT EXISTS {database}"


def _listed(database: str) -> str:
    return f"SHOW TABLE EXTENDED IN {database} LIKE '*'"


def _tables(statements: list[str]) -> int:
    return sum(statement.startswith("MSCK") for statement in statements)
