"""Any order of writes of two machines, some broken off, late, or of one whose lease was taken over: readers see the last step committed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedding.errors import BusyError
from embedding.remote import lease
from embedding.remote.objects import Objects
from tests.remote.machines import SNAPSHOT, Machine, write_links

ACTIONS = ("write", "broken off before the commit", "broken off after the commit", "late write", "taken over", "publish", "withdraw")


class _Broken(BaseException):
    """Ends a process where it stands."""


@contextmanager
def _breaking(moment: str) -> Iterator[None]:
    real = Objects.create

    def create(self: Objects, key: str, content: bytes) -> bool:
        if moment == "before the commit":
            raise _Broken
        real(self, key, content)
        raise _Broken

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Objects, "create", create)
        yield


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 1)), min_size=1, max_size=7))
def test_readers_see_the_last_step_that_was_committed(actions: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        machines = [Machine(f"file://{folder}/bucket", Path(folder) / name) for name in ("one", "two")]
        last = "first"
        machines[0].write(last, model=b"first")
        published = False
        for number, (action, which) in enumerate(actions):
            title, machine = f"{number:05}", machines[which]
            last, published = _act(action, machine, machines[1 - which], title, last, published)
            for reader in machines:
                warehouse = reader.open()
                assert reader.titles() == [last], action
                _model(warehouse, last)
                assert len({made.run for made in warehouse.inputs(["links", "model"], SNAPSHOT).values()}) == 1
                assert warehouse.latest() == ([SNAPSHOT] if published else [])


def _act(action: str, machine: Machine, other: Machine, title: str, last: str, published: bool) -> tuple[str, bool]:
    """Do it; the title that is to be seen after it, and whether the snapshot is to be in view."""
    warehouse = machine.open()
    if action == "publish":
        warehouse.publish(SNAPSHOT, warehouse.inputs(["links"], SNAPSHOT))
        return last, True
    if action == "withdraw":
        warehouse.publication.withdraw(SNAPSHOT)
        return last, False
    if action == "late write":
        other.write(title, model=title.encode())
        with pytest.raises(BusyError):
            write_links(warehouse, ["too late"], b"late!")
        return title, False
    if action == "taken over":
        with warehouse.locked(SNAPSHOT):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(lease, "OVER", 0.0)
                with other.open().locked(SNAPSHOT):
                    pass
            with pytest.raises(BusyError):
                write_links(warehouse, ["too late"], b"late!")
        return last, published
    if action.startswith("broken off"):
        moment = action.removeprefix("broken off ")
        with _breaking(moment), pytest.raises(_Broken):
            write_links(warehouse, [title], title.encode())
        return (title, False) if moment == "after the commit" else (last, published)
    write_links(warehouse, [title], title.encode())
    return title, False


def _model(warehouse: Any, title: str) -> None:
    folder = warehouse.folder("model", SNAPSHOT)
    warehouse.fetch([folder], SNAPSHOT)
    assert (folder / "model.pt").read_bytes() == title.encode()
