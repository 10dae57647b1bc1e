"""What is said of a training: lines, TensorBoard's scalars, a picture."""

import logging
import math
import sys
from pathlib import Path

import pytest

from embedding.errors import EnvironmentProblem
from embedding.train.curves import draw_curves
from embedding.train.figures import EpochFigures
from embedding.train.report import Report, describe

FIRST = EpochFigures(1, 0.5, math.nan, math.nan, math.nan, math.nan, 1e6)
SECOND = EpochFigures(2, 0.4, 0.45, 0.8, 0.9, 0.75, 2e6)


def test_a_line_holds_the_figures_that_there_are() -> None:
    assert describe(FIRST, 9) == "epoch 1 of 9, loss 0.5000; 1,000,000 rows/s"
    assert describe(SECOND, 9) == (
        "epoch 2 of 9, loss 0.4000; held out: loss 0.4500, accuracy 0.8000, AUC 0.9000; 75% of neighbours as before; 2,000,000 rows/s"
    )


def test_the_first_and_the_last_epoch_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "bookspace"), Report() as report:
        for epoch in range(1, 10):
            report(EpochFigures(epoch, 0.5, math.nan, math.nan, math.nan, math.nan, 1.0), 9, 7.0)
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [f"train_embedding: epoch {epoch} of 9" for epoch in (1, 9)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_scalars_are_written_for_tensorboard(tmp_path: Path) -> None:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with Report(str(tmp_path)) as report:
        report(FIRST, 2, 1.0)
        report(SECOND, 2, 0.0)
    found = loader.EventAccumulator(str(tmp_path))
    found.Reload()
    assert set(found.Tags()["scalars"]) == set(vars(SECOND)) - {"epoch"}
    assert [(one.step, pytest.approx(one.value)) for one in found.Scalars("train_loss")] == [(1, 0.5), (2, 0.4)]
    assert [one.step for one in found.Scalars("valid_auc")] == [2]


def test_a_folder_for_tensorboard_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentProblem, match=r"file/board: cannot be written \(.*\); mend train.tensorboard"):
        Report(str(tmp_path / "file" / "board"))


def test_tensorboard_that_is_wanted_and_not_there_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(EnvironmentProblem, match=r"pip install 'bookspace\[watch\]', or set it to null"):
        Report(str(tmp_path))


def test_a_picture_is_drawn_or_it_is_said_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    assert draw_curves([FIRST, SECOND], tmp_path / "a.png") is None
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert "matplotlib is not installed" in (draw_curves([FIRST], tmp_path / "b.png") or "")
    assert not (tmp_path / "b.png").exists()
