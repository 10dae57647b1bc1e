"""deploy/steps.conf, which submit.sh and the DAG read in place of jobs/pipeline.py, says what is so; and so does the DAG."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

from jobs.pipeline import STEPS

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
DAG = DEPLOY / "airflow" / "bookspace_dag.py"
LINES = [line.split() for line in (DEPLOY / "steps.conf").read_text().splitlines() if not line.startswith("#")]


def test_the_steps_are_those_of_the_pipeline_in_its_order() -> None:
    assert [words[0] for words in LINES] == [step.name for step in STEPS]


@pytest.mark.parametrize("words", LINES, ids=lambda words: words[0])
def test_every_line_is_whole(words: list[str]) -> None:
    _, works_on, hours, *properties = words
    assert set(works_on.split(",")) <= {"executors", "driver", "gpu", "processes"}
    assert 0 < float(hours) <= 48
    assert all(re.fullmatch(r"spark\.[A-Za-z.]+=\S+", one) for one in properties)


@pytest.mark.parametrize("words", LINES, ids=lambda words: words[0])
def test_the_steps_that_use_spark_are_those_said_to_use_executors(words: list[str]) -> None:
    """Without Spark's own start a step that wants executors would start a Spark of its own on the driver's machine."""
    source = inspect.getsource(importlib.import_module(f"jobs.{words[0]}"))
    assert bool(re.search(r"job\.(spark|read|write)\b", source)) == bool({"executors", "processes"} & set(words[1].split(",")))


def test_the_dag_imports_nothing_heavy() -> None:
    tree = ast.parse(DAG.read_text(encoding="utf-8"))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    light = {"airflow", "collections", "datetime", "logging", "os", "pathlib", "subprocess", "typing"}
    assert {name.split(".")[0] for name in imported} == light


def test_the_dag_reads_the_steps_that_are_there() -> None:
    """Its own function, taken out of it, for which Airflow need not be installed."""
    tree = ast.parse(DAG.read_text(encoding="utf-8"))
    wanted = [node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in ("Step", "read_steps")]
    space: dict[str, object] = {}
    exec(
        compile("from pathlib import Path\nfrom typing import NamedTuple\n" + "\n".join(map(ast.unparse, wanted)), str(DAG), "exec"), space
    )
    read = space["read_steps"](DEPLOY / "steps.conf")  # type: ignore[operator]
    assert [(step.name, step.works_on) for step in read] == [(words[0], words[1]) for words in LINES]
