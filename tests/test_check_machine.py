"""deploy/check-machine.sh: what is missing is said in one line with the mend."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from embedding.spark import JAVA_VERSIONS

SCRIPT = Path(__file__).resolve().parents[1] / "deploy" / "check-machine.sh"


def _check(*what: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key not in ("JAVA_HOME", "PYTHON")}
    return subprocess.run(["/bin/sh", SCRIPT, *what], capture_output=True, text=True, check=False, env=clean | environment)


def _java(folder: Path, version: str) -> str:
    (folder / "bin").mkdir(parents=True)
    java = folder / "bin" / "java"
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    java.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2", "17.0.15", "21", "25.0.1"])
def test_the_script_and_the_library_accept_the_same_java(version: str, tmp_path: Path) -> None:
    done = _check("java", JAVA_HOME=_java(tmp_path / "jdk", version))
    major = int(version.removeprefix("1.").split(".")[0])
    if major in JAVA_VERSIONS:
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert f"is {major};" in done.stderr
        assert "openjdk-17" in done.stderr


def test_a_missing_java_is_said(tmp_path: Path) -> None:
    done = _check("java", JAVA_HOME=str(tmp_path))
    assert done.returncode == 1
    assert f"JAVA_HOME={tmp_path} holds none" in done.stderr
    (tmp_path / "sh").symlink_to("/bin/sh")
    assert "none is on PATH" in _check("java", PATH=str(tmp_path)).stderr


def test_a_python_that_serves_is_found() -> None:
    done = _check("find-python", PYTHON=sys.executable)
    assert (done.returncode, done.stdout.strip()) == (0, sys.executable)


def test_a_python_that_does_not_serve_is_passed_over(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = _check("find-python", PATH=str(tmp_path), PYTHON=str(old))
    assert done.returncode == 1
    assert "Python 3.11 or 3.12 is needed" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_missing_browser_is_said_and_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    done = _check("browser", PATH=str(tmp_path))
    assert done.returncode == 0
    assert "install one (for example apt-get install chromium)" in done.stderr
    (tmp_path / "chromium").symlink_to("/bin/sh")
    assert _check("browser", PATH=str(tmp_path)).stderr == ""
    assert _check("browser", PATH="", BOOKSPACE_CHROMIUM=str(tmp_path / "chromium")).stderr == ""
