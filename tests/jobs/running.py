"""Runs steps on a dump as `bookspace run` does, in the tests' own Spark session."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from embedding.errors import BookspaceError
from embedding.runs import run_steps
from embedding.settings_files import load_settings
from embedding.spark import one_line
from embedding.warehouse import Warehouse
from jobs.pipeline import STEPS
from tests.conftest import BorrowedSession
from tests.planted import SETTINGS


def run(spark: SparkSession, folder: Path, dump: Path | str, *overrides: str, steps: int = len(STEPS), day: str = "20240501") -> Warehouse:
    """Run the first `steps` steps with the settings of the planted dump; the warehouse, which lies in `folder`."""
    (folder / "test.yaml").write_text(SETTINGS)
    root = folder / "warehouse"
    settings = load_settings([folder / "test.yaml"], [f"warehouse={root}", f"dump={dump}", f"snapshot={day}", *overrides])
    try:
        run_steps(STEPS[:steps], settings, BorrowedSession(spark))
    except BookspaceError:
        raise
    except Exception as error:
        known = one_line(error, root)
        if known is None:
            raise
        raise known from error
    return Warehouse(root)


def failure(spark: SparkSession, folder: Path, dump: Path | str, *overrides: str, steps: int = len(STEPS)) -> str:
    """The message, of one line, with which `run` fails."""
    with pytest.raises(BookspaceError) as raised:
        run(spark, folder, dump, *overrides, steps=steps)
    message = str(raised.value)
    assert "\n" not in message
    return message
