import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from embedding.errors import BusyError, WarehouseError
from embedding.remote import lease
from embedding.remote.lease import leased, seconds_left
from embedding.remote.objects import Found, Objects
from embedding.remote.state import LOCKS
from tests.remote.machines import LATER, SNAPSHOT, Machine

ROOT = Path(__file__).parents[2]
_HOLDER = """
import sys
from embedding.remote import lease
from embedding.manifest import Snapshot
from embedding.remote.objects import Objects
if sys.argv[2:]:
    lease.OVER = float(sys.argv[2])
with lease.leased(Objects(sys.argv[1]), Snapshot("testwiki", "20240101")):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(f"file://{tmp_path}/bucket")


@contextmanager
def _held_elsewhere(objects: Objects, *over: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process holds the lease; `over`: seconds after which it takes that of somebody else for over."""
    command = [sys.executable, "-c", _HOLDER, objects.address, *over]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder


@pytest.fixture(scope="module")
def dead(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which a process that was killed held the lease."""
    folder = tmp_path_factory.mktemp("dead") / "bucket"
    with _held_elsewhere(Objects(f"file://{folder}")) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    return folder


@pytest.fixture
def held_by_a_dead_one(dead: Path, objects: Objects) -> None:
    shutil.copytree(dead, objects.address.removeprefix("file://"))


def _claim(objects: Objects, process: int, host: str, number: int = 1) -> None:
    content = {"id": "theirs", "process": process, "host": host, "since": "2024-01-01T00:00:00+00:00"}
    objects.write(f"{LOCKS}/wiki=testwiki/snapshot=20240101/{number:08}.json", json.dumps(content).encode())


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
    assert len(objects.list(f"{LOCKS}/wiki=testwiki/snapshot=20240101")) == 1, "the last claim alone stays, for its number"


@pytest.mark.usefixtures("held_by_a_dead_one")
def test_the_lease_of_a_dead_process_of_this_machine_is_taken_over_at_once(objects: Objects) -> None:
    assert seconds_left(objects, SNAPSHOT) == 0
    with leased(objects, SNAPSHOT):
        assert seconds_left(objects, SNAPSHOT) > 60


@pytest.mark.usefixtures("held_by_a_dead_one")
def test_a_process_of_another_container_or_boot_is_not_taken_for_a_dead_one(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as container:
        container.setattr(os, "readlink", lambda _: "pid:[1]")
        with pytest.raises(BusyError), leased(objects, SNAPSHOT):
            pass
    (tmp_path / "boot_id").write_text("another")
    monkeypatch.setattr(lease, "_BOOT", tmp_path / "boot_id")
    with pytest.raises(BusyError), leased(objects, SNAPSHOT):
        pass
    monkeypatch.setattr(lease, "_BOOT", tmp_path / "none")  # of a system that tells nothing
    with pytest.raises(BusyError), leased(objects, SNAPSHOT):
        pass


def test_one_of_another_machine_is_over_when_it_is_not_renewed(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    _claim(objects, 1, "elsewhere")
    with pytest.raises(BusyError, match="process 1 on elsewhere since 2024"), leased(objects, SNAPSHOT):
        pass
    monkeypatch.setattr(lease, "OVER", 0.0)
    with leased(objects, SNAPSHOT):
        pass


@pytest.mark.parametrize("content", [b"", b"[]", b'{"process": 100000000000000000000}'])
def test_a_claim_that_cannot_be_read_holds_until_it_is_over(objects: Objects, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    objects.write(f"{LOCKS}/wiki=testwiki/snapshot=20240101/00000007.json", content)
    with pytest.raises(BusyError, match="is being worked on by"), leased(objects, SNAPSHOT):
        pass
    monkeypatch.setattr(lease, "OVER", 0.0)
    with leased(objects, SNAPSHOT):
        pass


@pytest.mark.parametrize("ahead", [-3600, -130, 130, 3600])
def test_it_does_not_matter_what_time_this_machine_thinks_it_is(objects: Objects, monkeypatch: pytest.MonkeyPatch, ahead: float) -> None:
    real = Objects.list

    def listed(self: Objects, prefix: str = "") -> dict[str, Found]:
        return {key: Found(found.bytes, found.written + timedelta(seconds=ahead)) for key, found in real(self, prefix).items()}

    monkeypatch.setattr(Objects, "list", listed)
    with leased(objects, SNAPSHOT):
        assert 110 < seconds_left(objects, SNAPSHOT) <= 120
        with pytest.raises(BusyError), leased(objects, SNAPSHOT):
            pass
    _claim(objects, 1, "elsewhere", number=2)
    old = time.time() - 121
    os.utime(Path(objects.address.removeprefix("file://")) / LOCKS / "wiki=testwiki" / "snapshot=20240101" / "00000002.json", (old, old))
    assert seconds_left(objects, SNAPSHOT) == 0
    with leased(objects, SNAPSHOT):
        pass


def test_who_may_not_write_is_told_that_it_is_held(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: object) -> None:
        raise WarehouseError("refused")

    assert seconds_left(objects, SNAPSHOT) == 0
    with leased(objects, SNAPSHOT), monkeypatch.context() as reader:
        reader.setattr(Objects, "write", write)
        assert seconds_left(objects, SNAPSHOT) == lease.OVER
    assert seconds_left(objects, SNAPSHOT) == 0


def test_who_waits_goes_on_when_the_other_ends(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    _claim(objects, 1, "elsewhere")
    monkeypatch.setattr(time, "sleep", lambda _: objects.delete(objects.list(LOCKS)))
    with leased(objects, SNAPSHOT, wait=True):
        pass


def test_who_waits_takes_over_what_has_not_been_renewed_while_it_looked(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look is 5 s after the one before, and the store's clock stands still, so time is only what the waiter has looked on."""
    looks, now = [0], time.monotonic()

    def sleep(seconds: float) -> None:
        looks[0] += 1
        if looks[0] <= 30:
            _claim(objects, 1, "elsewhere")  # renewed
        else:
            assert seconds <= 5.0
        if looks[0] == 40:
            looks[0] += 1000  # the store does not answer for long: that is nothing that the holder could help

    _claim(objects, 1, "elsewhere")
    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: now + 5.0 * looks[0])
    with leased(objects, SNAPSHOT, wait=True):
        pass
    assert 1030 + 20 <= looks[0] <= 1030 + 25


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


