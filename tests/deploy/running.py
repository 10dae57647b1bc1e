"""What the tests of deploy/ share: the packed environment, a clean surrounding, and tables compared."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyspark

from embedding.sql import open_duckdb
from embedding.views import tables_there
from embedding.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[2]
SUBMIT = ROOT / "deploy" / "submit.sh"
SPARK_HOME = Path(pyspark.__file__).parent  # stands for the Spark that is installed on the machines of a cluster


def clean_environment(**more: str) -> dict[str, str]:
    """Environment variables of a login in which nothing of the developer's environment is to be found."""
    kept = {key: os.environ[key] for key in ("JAVA_HOME", "HOME", "TMPDIR", "LANG") if key in os.environ}
    return {**kept, "PATH": "/usr/local/bin:/usr/bin:/bin", "SPARK_LOCAL_IP": "127.0.0.1", "LC_ALL": "C.UTF-8", **more}


def call(command: Sequence[str | Path], environment: Mapping[str, str], cwd: Path, code: int = 0) -> str:
    """Run a command; stdout and stderr together."""
    done = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd=cwd, env=dict(environment)
    )
    assert done.returncode == code, done.stdout[-6000:]
    return done.stdout


def assert_same_tables(one: Warehouse, other: Warehouse) -> int:
    """All tables of two warehouses hold the same rows, speeds apart; the number of rows compared."""
    compared = 0
    there = tables_there(one)
    assert there == tables_there(other)
    with open_duckdb(one) as first, open_duckdb(other) as second:
        for table in there:
            measured = " WHERE metric NOT LIKE '%per_second%'" if table == "metrics" else ""
            rows, others = (db.execute(f"SELECT * FROM {table}{measured} ORDER BY ALL").fetchall() for db in (first, second))
            assert rows == others, table
            compared += len(rows)
    return compared
