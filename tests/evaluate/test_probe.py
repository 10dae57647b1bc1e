"""The probe: which books it takes, what it can tell, and that it says when there is nothing to tell."""

import logging

import numpy as np
import pyarrow.parquet as pq
import pytest

from embedding.evaluate import probe
from embedding.runs import run_steps
from embedding.warehouse import Warehouse
from jobs import probe_vectors
from tests.small_warehouse import SNAPSHOT, make, settings_for


def test_only_classes_with_enough_books_are_kept() -> None:
    labels = ["a", None, "b", "a", "c", "b", "a", None]
    sample = probe.choose_books(labels, 2, 100, 1)
    assert (sample.rows.tolist(), sample.classes.tolist(), sample.names, sample.labelled) == (
        [0, 2, 3, 5, 6],
        [0, 1, 0, 1, 0],
        ["a", "b"],
        6,
    )
    assert probe.choose_books([None] * 5, 1, 100, 1).names == []
    assert len(probe.choose_books([], 1, 100, 1).rows) == 0


def test_of_too_many_books_a_seeded_sample_is_taken_whose_classes_are_still_large_enough() -> None:
    labels = [str(number % 3) for number in range(300)] + ["rare"] * 5
    one, again, other = (probe.choose_books(labels, 5, 60, seed) for seed in (1, 1, 2))
    assert one.rows.tolist() == again.rows.tolist() != other.rows.tolist()
    assert len(one.rows) <= 60
    assert min(np.bincount(one.classes)) >= 5
    assert one.labelled == 305


def test_what_can_be_told_is_told_and_noise_is_not() -> None:
    random = np.random.default_rng(1)
    labels = [("x", "y", "z")[number % 3] for number in range(150)]
    sample = probe.choose_books(labels, 5, 1000, 1)
    right, noise = np.eye(3)[np.arange(150) % 3] * 0.01 + random.normal(scale=1e-3, size=(150, 3)), random.normal(size=(150, 3))
    links = np.stack([np.arange(150), np.arange(150) % 3], 1)
    matrix = probe.one_hot(np.concatenate([links, [[0, 3]]]), 150, 4)
    scores = probe.cross_validated({"right": right, "noise": noise, "links": matrix, "tf_idf": probe.tf_idf(matrix)}, sample, 3, 1)
    assert list(scores) == ["right", "noise", "links", "tf_idf", "majority"]
    for name in ("right", "links", "tf_idf"):
        assert scores[name].accuracy > 0.98
        assert scores[name].macro_f1 > 0.98
    assert scores["noise"].accuracy < 0.5
    assert scores["majority"].accuracy == pytest.approx(1 / 3, abs=0.02)
    assert scores["majority"].macro_f1 == pytest.approx(1 / 6, abs=0.02)  # F1 of .5 for one class of three
    again = probe.cross_validated({"noise": noise}, sample, 3, 1)
    assert again["noise"] == scores["noise"]


@pytest.mark.parametrize(("folds", "classes", "books"), [(2, 3, 4), (3, 40, 4), (5, 2, 5)])
def test_few_books_of_many_classes_are_enough(folds: int, classes: int, books: int) -> None:
    labels = [str(number % classes) for number in range(classes * books)]
    sample = probe.choose_books(labels, max(folds, probe.LEAST_BOOKS), 1000, 1)
    assert len(sample.names) == classes
    vectors = np.eye(classes)[np.arange(classes * books) % classes]
    assert probe.cross_validated({"right": vectors}, sample, folds, 1)["right"].accuracy > 0.9


def test_als_vectors_tell_clusters_apart() -> None:
    pytest.importorskip("implicit", reason="implicit is not installed")
    pairs = np.array([(book, 10 * (book % 2) + link) for book in range(40) for link in range(10) if (book + link) % 3])
    vectors = probe.als_vectors(probe.one_hot(pairs, 40, 20), 4, 1)
    assert vectors is not None
    assert vectors.shape == (40, 4)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T - 2 * np.eye(40)
    assert (cosines.argmax(1) % 2 == np.arange(40) % 2).all()


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return make(tmp_path_factory.mktemp("warehouse"))


def _figures(warehouse: Warehouse) -> dict[str, tuple[float, str]]:
    rows = pq.read_table(warehouse.files("metrics/probe_vectors", SNAPSHOT), partitioning=None).to_pylist()
    return {row["metric"]: (row["value"], row["measured_on"]) for row in rows}


def test_the_job_writes_figures_of_planted_genres_and_prints_a_table(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    run_steps([probe_vectors.STEP], settings_for(warehouse.root, "probe.folds=3"))
    figures = _figures(warehouse)
    value, on = figures["genre_accuracy_book_vectors"]
    assert value > 0.9
    assert on == "60 of 60 books with a genre, 4 classes, 3 folds"
    assert figures["genre_accuracy_majority"][0] == pytest.approx(0.25, abs=0.02)
    assert figures["country_accuracy_majority"][0] == pytest.approx(0.5, abs=0.02)  # "U.S." and "United States" are one
    assert figures["country_macro_f1_tf_idf"][0] > 0.9
    assert {name.split("_")[0] for name in figures} == {"genre", "country"}
    said = capsys.readouterr().out
    assert "\ngenre: 60 of 60 books" in said
    assert "| book_vectors |" in said


def test_too_few_labels_are_said_and_no_figure_is_written(warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "bookspace"):
        run_steps([probe_vectors.STEP], settings_for(warehouse.root, "probe.min_books=31"))
    assert _figures(warehouse) == {}
    assert [record.message.split(":")[1].strip() for record in caplog.records] == ["genre", "country"]
    assert "nothing to tell apart, nothing is measured" in caplog.text
