"""Training on planted clusters: it learns them, can be repeated, and can be broken off and resumed."""

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from embedding.errors import EnvironmentProblem, TrainingError
from embedding.train import trainer
from embedding.train.checkpoint import TENSORS, Checkpoints
from embedding.train.start import singular_vectors
from embedding.train.trainer import choose_device, new_model, positive_weights, train
from tests.train.clusters import BOOKS, CLUSTERS, LINKS, Log, Stopped, clusters, data, learn, measured, same, settings
from tests.training_data import NOTHING, in_memory

WAYS = pytest.mark.parametrize(
    "changes",
    [{"loss": "mse"}, {"schedule": "constant", "learn_scale": True, "bias": "one"}, {}, {"adam": "rows"}, {"start": "svd"}],
    ids=["mse", "original bce", "bce", "rows", "svd"],
)


@pytest.mark.parametrize(("loss", "adam"), [("bce", "whole"), ("mse", "whole"), ("bce", "rows"), ("mse", "rows")])
def test_planted_clusters_are_learned(loss: Literal["bce", "mse"], adam: str, tmp_path: Path) -> None:
    (books, links, _), figures, _ = learn(tmp_path, loss=loss, adam=adam, epochs=10)
    assert figures[0].valid_auc < 0.85, "not known beforehand"
    assert figures[-1].valid_auc > 0.9
    assert figures[-1].valid_accuracy > 0.8
    assert figures[-1].train_loss < figures[0].train_loss
    assert figures[-1].valid_loss < figures[0].valid_loss
    assert (books.shape, links.shape) == ((BOOKS, 8), (LINKS, 8))
    cosines = books @ books.T
    own = np.arange(BOOKS)[:, None] % CLUSTERS == np.arange(BOOKS) % CLUSTERS
    assert cosines[own].mean() > cosines[~own].mean() + 0.5, "books of one cluster lie together"
    assert math.isnan(figures[0].neighbour_overlap)
    assert all(0 < figure.neighbour_overlap <= 1 for figure in figures[1:])


def test_the_same_seed_gives_the_same_vectors_and_another_others(tmp_path: Path) -> None:
    one, figures, _ = learn(tmp_path / "a")
    again, repeated, _ = learn(tmp_path / "b")
    other, _, _ = learn(tmp_path / "c", seed=2)
    assert same(one, again)
    assert measured(figures) == measured(repeated)
    assert not same(one, other)


def test_what_else_draws_random_numbers_does_not_matter(tmp_path: Path) -> None:
    one, _, _ = learn(tmp_path / "a")
    torch.manual_seed(99)
    torch.rand(7)
    assert same(one, learn(tmp_path / "b")[0])


@WAYS
@pytest.mark.parametrize("done", [1, 4])
def test_a_resumed_training_ends_where_an_unbroken_one_does(changes: dict[str, Any], done: int, tmp_path: Path) -> None:
    unbroken, figures, _ = learn(tmp_path / "unbroken", **changes)
    with pytest.raises(Stopped):
        learn(tmp_path / "broken", Log(stop_after=done), **changes)
    resumed, again, log = learn(tmp_path / "broken", **changes)
    assert log.calls[0][0].epoch == done + 1, "only what was left is trained"
    assert same(unbroken, resumed)
    assert measured(figures) == measured(again)


