"""deploy/submit.sh: what it asks of spark-submit on each manager, and what it refuses. A real cluster is in test_standalone.py."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.deploy.running import ROOT, SUBMIT

GPU = ("spark.driver.resource.gpu.amount=2", "spark.driver.resource.gpu.discoveryScript=./gpus.sh")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A Spark that writes down what it is asked for, and an archive."""
    (tmp_path / "bin").mkdir()
    for name, ends in (
        ("spark-submit", 'case " $* " in *" --kill "*) ;; *) exec sleep "${SLEEP:-0}" ;; esac'),
        ("yarn", "echo application_1_0001 x"),
    ):
        program = tmp_path / "bin" / name
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" {name} "$@" >>"{tmp_path}/asked"\n{ends}\n')
        program.chmod(0o755)
    packed = tmp_path / "packed"
    (packed / "bin").mkdir(parents=True)
    (packed / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (packed / "bin" / "python").chmod(0o755)
    jobs = packed / "lib" / "python3.11" / "site-packages" / "jobs"
    jobs.mkdir(parents=True)
    for name in ("read_dump", "train_embedding"):
        (jobs / f"{name}.py").write_text("import sys\nprint('alone', *sys.argv[1:])\n")
    subprocess.run(["tar", "-czf", tmp_path / "env.tar.gz", "-C", packed, "."], check=True)
    return tmp_path


def _environment(folder: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(folder), "SPARK_HOME": str(folder), **more,
    }  # fmt: skip


def _submit(folder: Path, *arguments: str, code: int = 0, **environment: str) -> tuple[list[str], str]:
    """The words that spark-submit was called with, and what was said."""
    (folder / "asked").unlink(missing_ok=True)
    done = subprocess.run(
        [SUBMIT, *arguments], capture_output=True, text=True, check=False, env=_environment(folder, **environment), cwd=folder
    )
    assert done.returncode == code, done.stderr
    asked = (folder / "asked").read_text().splitlines() if (folder / "asked").exists() else []
    return asked[1:], done.stdout + done.stderr


def _settings(asked: list[str]) -> dict[str, str]:
    """What spark-submit takes of --conf: the last one of a key holds."""
    return dict(asked[i + 1].split("=", 1) for i, word in enumerate(asked) if word == "--conf" and "=" in asked[i + 1])


def test_executors_get_the_smaller_archive_where_it_will_do(folder: Path) -> None:
    whole, smaller = str(folder / "env.tar.gz"), str(folder / "env-executors.tar.gz")
    (folder / "env-executors.tar.gz").write_bytes(b"is not unpacked here")

    def archive(*arguments: str, **environment: str) -> str:
        asked, _ = _submit(folder, *arguments, "--warehouse", "/w", ENVIRONMENT=whole, **environment)
        return asked[asked.index("--archives") + 1]

    assert archive("read_dump", MASTER="spark://h:7077") == f"{smaller}#environment"
    assert archive("read_dump", MASTER="yarn") == f"{smaller}#environment"
    # These need torch, or are the driver's too.
    assert archive("find_neighbours", MASTER="spark://h:7077") == f"{whole}#environment"
    assert archive("train_embedding", MASTER="spark://h:7077", PROCESSES="2") == f"{whole}#environment"
    assert archive("read_dump", MASTER="yarn", DEPLOY_MODE="cluster") == f"{whole}#environment"


def test_here_the_driver_is_reached_by_nobody_else(folder: Path) -> None:
    asked, _ = _submit(folder, "read_dump", "--conf", "sample.yaml", "--set", "seed=2", "--", "--driver-memory", "2g", MASTER="local[2]")
    settings = _settings(asked)
    assert asked[:2] == ["--master", "local[2]"]
    assert settings["spark.driver.bindAddress"] == "127.0.0.1"
    assert "spark.executor.memory" not in settings
    assert asked[-7:] == ["--driver-memory", "2g", str(ROOT / "jobs" / "read_dump.py"), "--conf", "sample.yaml", "--set", "seed=2"]


def test_a_standalone_cluster_gets_the_archive_and_the_resources_of_the_step(folder: Path) -> None:
    archive = str(folder / "env.tar.gz")
    more = ["--", "--conf", "spark.executor.memory=9g"]
    asked, _ = _submit(folder, "read_dump", "--warehouse", "w", *more, MASTER="spark://h:7077", ENVIRONMENT=archive)
    settings = _settings(asked)
    assert asked[asked.index("--archives") + 1] == f"{archive}#environment"
    assert settings["spark.pyspark.python"] == "./environment/bin/python"
    cache = str(folder / ".cache" / "bookspace")
    assert settings["spark.pyspark.driver.python"].startswith(cache)
    assert settings["spark.executor.memory"] == "9g"
    assert settings["spark.executor.memoryOverhead"] == "1g"
    script = next(word for word in asked if word.endswith("read_dump.py"))
    assert script.startswith(cache)  # of the archive's version, not of this folder's


def test_a_step_without_spark_runs_without_it_where_the_driver_is_here(folder: Path) -> None:
    asked, said = _submit(
        folder, "train_embedding", "--warehouse", "w", MASTER="spark://h:7077", ENVIRONMENT=str(folder / "env.tar.gz"), GPUS="1"
    )
    assert (asked, said) == ([], "alone --warehouse w\n")


def test_on_yarn_the_files_go_along_and_the_gpu_is_asked_for(folder: Path) -> None:
    own = folder / "mine.yaml"
    own.write_text("wiki: enwiki\n")
    options = ["--conf", str(ROOT / "conf" / "enwiki.yaml"), "--conf", str(own), "--warehouse", "/data/books"]
    asked, _ = _submit(
        folder, "train_embedding", *options, MASTER="yarn", DEPLOY_MODE="cluster", ENVIRONMENT=str(folder / "env.tar.gz"), GPUS="2"
    )
    settings = _settings(asked)
    assert asked[asked.index("--files") + 1] == f"{own},{ROOT / 'deploy' / 'gpus.sh'}"
    assert asked[-6:] == ["--conf", "enwiki.yaml", "--conf", "mine.yaml", "--warehouse", "/data/books"]
    assert {f"{key}={value}" for key, value in settings.items()} > set(GPU)
    assert settings["spark.dynamicAllocation.initialExecutors"] == "0"
    assert "spark.pyspark.driver.python" not in settings
    assert asked[asked.index("--deploy-mode") + 1] == "cluster"
    asked, _ = _submit(folder, "train_embedding", *options, MASTER="yarn", DEPLOY_MODE="cluster", ENVIRONMENT=str(folder / "env.tar.gz"))
    assert not [key for key in _settings(asked) if "gpu" in key]


def test_processes_that_train_together_are_tasks_with_a_gpu_each(folder: Path) -> None:
    more = {"ENVIRONMENT": str(folder / "env.tar.gz"), "GPUS": "1", "PROCESSES": "4"}
    asked, _ = _submit(folder, "train_embedding", "--warehouse", "/w", MASTER="yarn", **more)
    settings = _settings(asked)
    assert settings["spark.executor.instances"] == "4"
    assert settings["spark.executor.resource.gpu.amount"] == settings["spark.task.resource.gpu.amount"] == "1"
    assert settings["spark.executor.resource.gpu.discoveryScript"] == "./gpus.sh"
    assert asked[asked.index("--files") + 1] == str(ROOT / "deploy" / "gpus.sh")
    assert not [key for key in settings if key.startswith(("spark.driver.resource", "spark.dynamicAllocation"))]
    assert asked[-2:] == ["--set", "train.processes=4"]


def test_on_kubernetes_everything_is_the_images(folder: Path) -> None:
    asked, _ = _submit(
        folder, "train_embedding", "--conf", str(ROOT / "conf" / "enwiki.yaml"), "--warehouse", "/data/books",
        MASTER="k8s://https://h:6443", DEPLOY_MODE="cluster", IMAGE="registry/train:1", NAMESPACE="books", GPUS="1",
    )  # fmt: skip
    settings = _settings(asked)
    assert settings["spark.kubernetes.container.image"] == "registry/train:1"
    assert settings["spark.kubernetes.namespace"] == "books"
    templates = {settings[f"spark.kubernetes.{pod}.podTemplateFile"] for pod in ("driver", "executor")}
    assert templates == {str(ROOT / "deploy" / "kubernetes" / "pod-template.yaml")}
    assert settings["spark.driver.resource.gpu.vendor"] == "nvidia.com"
    assert asked[-5:] == ["local:///opt/bookspace/jobs/train_embedding.py", "--conf", "enwiki.yaml", "--warehouse", "/data/books"]


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["red_dump"], {}, "red_dump is no step; there are read_dump extract_books build_pairs"),
        (["read_dump"], {"MASTER": "mesos://h"}, "MASTER=mesos://h is not allowed"),
        (["read_dump"], {"MASTER": "spark://h:7077", "DEPLOY_MODE": "cluster"}, "Spark takes no Python program there"),
        (["read_dump"], {"DEPLOY_MODE": "away"}, "DEPLOY_MODE=away is not allowed"),
        (["read_dump"], {"MASTER": "yarn", "ENVIRONMENT": "none.tar.gz"}, "ENVIRONMENT=none.tar.gz: no such file; deploy/pack.sh -o"),
        (["read_dump"], {"MASTER": "yarn", "DEPLOY_MODE": "cluster"}, "give --warehouse FOLDER"),
        (
            ["read_dump", "--warehouse", "w"],
            {"MASTER": "yarn", "DEPLOY_MODE": "cluster"},
            "--warehouse w: in cluster mode give an address, or an absolute",
        ),
        (["read_dump", "--warehouse", "/w"], {"MASTER": "yarn", "DEPLOY_MODE": "cluster"}, "ENVIRONMENT is not set"),
        (["read_dump"], {"MASTER": "k8s://https://h"}, "IMAGE is not set"),
        (["read_dump"], {"GPUS": "all"}, "GPUS=all, PROCESSES=1: numbers are allowed"),
        (["read_dump"], {"SPARK_HOME": "/nowhere"}, "/nowhere/bin/spark-submit is not there"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(folder: Path, arguments: list[str], environment: dict[str, str], said: str) -> None:
    asked, told = _submit(folder, *arguments, code=2, **environment)
    assert asked == []
    assert told.startswith("submit.sh: ")
    assert said in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("environment", "killed"),
    [
        ({"MASTER": "yarn", "ENVIRONMENT": "env.tar.gz"}, ["application", "-kill", "application_1_0001"]),
        ({"MASTER": "k8s://https://h", "IMAGE": "i"}, ["--master", "k8s://https://h", "--kill", "default:"]),
    ],
)
def test_who_ends_the_script_ends_the_application_on_the_cluster(folder: Path, environment: dict[str, str], killed: list[str]) -> None:
    surroundings = _environment(folder, DEPLOY_MODE="cluster", SLEEP="60", **environment)
    with subprocess.Popen([SUBMIT, "read_dump", "--warehouse", "/w"], env=surroundings, cwd=folder, stderr=subprocess.DEVNULL) as running:
        deadline = time.monotonic() + 60
        while not (folder / "asked").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.2)
        os.kill(running.pid, 15)
        assert running.wait(60) == 143
    asked = (folder / "asked").read_text().splitlines()
    last = len(asked) - 1 - asked[::-1].index(killed[0])
    assert "\n".join(asked[last:]).startswith("\n".join(killed))
