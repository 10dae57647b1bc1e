"""Container files and manifests say the same as the code: versions, scripts, users, ports. Their linters: make lint-deploy."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.pipeline import STEPS

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILES = sorted(DEPLOY.glob("Dockerfile.*"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
SPARK = re.search(r"^pyspark==(.*)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)[1]  # type: ignore[index]


def _documents(file: Path) -> list[dict[str, Any]]:
    return list(yaml.load_all(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader))


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_images_are_not_roots_and_of_the_pinned_spark(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    final = text[text.rindex("\nFROM ") :]
    assert re.findall(r"^USER (\S+)$", final, re.MULTILINE)[-1:] == ["185"]
    assert set(re.findall(r"apache/spark:([0-9.]+)-", text)) == {SPARK}
    for copied in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE):
        for name in copied.split():
            assert (ROOT / name).exists(), name
            assert f"!{name.split('/')[0]}" in (ROOT / ".dockerignore").read_text().splitlines()


def test_compose_opens_ports_to_this_machine_alone() -> None:
    (compose,) = _documents(DEPLOY / "compose.yaml")
    assert {"spark-master", "spark-worker", "trainer", "airflow", "catalog"} <= set(compose["services"])
    for name, service in compose["services"].items():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert not service.get("privileged"), name


def test_manifests_run_scripts_that_are_there_as_nobody_special() -> None:
    ran = []
    for document in [one for file in MANIFESTS for one in _documents(file)]:
        if document["kind"] == "SparkApplication":
            spec = document["spec"]
            assert spec["sparkVersion"] == SPARK
            ran.append(spec["mainApplicationFile"].removeprefix("local:///opt/bookspace/"))
            users = [spec["driver"]["securityContext"], spec["executor"]["securityContext"]]
            assert {one["name"] for one in spec["volumes"]} == {one["name"] for one in spec["driver"]["volumeMounts"]}
            arguments = spec["arguments"]
        elif document["kind"] == "Job":
            pod = document["spec"]["template"]["spec"]
            ran.append(pod["containers"][0]["command"][1].removeprefix("/opt/bookspace/"))
            users, arguments = [pod["securityContext"]], pod["containers"][0]["args"]
        else:
            assert document["metadata"].get("namespace", "bookspace") == "bookspace"
            continue
        assert all(user["runAsNonRoot"] and user["runAsUser"] == 185 for user in users)
        assert (ROOT / "conf" / arguments[arguments.index("--conf") + 1]).is_file()
    assert len(ran) == 3
    assert set(ran) <= {f"jobs/{step.name}.py" for step in STEPS}


@pytest.mark.slow
def test_the_linters_are_content() -> None:
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    done = subprocess.run(["make", "lint-deploy"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