@WAYS
def test_a_training_goes_on_in_the_middle_of_an_epoch(changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a checkpoint after every step and a kill between any two, the result is that of an unbroken training."""
    unbroken, figures, _ = learn(tmp_path / "unbroken", **changes)
    take = trainer._Run.take_step
    taken = 0

    def killed(run: Any, true: torch.Tensor, false: torch.Tensor) -> None:
        nonlocal taken
        taken += 1
        if taken % 7 == 0:
            raise Stopped
        take(run, true, false)

    monkeypatch.setattr(trainer._Run, "take_step", killed)
    starts = 0
    while True:
        starts += 1
        try:
            resumed, again, _ = learn(tmp_path / "broken", **changes)
            break
        except Stopped:
            continue
    assert starts > 3
    assert taken == 6 * math.ceil(len(clusters()[0]) / 64) + starts - 1, "no step is taken twice"
    assert same(unbroken, resumed)
    assert measured(figures) == measured(again)


@pytest.mark.parametrize("how", ["another", "not to be resumed", "damaged"])
def test_a_checkpoint_that_does_not_count_is_ignored(how: str, tmp_path: Path) -> None:
    unbroken, _, _ = learn(tmp_path / "unbroken")
    with pytest.raises(Stopped):
        learn(tmp_path, Log(stop_after=3), seed=2, identity="another" if how == "another" else "mine")
    if how == "damaged":
        for file in tmp_path.rglob(TENSORS):
            file.write_bytes(file.read_bytes()[:-100])
    found, figures, log = learn(tmp_path, resume=how != "not to be resumed")
    assert len(log.calls) == len(figures) == 6
    assert same(unbroken, found)


def test_what_was_there_is_forgotten_when_it_is_not_to_be_resumed(tmp_path: Path) -> None:
    learn(tmp_path)
    with pytest.raises(Stopped):
        learn(tmp_path, Log(stop_after=2), resume=False)
    assert (Checkpoints(tmp_path, {"whose": "mine"}).load() or pytest.fail("none")).facts["epoch"] < 6


def test_every_epoch_is_reported_and_the_end_saved(tmp_path: Path) -> None:
    _, figures, log = learn(tmp_path, checkpoint_seconds=1000.0)
    assert [call[0] for call in log.calls] == figures
    assert [figure.epoch for figure in figures] == [1, 2, 3, 4, 5, 6]
    assert {call[1] for call in log.calls} == {6}
    assert all(left > 0 for _, _, left in log.calls[:-1])
    assert log.calls[-1][2] == 0
    assert all(figure.rows_per_second > 0 for figure in figures)
    saved = Checkpoints(tmp_path, {"whose": "mine"})
    assert (saved.load() or pytest.fail("none")).facts["epoch"] == 6
    assert len(list(saved.folder.iterdir())) == 1, "none was due before the end"
    again, figures_again, silent = learn(tmp_path)
    assert silent.calls == []
    assert measured(figures) == measured(figures_again)
    assert same(again, learn(tmp_path / "anew")[0])


def test_a_small_table_gets_more_epochs_until_it_has_had_its_steps(tmp_path: Path) -> None:
    steps = math.ceil(len(clusters()[0]) / 64)
    assert len(learn(tmp_path, epochs=2, min_steps=3 * steps + 1)[1]) == 4
    assert len(learn(tmp_path / "b", epochs=2, min_steps=steps)[1]) == 2


def test_without_held_out_pairs_there_are_no_figures_of_them(tmp_path: Path) -> None:
    with_them, _, _ = learn(tmp_path / "a", epochs=2)
    without, figures, _ = learn(tmp_path / "b", given=data(held_out=False), epochs=2)
    for figure in figures:
        assert math.isnan(figure.valid_loss)
        assert math.isnan(figure.valid_accuracy)
        assert math.isnan(figure.valid_auc)
        assert math.isfinite(figure.train_loss)
    assert same(with_them, without), "watching does not change the training"


@pytest.mark.parametrize("adam", ["whole", "rows"])
@pytest.mark.parametrize("negatives", [0, 3])
def test_fewer_negatives_than_steps_do_no_harm(negatives: int, adam: str, tmp_path: Path) -> None:
    few = data(draws=[clusters()[1][0][:negatives]])
    vectors, figures, _ = learn(tmp_path, given=few, epochs=1, batch_positives=10, adam=adam)
    assert math.isfinite(figures[0].train_loss)
    assert all(np.isfinite(table).all() for table in vectors)


@pytest.mark.parametrize("books", [1, 2])
def test_one_or_two_books_can_be_trained(books: int, tmp_path: Path) -> None:
    few = in_memory(books, 1, np.array([[book, 0] for book in range(books)], np.int32), [NOTHING], 1)
    vectors, figures, _ = learn(tmp_path, given=few)
    assert [table.shape for table in vectors] == [(books, 8), (1, 8), (1,)]
    assert all(math.isnan(figure.neighbour_overlap) for figure in figures) == (books == 1)


@pytest.mark.parametrize("adam", ["whole", "rows"])
def test_a_book_without_pairs_keeps_the_vector_that_it_was_drawn(adam: str, tmp_path: Path) -> None:
    one, _, _ = learn(tmp_path / "a", given=data(books=BOOKS + 1), epochs=1, adam=adam)
    more, _, _ = learn(tmp_path / "b", given=data(books=BOOKS + 1), epochs=3, adam=adam)
    np.testing.assert_array_equal(one[0][BOOKS], more[0][BOOKS])
    assert not np.array_equal(one[0][0], more[0][0])


def test_start_values_are_taken_where_there_are_any(tmp_path: Path) -> None:
    """A training of one tiny step leaves vectors where they started: at the given ones, or at random where they are nan."""
    drawn, _, _ = learn(tmp_path / "without", epochs=1, learning_rate=1e-9)
    books, links, bias = (np.random.default_rng(5).normal(size=table.shape).astype(np.float32) for table in drawn)
    books[3:], links[:2], bias[7] = np.nan, np.nan, np.nan
    found, _, _ = learn(tmp_path / "with", epochs=1, learning_rate=1e-9, initial=(books, links, bias))
    unit = books / np.linalg.norm(books, axis=1, keepdims=True)
    np.testing.assert_allclose(found[0][:3], unit[:3], atol=1e-5)
    np.testing.assert_allclose(found[0][3:], drawn[0][3:], atol=1e-5)
    np.testing.assert_allclose(found[1][:2], drawn[1][:2], atol=1e-5)
    assert not np.allclose(found[1][2:], drawn[1][2:], atol=1e-2)
    np.testing.assert_allclose(found[2], np.where(np.isnan(bias), 0, bias), atol=1e-5)


def test_a_training_starts_at_the_singular_vectors_unless_vectors_are_given(tmp_path: Path) -> None:
    """A training of one tiny step leaves vectors where they started; what has no pair starts at random."""
    given, few = data(books=BOOKS + 1), {"epochs": 1, "learning_rate": 1e-9}
    drawn, _, _ = learn(tmp_path / "random", given=given, **few)
    found, figures, _ = learn(tmp_path / "svd", given=given, start="svd", **few)
    assert figures[0].valid_auc > 0.75, "they know the clusters beforehand"
    weights = positive_weights(given.link_pairs, settings().link_weight_power)
    books, links = singular_vectors(given.positives, weights, BOOKS + 1, 8, 1)
    np.testing.assert_allclose(found[0][:-1], books[:-1], atol=1e-5)
    np.testing.assert_allclose(found[1], links, atol=1e-5)
    np.testing.assert_allclose(found[0][-1], drawn[0][-1], atol=1e-5)
    initial = (drawn[0], drawn[1], drawn[2])
    warm, _, _ = learn(tmp_path / "warm", given=given, initial=initial, start="svd", **few)
    np.testing.assert_allclose(warm[0], drawn[0], atol=1e-5)


def test_given_vectors_are_turned_less_the_longer_they_start_and_new_ones_as_much(tmp_path: Path) -> None:
    first, _, _ = learn(tmp_path / "first", epochs=10)
    random = np.random.default_rng(0).normal(size=first[0].shape).astype(np.float32)
    # They start somewhere else, so there is far to go.
    initial = (random / np.linalg.norm(random, axis=1, keepdims=True), first[1], first[2])
    initial[0][::3] = np.nan
    turned, new = [], []
    for length in (1, 5, 25):
        found, _, _ = learn(tmp_path / str(length), epochs=1, initial=initial, warm_length=length)
        cosines = (found[0] * np.nan_to_num(initial[0])).sum(1)
        turned.append(1 - cosines[~np.isnan(initial[0][:, 0])].mean())
        new.append((found[0][::3] * first[0][::3]).sum(1).mean())
    assert turned[0] > 2 * turned[1] > 4 * turned[2]
    assert new[2] > new[0] - 0.2


def test_vectors_of_a_training_are_a_good_start_of_the_next(tmp_path: Path) -> None:
    first, figures, _ = learn(tmp_path / "a", epochs=10)
    _, warm, _ = learn(tmp_path / "b", epochs=1, initial=tuple(first))  # type: ignore[arg-type]
    assert warm[0].valid_auc > figures[0].valid_auc + 0.1


def test_rare_links_count_more_and_a_pair_one_in_the_mean() -> None:
    counts = np.array([16, 4, 1, 0])
    weights = positive_weights(counts, -0.5)
    torch.testing.assert_close(weights[:3] / weights[2], torch.tensor([0.25, 0.5, 1.0]))
    assert float((weights * torch.from_numpy(counts)).sum() / counts.sum()) == pytest.approx(1)
    assert torch.isfinite(weights).all(), "a link without pairs"
    torch.testing.assert_close(positive_weights(counts, 0), torch.ones(4))


def test_a_loss_that_is_no_number_stops_the_training_and_the_last_checkpoint_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model breaks in the third epoch: the error says so, and a training that does not break goes on from the second."""
    unbroken, _, _ = learn(tmp_path / "unbroken")
    close = trainer._Run.close_epoch

    def broken(run: Any, speed: float) -> Any:
        one = close(run, speed)
        if one.epoch == 2:
            run.save()
            run.model.books.weight.data[0] = math.nan
            run.save_at = math.inf
        return one

    with monkeypatch.context() as patch:
        patch.setattr(trainer._Run, "close_epoch", broken)
        with pytest.raises(TrainingError, match=r"loss is nan in epoch 3 of 6; lower train\.learning_rate \(0\.02\).*is kept in"):
            learn(tmp_path / "broken")
    assert same(unbroken, learn(tmp_path / "broken")[0])


def test_a_rate_that_is_too_high_is_found_out(tmp_path: Path) -> None:
    """A learned scale runs away at once at this rate."""
    wrong = {"learning_rate": 1.0, "learn_scale": True, "scale": 100.0, "init_range": 1e-3, "schedule": "constant", "epochs": 300}
    shuffled = data(draws=[clusters()[0]])  # nothing can be learned: every pair is true and false
    with pytest.raises(TrainingError, match=r"has run away to .* in epoch \d+ of 300; lower train\.learning_rate \(1\), or set train"):
        learn(tmp_path, given=shuffled, **wrong)


def test_a_full_memory_is_said_and_what_to_lower(tmp_path: Path) -> None:
    huge = data(books=1 << 40)
    with pytest.raises(TrainingError, match=r"memory is full; lower train\.batch_positives \(64\), train\.dimensions \(4096\)"):
        learn(tmp_path, given=huge, dimensions=4096)


def test_cuda_without_a_gpu_is_a_clear_error(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(EnvironmentProblem, match=r"train\.device is cuda and torch sees no GPU; give --set train\.device=auto"):
        learn(tmp_path, device="cuda")
    assert list(tmp_path.iterdir()) == []


def test_the_device_is_the_one_that_is_there() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("cuda_graph", [True, False])
@pytest.mark.parametrize("adam", ["whole", "rows"])
def test_a_gpu_learns_what_a_cpu_learns(adam: str, cuda_graph: bool, tmp_path: Path) -> None:
    there = Checkpoints(tmp_path, {"on": "gpu"})
    torch.cuda.set_sync_debug_mode("warn")
    chosen = settings(device="cuda", cuda_graph=cuda_graph, adam=adam, epochs=10)
    _, figures = train(chosen, data(device="cuda"), 1, there, Log())
    torch.cuda.set_sync_debug_mode("default")
    _, here, _ = learn(tmp_path, adam=adam, epochs=10)
    assert figures[-1].valid_auc == pytest.approx(here[-1].valid_auc, abs=0.05)


def test_a_new_model_has_the_shape_of_its_settings() -> None:
    model = new_model(settings(bias="one"), 3, 2)
    assert (model.books.weight.shape, model.links.weight.shape, model.bias.shape) == ((3, 8), (2, 8), (1,))
