import json
import os
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from embedding.errors import BusyError
from embedding.remote import lease
from embedding.remote.lease import lease_key, leased, seconds_left
from embedding.remote.objects import Objects
from tests.remote.machines import LATER, SNAPSHOT, Machine


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(f"file://{tmp_path}/bucket")


def _claim(objects: Objects, process: int, host: str) -> None:
    content = {"id": "theirs", "process": process, "host": host, "since": "2024-01-01T00:00:00+00:00"}
    objects.write(lease_key(SNAPSHOT), json.dumps(content).encode())


def test_one_run_at_a_time(objects: Objects) -> None:
    with leased(objects, SNAPSHOT):
        assert seconds_left(objects, SNAPSHOT) > 60
        with leased(objects, LATER):
            pass
        message = f"is being worked on by process {os.getpid()} on {platform.node()} since .*; if it is dead, its claim is over in 1[12]"
        with pytest.raises(BusyError, match=message), leased(objects, SNAPSHOT):
            pass
    assert seconds_left(objects, SNAPSHOT) == 0
    with leased(objects, SNAPSHOT):
        pass


def test_the_lease_of_a_dead_process_of_this_machine_is_taken_over_at_once(objects: Objects) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    _claim(objects, int(dead.stdout), platform.node())
    with leased(objects, SNAPSHOT):
        pass


def test_one_of_another_machine_is_over_when_it_is_not_renewed(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    _claim(objects, 1, "elsewhere")
    with pytest.raises(BusyError, match="process 1 on elsewhere since 2024"), leased(objects, SNAPSHOT):
        pass
    monkeypatch.setattr(lease, "OVER", 0.0)
    with leased(objects, SNAPSHOT):
        pass


def test_who_waits_goes_on_when_the_other_ends(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    _claim(objects, 1, "elsewhere")
    monkeypatch.setattr(time, "sleep", lambda _: objects.delete([lease_key(SNAPSHOT)]))
    with leased(objects, SNAPSHOT, wait=True):
        pass


def test_a_lease_is_renewed_and_given_back_when_the_run_fails(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEWED", 0.01)
    renewed, real = threading.Event(), Objects.write
    monkeypatch.setattr(Objects, "write", lambda *given: (real(*given), renewed.set()))

    def fail() -> None:
        with leased(objects, SNAPSHOT):
            assert renewed.wait(10)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert seconds_left(objects, SNAPSHOT) == 0


def test_a_warehouse_is_locked_across_machines(tmp_path: Path) -> None:
    one, two = (Machine(f"file://{tmp_path}/bucket", tmp_path / name) for name in ("one", "two"))
    with one.open().locked(SNAPSHOT):
        assert two.open().is_locked(SNAPSHOT)
        assert not two.open().is_locked(LATER)
        with pytest.raises(BusyError), two.open().locked(SNAPSHOT):
            pass
    late = two.open()
    one.write("a")
    with late.locked(SNAPSHOT):
        assert late.snapshots() == [SNAPSHOT], "what was written while it waited is seen"
