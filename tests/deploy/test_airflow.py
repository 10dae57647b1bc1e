"""The DAG in a real Airflow: it parses without our packages, submits the jobs, resumes, and stops at a gate.

Slow: Airflow is installed into an environment of its own (BOOKSPACE_AIRFLOW names one that has deploy/airflow/requirements.txt).
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from embedding.warehouse import Warehouse
from jobs.pipeline import STEPS
from tests.deploy.running import ROOT, SPARK_HOME, call, clean_environment

pytestmark = pytest.mark.slow
TASKS = ["wait_for_dump", "download", *(step.name for step in STEPS), "prune"]
DAG, DAY = "bookspace_samplewiki", "2026-03-05"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Airflow's programs."""
    if given := os.environ.get("BOOKSPACE_AIRFLOW"):
        return Path(given) / "bin"
    folder = tmp_path_factory.mktemp("airflow") / "environment"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "pip", "install", "--quiet", "-r", ROOT / "deploy" / "airflow" / "requirements.txt"]
    subprocess.run(list(map(str, pip)), check=True)
    return folder / "bin"


@pytest.fixture(scope="module")
def surroundings(airflow: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Airflow's settings as docs/deploying.md has them, with its database made."""
    home = tmp_path_factory.mktemp("home")
    alert = home / "alert"
    alert.write_text(f'#!/bin/sh\necho "$1" >>"{home}/alerts"\n')
    alert.chmod(0o755)
    environment = clean_environment(
        AIRFLOW_HOME=str(home), AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "deploy" / "airflow"), AIRFLOW__CORE__LOAD_EXAMPLES="False",
        BOOKSPACE_WIKIS="samplewiki", BOOKSPACE_WAREHOUSE=str(home / "warehouse"), BOOKSPACE_RETRY_SECONDS="1", BOOKSPACE_KEEP="1",
        BOOKSPACE_ALERT=str(alert), MASTER="local[2]", SPARK_HOME=str(SPARK_HOME),
    )  # fmt: skip
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"  # the environment of bookspace, which the tasks run in
    call([airflow / "airflow", "db", "migrate"], environment, home)
    call([airflow / "airflow", "pools", "import", ROOT / "deploy" / "airflow" / "pools.json"], environment, home)
    return environment


def test_the_dag_is_parsed_without_our_packages(airflow: Path, surroundings: dict[str, str]) -> None:
    code = (
        "import json, sys\nfrom airflow.dag_processing.dagbag import DagBag\nbag = DagBag(safe_mode=False)\ndag = bag.dags[sys.argv[1]]\n"
        "tasks = {t.task_id: [t.pool, t.retries, t.execution_timeout and t.execution_timeout.total_seconds()] for t in dag.tasks}\n"
        "ours = {'embedding', 'jobs', 'pyspark', 'torch', 'numpy', 'pyarrow'} & set(sys.modules)\n"
        "order = [t.task_id for t in dag.topological_sort()]\n"
        "print('\\n' + json.dumps([bag.import_errors, order, tasks, sorted(ours), dag.catchup, dag.max_active_runs]))"
    )
    said = call([airflow / "python", "-c", code, DAG], surroundings, Path(surroundings["AIRFLOW_HOME"]))
    errors, order, tasks, ours, catchup, runs = json.loads(said.splitlines()[-1])
    assert (errors, ours, catchup, runs) == ({}, [], False, 1)
    assert order == TASKS
    assert tasks["train_embedding"] == ["bookspace_trainer", 2, 24 * 3600]
    assert [name for name, task in tasks.items() if task[0] != "default_pool"] == ["train_embedding"]
    assert [name for name, task in tasks.items() if task[2] is None] == ["wait_for_dump"]


def _run(airflow: Path, surroundings: dict[str, str], conf: dict[str, object], code: int, *more: str) -> str:
    command = [airflow / "airflow", "dags", "test", DAG, DAY, "-c", json.dumps(conf), *more]
    return call(command, surroundings, Path(surroundings["AIRFLOW_HOME"]), code)


def _states(airflow: Path, surroundings: dict[str, str]) -> dict[str, str]:
    home = Path(surroundings["AIRFLOW_HOME"])
    runs = call([airflow / "airflow", "dags", "list-runs", DAG, "-o", "json"], surroundings, home)
    run = json.loads(runs[runs.index("[{") :])[0]["run_id"]
    listed = call([airflow / "airflow", "tasks", "states-for-dag-run", DAG, run, "-o", "json"], surroundings, home)
    return {task["task_id"]: task["state"] for task in json.loads(listed[listed.index("[{") :])}


def _kill_the_trainer(warehouse: Path, killed: list[int]) -> None:
    """Once a training has a checkpoint, its process is ended as a machine that fails would end it."""
    while not killed:
        for process in psutil.process_iter():
            try:
                command = process.cmdline()
                if any(word.endswith("train_embedding.py") for word in command) and "python" in command[0] and str(warehouse) in command:
                    while not list(warehouse.glob("_checkpoints/**/step-*/state.json")) and process.is_running():
                        time.sleep(0.01)
                    process.send_signal(signal.SIGKILL)
                    killed.append(process.pid)
            except psutil.Error:
                continue


def test_a_run_resumes_after_a_kill_and_fails_at_the_gate_then_publishes(airflow: Path, surroundings: dict[str, str]) -> None:
    home = Path(surroundings["AIRFLOW_HOME"])
    warehouse = Warehouse(home / "warehouse")
    conf: dict[str, object] = {
        "dump": "sample",
        "conf": "sample.yaml",
        "settings": ["publish.min_books=99999", "train.min_steps=800", "train.checkpoint_seconds=0"],
    }
    killed: list[int] = []
    threading.Thread(target=_kill_the_trainer, args=(warehouse.root, killed), daemon=True).start()

    said = _run(airflow, surroundings, conf, 1)
    assert len(killed) == 1
    assert said.count("train_embedding: goes on from a checkpoint, after step") == 1  # the second try
    snapshots = warehouse.snapshots()
    assert [str(snapshot) for snapshot in snapshots] == ["samplewiki 20260301"]
    assert "publish.min_books asks for" in said
    assert warehouse.published() == []
    assert _states(airflow, surroundings) == dict.fromkeys(TASKS, "success") | {"publish": "failed", "prune": "upstream_failed"}
    alerts = (home / "alerts").read_text().splitlines()
    assert len(alerts) == 1
    assert "publish failed in try 1" in alerts[0]

    conf["settings"] = []
    said = _run(airflow, surroundings, conf, 0, "--mark-success-pattern", "(?!publish|prune).*")
    assert warehouse.published() == snapshots
    assert " bytes freed" in said
    assert warehouse.staging.leftovers() == [], "what the killed trainer had staged is pruned"
