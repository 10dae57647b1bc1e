"""The gates of publish: which hold, and what is said of those that do not."""

import pytest

from embedding.gates import Figure, Gate, gates
from embedding.settings import PublishSettings

SETTINGS = PublishSettings(min_books=10, min_books_share=0.9, min_auc=0.6, min_recall=0.95, max_without_neighbours=0.2, min_overlap=0.3)
GOOD = {
    "auc": Figure(0.6, "test split"),
    "recall_at_k_neighbours": Figure(0.99, ""),
    "without_neighbours": Figure(0.2, "2 of 10 books"),
    "books_share_of_before": Figure(0.9, "90 books, 100 in 20240101"),
    "overlap_at_k_neighbours": Figure(0.3, ""),
}


def test_all_hold_at_their_bounds() -> None:
    found = gates(SETTINGS, 10, GOOD, compared=True)
    assert {gate.setting for gate in found} == set(PublishSettings.model_fields), "every bound has its gate"
    assert all(gate.holds for gate in found)


@pytest.mark.parametrize(
    ("metric", "worse", "said"),
    [
        ("books_share_of_before", 0.89, "is 0.89 (90 books, 100 in 20240101), and publish.min_books_share asks for 0.9"),
        ("auc", 0.59, "held-out AUC is 0.59 (test split), and publish.min_auc asks for 0.6"),
        ("recall_at_k_neighbours", 0.94, "is 0.94, and publish.min_recall asks for 0.95"),
        ("without_neighbours", 0.21, "is 0.21 (2 of 10 books), and publish.max_without_neighbours asks for at most 0.2"),
        ("overlap_at_k_neighbours", 0.29, "is 0.29, and publish.min_overlap asks for 0.3"),
    ],
)
def test_one_that_is_missed_is_said_with_both_numbers(metric: str, worse: float, said: str) -> None:
    found = gates(SETTINGS, 10, GOOD | {metric: Figure(worse, GOOD[metric].measured_on)}, compared=True)
    (missed,) = [gate for gate in found if not gate.holds]
    assert str(missed).endswith(said)
    assert missed.facts()["holds"] is False
    assert (missed.facts()["value"], missed.facts()["bound"]) == (worse, missed.bound)


def test_a_first_snapshot_is_compared_with_nothing() -> None:
    assert [gate.setting for gate in gates(SETTINGS, 9, GOOD, compared=False) if gate.holds is not True] == ["min_books"]
    assert {gate.setting for gate in gates(SETTINGS, 9, GOOD, compared=False)}.isdisjoint({"min_books_share", "min_overlap"})


def test_a_comparison_without_a_figure_is_missed() -> None:
    """As where the step before has dropped it; a bound of 0 asks for nothing."""
    measured = {metric: figure for metric, figure in GOOD.items() if metric != "overlap_at_k_neighbours"}
    (missed,) = [gate for gate in gates(SETTINGS, 10, measured, compared=True) if not gate.holds]
    assert (missed.setting, missed.holds, missed.facts()["holds"]) == ("min_overlap", False, False)
    assert str(missed).endswith("before was not measured, and publish.min_overlap asks for 0.3; run compare_snapshots again, or ask for 0")
    open_ = SETTINGS.model_copy(update={"min_overlap": 0.0})
    (unasked,) = [gate for gate in gates(open_, 10, measured, compared=True) if not gate.holds]
    assert unasked.holds is None


def test_what_was_not_measured_is_not_checked_and_said() -> None:
    gate = next(gate for gate in gates(SETTINGS, 10, {}, compared=True) if gate.setting == "min_auc")
    assert gate == Gate("min_auc", "held-out AUC", 0.6, "least", None, "")
    assert gate.holds is None
    assert str(gate) == "held-out AUC was not measured, so the gate publish.min_auc is not checked"
