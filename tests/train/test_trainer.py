"""Training on planted clusters: it learns them, can be repeated, and can be broken off and resumed."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from embedding.errors import EnvironmentProblem
from embedding.settings import TrainSettings
from embedding.settings_files import load_settings
from embedding.train import checkpoint, trainer
from embedding.train.trainer import EpochFigures, choose_device, positive_weights, train

CLUSTERS, BOOKS, LINKS = 4, 80, 40  # a book and a link are a pair when they are of the same cluster, for half of such pairs


def _settings(**changes: Any) -> TrainSettings:
    base = {"dimensions": 8, "epochs": 6, "min_steps": 1, "batch_positives": 64, "learning_rate": 0.02, "device": "cpu"}
    return load_settings([], ["wiki=any"]).train.model_copy(update=base | changes)


def _clusters() -> tuple[np.ndarray, Callable[[int], np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Training pairs, their negatives by epoch, and held-out pairs with theirs."""
    rng = np.random.default_rng(0)
    same = np.array([(b, k) for b in range(BOOKS) for k in range(LINKS) if b % CLUSTERS == k % CLUSTERS], np.int32)
    other = np.array([(b, k) for b in range(BOOKS) for k in range(LINKS) if b % CLUSTERS != k % CLUSTERS], np.int32)
    same = same[rng.permutation(len(same))[: len(same) // 2]]
    positives, watched = same[:-60], same[-60:]

    def negatives(epoch: int) -> np.ndarray:
        return other[np.random.default_rng(100 + epoch).integers(0, len(other), 2 * len(positives))]

    return positives, negatives, (watched, other[rng.integers(0, len(other), 120)])


class _Stopped(Exception):
    """Breaks a training off."""


class _Log:
    """Keeps what is reported; breaks the training off after some epochs."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.calls: list[tuple[EpochFigures, int, float]] = []
        self._stop_after = stop_after

    def __call__(self, figures: EpochFigures, epochs: int, seconds_left: float) -> None:
        if len(self.calls) == self._stop_after:
            raise _Stopped
        self.calls.append((figures, epochs, seconds_left))


def _train(
    folder: Path, log: _Log | None = None, seed: int = 1, mark: str = "mine", held_out: bool = True, **changes: Any
) -> tuple[list[np.ndarray], list[EpochFigures], _Log]:
    positives, negatives, watched = _clusters()
    log = log or _Log()
    nothing = np.empty((0, 2), np.int32)
    watch = watched if held_out else (nothing, nothing)
    file = folder / "training.pt"
    model, figures = train(_settings(**changes), BOOKS, LINKS, positives, negatives, watch, seed, mark, file, log)
    return [table.numpy() for table in model.vectors()[:2]], figures, log


def _same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def _measured(figures: list[EpochFigures]) -> list[tuple[float, ...]]:
    return [(f.epoch, f.train_loss, f.valid_loss, f.valid_accuracy, f.valid_auc) for f in figures]


@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_planted_clusters_are_learned(loss: Literal["bce", "mse"], tmp_path: Path) -> None:
    (books, links), figures, _ = _train(tmp_path, loss=loss, epochs=10)
    assert figures[0].valid_auc < 0.85, "not known beforehand"
    assert figures[-1].valid_auc > 0.9
    assert figures[-1].valid_accuracy > 0.8
    assert figures[-1].train_loss < figures[0].train_loss
    assert figures[-1].valid_loss < figures[0].valid_loss
    assert (books.shape, links.shape) == ((BOOKS, 8), (LINKS, 8))
    cosines = books @ books.T
    own = np.arange(BOOKS)[:, None] % CLUSTERS == np.arange(BOOKS) % CLUSTERS
    assert cosines[own].mean() > cosines[~own].mean() + 0.5, "books of one cluster lie together"


def test_the_same_seed_gives_the_same_vectors_and_another_others(tmp_path: Path) -> None:
    one, figures, _ = _train(tmp_path / "a")
    same, again, _ = _train(tmp_path / "b")
    other, _, _ = _train(tmp_path / "c", seed=2)
    assert _same(one, same)
    assert _measured(figures) == _measured(again)
    assert not _same(one, other)


def test_what_else_draws_random_numbers_does_not_matter(tmp_path: Path) -> None:
    one, _, _ = _train(tmp_path / "a")
    torch.manual_seed(99)
    torch.rand(7)
    assert _same(one, _train(tmp_path / "b")[0])


@pytest.mark.parametrize("changes", [{"loss": "mse"}, {"schedule": "constant", "learn_scale": True, "bias": "one"}, {}])
@pytest.mark.parametrize("done", [1, 4])
def test_a_resumed_training_ends_where_an_unbroken_one_does(changes: dict[str, Any], done: int, tmp_path: Path) -> None:
    unbroken, figures, _ = _train(tmp_path / "unbroken", **changes)
    with pytest.raises(_Stopped):
        _train(tmp_path / "broken", _Log(stop_after=done), **changes)
    saved = checkpoint.load(tmp_path / "broken" / "training.pt", "mine")
    assert saved is not None
    assert saved["epoch"] == done
    resumed, again, log = _train(tmp_path / "broken", **changes)
    assert [call[0].epoch for call in log.calls] == list(range(done + 1, 7)), "only what was left is trained"
    assert _same(unbroken, resumed)
    assert _measured(figures) == _measured(again)


@pytest.mark.parametrize("how", ["another mark", "not to be resumed", "damaged"])
def test_a_checkpoint_that_does_not_count_is_ignored(how: str, tmp_path: Path) -> None:
    unbroken, _, _ = _train(tmp_path / "unbroken")
    with pytest.raises(_Stopped):
        _train(tmp_path, _Log(stop_after=3), seed=2, mark="another" if how == "another mark" else "mine")
    if how == "damaged":
        file = tmp_path / "training.pt"
        file.write_bytes(file.read_bytes()[:-100])
    found, figures, log = _train(tmp_path, resume=how != "not to be resumed")
    assert len(log.calls) == len(figures) == 6
    assert _same(unbroken, found)


def test_every_epoch_is_reported_and_saved(tmp_path: Path) -> None:
    _, figures, log = _train(tmp_path)
    assert [call[0] for call in log.calls] == figures
    assert [figure.epoch for figure in figures] == [1, 2, 3, 4, 5, 6]
    assert {call[1] for call in log.calls} == {6}
    assert all(left > 0 for _, _, left in log.calls[:-1])
    assert log.calls[-1][2] == 0
    assert all(figure.rows_per_second > 0 for figure in figures)
    saved = checkpoint.load(tmp_path / "training.pt", "mine")
    assert saved is not None
    assert saved["epoch"] == 6


def test_a_small_table_gets_more_epochs_until_it_has_had_its_steps(tmp_path: Path) -> None:
    positives, _, _ = _clusters()
    steps = math.ceil(len(positives) / 64)
    _, figures, _ = _train(tmp_path, epochs=2, min_steps=3 * steps + 1)
    assert len(figures) == 4
    assert len(_train(tmp_path / "b", epochs=2, min_steps=steps)[1]) == 2


def test_each_epoch_asks_for_its_own_negatives(tmp_path: Path) -> None:
    positives, negatives, watched = _clusters()
    asked: list[int] = []

    def noted(epoch: int) -> np.ndarray:
        asked.append(epoch)
        return negatives(epoch)

    train(_settings(epochs=3), BOOKS, LINKS, positives, noted, watched, 1, "mine", tmp_path / "training.pt", _Log())
    assert asked == [0, 1, 2]


def test_pairs_come_in_another_order_in_every_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[list[list[int]]] = []
    one_epoch = trainer._train_epoch

    def watched(model: Any, optimiser: Any, schedule: Any, weights: Any, true: torch.Tensor, *rest: Any) -> float:
        orders.append(true.tolist())
        return one_epoch(model, optimiser, schedule, weights, true, *rest)

    monkeypatch.setattr(trainer, "_train_epoch", watched)
    _train(tmp_path, epochs=4)
    given = _clusters()[0].tolist()
    assert all(sorted(order) == sorted(given) for order in orders)
    assert len({str(order) for order in [given, *orders]}) == 5


def test_without_held_out_pairs_there_are_no_figures_of_them(tmp_path: Path) -> None:
    with_them, _, _ = _train(tmp_path / "a", epochs=2)
    without, figures, _ = _train(tmp_path / "b", held_out=False, epochs=2)
    for figure in figures:
        assert math.isnan(figure.valid_loss)
        assert math.isnan(figure.valid_accuracy)
        assert math.isnan(figure.valid_auc)
        assert math.isfinite(figure.train_loss)
    assert _same(with_them, without), "watching does not change the training"


def test_fewer_negatives_than_steps_do_no_harm(tmp_path: Path) -> None:
    positives, negatives, watched = _clusters()
    few = _settings(epochs=1, batch_positives=10)
    model, figures = train(few, BOOKS, LINKS, positives, lambda e: negatives(e)[:3], watched, 1, "mine", tmp_path / "training.pt", _Log())
    assert math.isfinite(figures[0].train_loss)
    assert all(torch.isfinite(table).all() for table in model.vectors())


def test_a_book_without_pairs_keeps_the_vector_that_it_was_drawn(tmp_path: Path) -> None:
    positives, negatives, watched = _clusters()
    arguments = (LINKS, positives, negatives, watched, 1)
    one, _ = train(_settings(epochs=1), BOOKS + 1, *arguments, "one", tmp_path / "a.pt", _Log())
    more, _ = train(_settings(epochs=3), BOOKS + 1, *arguments, "more", tmp_path / "b.pt", _Log())
    assert torch.equal(one.vectors()[0][BOOKS], more.vectors()[0][BOOKS])
    assert not torch.equal(one.vectors()[0][0], more.vectors()[0][0])


def test_rare_links_count_more_and_a_pair_one_in_the_mean() -> None:
    of_pairs = torch.tensor([0] * 16 + [1] * 4 + [2])
    weights = positive_weights(of_pairs, 4, -0.5)
    torch.testing.assert_close(weights[:3] / weights[2], torch.tensor([0.25, 0.5, 1.0]))
    assert float(weights[of_pairs].mean()) == pytest.approx(1)
    assert torch.isfinite(weights).all(), "a link without pairs"
    torch.testing.assert_close(positive_weights(of_pairs, 4, 0), torch.ones(4))


def test_one_cycle_rises_to_the_rate_and_ends_near_nothing_however_often_it_is_broken_off(tmp_path: Path) -> None:
    steps = 6 * math.ceil(len(_clusters()[0]) / 64)
    seen = []
    step = torch.optim.lr_scheduler.OneCycleLR.step

    def watched(schedule: Any, *arguments: Any) -> None:
        seen.append(schedule.optimizer.param_groups[0]["lr"])
        step(schedule, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        with pytest.raises(_Stopped):
            _train(tmp_path, _Log(stop_after=2))
        patch.setattr(torch.optim.lr_scheduler.OneCycleLR, "step", watched)
        _train(tmp_path)
    rates = [rate for rate in seen if rate is not None]
    assert max(rates) <= 0.02
    assert rates[-1] < 0.02 / 1000
    assert steps * 4 // 6 <= len(rates) <= steps


def test_cuda_without_a_gpu_is_a_clear_error(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(EnvironmentProblem, match=r"train\.device is cuda and torch sees no GPU; give --set train\.device=auto"):
        _train(tmp_path, device="cuda")
    assert not (tmp_path / "training.pt").exists()


def test_the_device_is_the_one_that_is_there() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
