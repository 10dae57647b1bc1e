"""The tables in a catalog of Spark's: a Hive metastore, in a folder (Derby) or at an address (thrift://)."""

from pathlib import Path
from typing import TYPE_CHECKING

from embedding.errors import EnvironmentProblem
from embedding.settings import SparkSettings
from embedding.views import catalog_statements
from embedding.warehouse import Warehouse, address

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


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

    statements = catalog_statements(warehouse, database)
    # Derby would write its log into the working folder.
    spark._jvm.java.lang.System.setProperty("derby.stream.error.file", "/dev/null")  # type: ignore[union-attr]
    try:
        for statement in statements:
            spark.sql(statement)
    except (Py4JError, PySparkException) as error:
        if "MetaStoreClient" in str(error):  # Derby's own words are lost on the way
            raise EnvironmentProblem(
                "the metastore cannot be opened: another process may have it open (a Thrift server?); stop it, or give it the statements "
                "of `bookspace views --engine spark`"
            ) from None
        raise
    return sum(statement.startswith("CREATE TABLE") for statement in statements)
