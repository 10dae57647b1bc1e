"""One run at a time: locks between real processes."""

import errno
import fcntl
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embedding.errors import BusyError, WarehouseError
from embedding.lock import is_locked, locked

_HOLDER = """
import sys
from pathlib import Path
from embedding.lock import locked
with locked(Path(sys.argv[1]), "testwiki 20240501"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def _held_elsewhere(file: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen([sys.executable, "-c", _HOLDER, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder


def test_a_second_process_is_told_who_is_at_work(tmp_path: Path) -> None:
    file = tmp_path / "locks" / "one.lock"
    with _held_elsewhere(file) as holder:
        assert is_locked(file)
        with pytest.raises(BusyError, match=rf"^testwiki 20240501 is being worked on by process {holder.pid} on \S+ since 20\S+; wait "):
            locked(file, "testwiki 20240501").__enter__()
    assert not is_locked(file)
    with locked(file, "testwiki 20240501"):
        assert is_locked(file)
    assert not is_locked(file)


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "one.lock"
    with _held_elsewhere(file) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with locked(file, "it"):
            pass


def test_who_waits_goes_on_when_the_other_has_ended(tmp_path: Path) -> None:
    file = tmp_path / "one.lock"
    with (
        _held_elsewhere(file) as holder,
        subprocess.Popen(
            [sys.executable, "-c", _HOLDER.replace('20240501")', '20240501", wait=True)'), file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as waiting,
    ):
        assert waiting.stdout is not None
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.5)
        holder.communicate("")
        assert waiting.stdout.readline() == "held\n"
        waiting.communicate("")


def test_a_lock_that_was_never_held_is_free(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "none.lock")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_where_there_are_no_locks_none_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "one.lock", "it"):
        caplog.clear()
        assert not is_locked(tmp_path / "one.lock")
    assert "one.lock: no locks on this file system; see to it that no run is at work" in caplog.text


def test_a_lock_of_which_nothing_can_be_told_is_taken_for_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "no")

    (tmp_path / "one.lock").touch()
    monkeypatch.setattr(fcntl, "flock", refuse)
    assert is_locked(tmp_path / "one.lock")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WarehouseError, match=r"file/x\.lock: cannot be made"):
        locked(tmp_path / "file" / "x.lock", "it").__enter__()
