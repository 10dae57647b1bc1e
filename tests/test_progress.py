"""Progress of Spark's stages in the log."""

import logging
import time
from typing import Any

import pytest
from pyspark.sql import SparkSession

from embedding.progress import describe, logged_progress


@pytest.mark.parametrize(
    ("completed", "text"),
    [
        (0, "stage 7, 0 of 800 tasks"),
        (200, "stage 7, 200 of 800 tasks, 2 tasks/s, 300 s left"),
        (800, "stage 7, 800 of 800 tasks, 8 tasks/s, 0 s left"),
    ],
)
def test_a_stage_in_words(completed: int, text: str) -> None:
    assert describe(7, completed, 800, 100.0) == text


def test_a_slow_stage_is_logged_with_its_tasks(spark: SparkSession, caplog: pytest.LogCaptureFixture) -> None:
    def slowly(batches: object) -> object:
        time.sleep(0.5)
        yield from batches  # type: ignore[attr-defined]

    with caplog.at_level(logging.INFO, "bookspace"), logged_progress("read_dump", lambda: spark, seconds=0.2):
        assert spark.range(8, numPartitions=4).mapInArrow(slowly, "id long").count() == 8  # type: ignore[arg-type]
    assert any(line.startswith("read_dump: ") and "of 4 tasks" in line for line in caplog.messages)


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_jvm_that_is_gone_is_the_steps_to_tell(caplog: pytest.LogCaptureFixture) -> None:
    class Gone:
        @property
        def sparkContext(self) -> None:
            raise ConnectionRefusedError(111, "Connection refused")

    asked: list[Gone] = []

    def session() -> Any:
        asked.append(Gone())
        return asked[-1]

    with caplog.at_level(logging.INFO, "bookspace"), logged_progress("find_neighbours", session, seconds=0.01):
        time.sleep(0.2)
    assert len(asked) == 1
    assert caplog.messages == []


def test_nothing_is_logged_without_spark(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "bookspace"), logged_progress("evaluate", lambda: None, seconds=0.01):
        time.sleep(0.1)
    assert caplog.messages == []
