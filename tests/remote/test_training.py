from pathlib import Path
from typing import Any

import pytest

from embedding.runs import run_steps
from embedding.warehouse import Warehouse
from jobs import train_embedding
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
