"""Trainings of a warehouse in an object store."""

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from embedding import spark as sessions
from embedding.errors import SettingsError
from embedding.runs import run_steps
from embedding.warehouse import Warehouse
from jobs import train_embedding
from tests.conftest import BorrowedSession
from tests.small_warehouse import SNAPSHOT, make, settings_for


def test_a_training_that_broke_off_goes_on_on_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    address: Any = f"file://{tmp_path}/bucket"
    caplog.set_level("INFO")
    with monkeypatch.context() as machine:
        machine.setenv("XDG_CACHE_HOME", str(tmp_path / "one"))
        machine.setattr(train_embedding, "_align", lambda *_: 1 / 0)  # all epochs are done, and nothing is written
        with pytest.raises(ZeroDivisionError):
            make(address)
    assert "epoch 1 of" in caplog.text
    caplog.clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "two"))
    run_steps([train_embedding.STEP], settings_for(address))
    assert "fetching checkpoint training-" in caplog.text
    assert "epoch 1 of" not in caplog.text
    here, there = make(tmp_path / "here"), Warehouse(address)
    for table in ("book_vectors", "link_vectors"):
        (one,), (other,) = (warehouse.files(table, SNAPSHOT) for warehouse in (here, there))
        assert one.read_bytes() == other.read_bytes()


def test_several_processes_on_other_machines_are_refused(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address: Any = f"file://{tmp_path}/bucket"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "one"))
    with monkeypatch.context() as untrained:
        untrained.setattr(train_embedding, "_train", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            make(address)
    monkeypatch.setattr(sessions, "is_local", lambda session: False)
    with pytest.raises(SettingsError, match=r"^train\.processes=2: processes on executors do not see .* local copy of file://") as refused:
        run_steps([train_embedding.STEP], settings_for(address, "train.processes=2"), BorrowedSession(spark))
    assert "train on one machine (train.processes=1, or a local master)" in str(refused.value)
    assert not Warehouse(address).has("book_vectors", SNAPSHOT)