def test_who_was_taken_over_takes_nothing_back(objects: Objects, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(lease, "RENEWED", 0.05)
    with ExitStack() as other, leased(objects, SNAPSHOT):
        holder = other.enter_context(_held_elsewhere(objects, "0"))
        for _ in range(200):
            if caplog.text:
                break
            time.sleep(0.02)
        assert f"process {holder.pid} on {platform.node()}" in caplog.text
        assert "has taken over testwiki 20240101, for this run had not renewed its claim for 120 s" in caplog.text
        other_goes_on = other.pop_all()
    with other_goes_on:
        with pytest.raises(BusyError, match=f"process {holder.pid} "), leased(objects, SNAPSHOT):
            pass
        holder.communicate("")
    assert seconds_left(objects, SNAPSHOT) == 0


@pytest.mark.parametrize("call", range(12))
@pytest.mark.usefixtures("held_by_a_dead_one")
def test_another_one_comes_between_any_two_calls(objects: Objects, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Of two who find a lease that is over one gets it, whatever the one sees before the other takes it."""
    calls, inside, names = [0], ExitStack(), ("list", "read", "create", "write", "delete")
    real: dict[str, Any] = {name: getattr(Objects, name) for name in names}
    got = []

    def other() -> None:
        with suppress(BusyError):
            inside.enter_context(leased(objects, SNAPSHOT))
            got.append("other")

    def interrupted(name: str) -> Any:
        def do(*given: Any) -> Any:
            calls[0] += 1
            if calls[0] == call + 1:
                other()
            return real[name](*given)

        return do

    with monkeypatch.context() as patch:
        for name in names:
            patch.setattr(Objects, name, interrupted(name))
        with suppress(BusyError), leased(objects, SNAPSHOT):
            got.append("one")
            calls[0] = len(names) * 100
            other()
    assert len(got) == 1, "the lease is one's"
    assert (seconds_left(objects, SNAPSHOT) > 60) == (got == ["other"]), "who has not got it leaves it alone"
    inside.close()
    assert seconds_left(objects, SNAPSHOT) == 0


@pytest.mark.usefixtures("held_by_a_dead_one")
def test_of_many_at_once_one_gets_it(objects: Objects) -> None:
    got, all_tried = [], threading.Barrier(8)

    def run(number: int) -> None:
        try:
            with leased(Objects(objects.address), SNAPSHOT):
                got.append(number)
                all_tried.wait(30)
        except BusyError:
            all_tried.wait(30)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_one_who_was_slow_and_makes_a_number_that_has_gone_has_not_got_it(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Objects.create
    others = ExitStack()

    def create(self: Objects, key: str, content: bytes) -> bool:
        monkeypatch.setattr(Objects, "create", real)
        with leased(objects, SNAPSHOT):
            pass
        others.enter_context(leased(objects, SNAPSHOT))
        return real(self, key, content)

    monkeypatch.setattr(Objects, "create", create)
    with others:
        with pytest.raises(BusyError), leased(objects, SNAPSHOT):
            pass
        assert seconds_left(objects, SNAPSHOT) > 60
    assert seconds_left(objects, SNAPSHOT) == 0


def test_one_whose_answer_was_lost_has_got_it(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Objects.create
    monkeypatch.setattr(Objects, "create", lambda *given: real(*given) and real(*given))
    with leased(objects, SNAPSHOT):
        assert seconds_left(objects, SNAPSHOT) > 60


def test_what_killed_ones_have_left_goes(objects: Objects) -> None:
    folder = Path(objects.address.removeprefix("file://")) / LOCKS / "wiki=testwiki" / "snapshot=20240101"
    _claim(objects, 1, "elsewhere", number=1)
    _claim(objects, 1, "elsewhere", number=2)
    objects.write(f"{LOCKS}/wiki=testwiki/snapshot=20240101/probe-old", b"")
    objects.write(f"{LOCKS}/wiki=testwiki/snapshot=20240101/probe-new", b"")
    for name in ("00000002.json", "probe-old"):
        os.utime(folder / name, (1e9, 1e9))
    with leased(objects, SNAPSHOT):
        assert {file.name for file in folder.iterdir()} == {"00000003.json", "probe-new"}


def test_a_warehouse_is_locked_across_machines(tmp_path: Path) -> None:
    one, two = (Machine(f"file://{tmp_path}/bucket", tmp_path / name) for name in ("one", "two"))
    with one.open().locked(SNAPSHOT):
        assert two.open().is_locked(SNAPSHOT)
        assert not two.open().is_locked(LATER)
        with pytest.raises(BusyError), two.open().locked(SNAPSHOT):
            pass
    assert not two.open().is_locked(SNAPSHOT)
    late = two.open()
    one.write("a")
    with late.locked(SNAPSHOT):
        assert late.snapshots() == [SNAPSHOT], "what was written while it waited is seen"


def test_a_run_that_was_taken_over_does_not_commit(tmp_path: Path) -> None:
    one, objects = Machine(f"file://{tmp_path}/bucket", tmp_path / "one"), Objects(f"file://{tmp_path}/bucket")
    one.write("old")
    with one.open().locked(SNAPSHOT):
        one.write("first step")
        with _held_elsewhere(objects, "0") as holder:
            with pytest.raises(BusyError, match=f"process {holder.pid} on .* has taken over testwiki 20240101"):
                one.write("second step")
            holder.communicate("")
        with pytest.raises(BusyError, match="has taken over testwiki 20240101"):
            one.write("third step")
    assert one.titles() == ["first step"]
    one.write("new")
    assert one.titles() == ["new"]
