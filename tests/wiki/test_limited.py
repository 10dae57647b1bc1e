"""Calls in a process of their own, with bounds."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedding.wiki.limited import BrokenError, Limited, TooLongError


def _work(task: tuple[str, int]) -> int:
    kind, number = task
    if kind == "sleep":
        time.sleep(number)
    elif kind == "grow":
        return len(bytearray(number << 20))
    elif kind == "raise":
        raise ValueError("odd page")
    elif kind == "die":
        os._exit(3)
    elif kind == "pid":
        return os.getpid()
    return number * 2


@pytest.fixture
def limited() -> Iterator[Limited[tuple[str, int], int]]:
    caller = Limited(_work, seconds=1.0, megabytes=200)
    yield caller
    caller.close()


def test_one_child_serves_many_calls(limited: Limited[tuple[str, int], int]) -> None:
    assert [limited(("double", number)) for number in range(50)] == [2 * number for number in range(50)]
    assert limited(("pid", 0)) == limited(("pid", 0)) != os.getpid()


def test_a_call_that_takes_too_long_is_stopped_and_the_next_one_works(limited: Limited[tuple[str, int], int]) -> None:
    with pytest.raises(TooLongError):
        limited(("sleep", 60))
    assert limited(("double", 4)) == 8


def test_a_call_that_wants_too_much_memory_fails_alone(limited: Limited[tuple[str, int], int]) -> None:
    with pytest.raises(BrokenError, match="MemoryError"):
        limited(("grow", 2000))
    assert limited(("grow", 20)) == 20 << 20


@pytest.mark.parametrize("kind", ["raise", "die"])
def test_a_call_that_raises_or_dies_is_broken(limited: Limited[tuple[str, int], int], kind: str) -> None:
    with pytest.raises(BrokenError):
        limited((kind, 0))
    assert limited(("double", 1)) == 2


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="how a process fares is read from /proc")
def test_the_child_ends_when_its_parent_is_killed() -> None:
    code = "import os, time; from embedding.wiki.limited import Limited; print(Limited(lambda _: os.getpid(), 9, 900)(0), flush=True); "
    parent = subprocess.Popen([sys.executable, "-c", f"{code} time.sleep(60)"], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        child = Path("/proc") / parent.stdout.readline().strip() / "stat"
        parent.kill()
    for _ in range(100):
        if not child.exists() or " Z " in child.read_text():  # gone, or dead and not yet buried
            return
        time.sleep(0.1)
    pytest.fail("it still runs")
