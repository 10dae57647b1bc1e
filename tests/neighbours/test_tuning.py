"""Trees and search_k are raised until the recall holds, and no further than their limits."""

from collections.abc import Callable

import numpy as np
import pytest

from embedding.errors import GateError
from embedding.neighbours.search import Vectors
from embedding.neighbours.tuning import Limits, Tuned, tune

LIMITS = Limits(trees=10, max_trees=40, search_k=100, max_search_k=400, min_recall=0.9)
RIGHT = np.tile(np.float32(0.5), (10, 10))


class Index:
    """An index whose recall is told by a function of trees and search_k."""

    def __init__(self, recall: Callable[[int, int], float]) -> None:
        self._recall, self.built, self.asked = recall, list[int](), list[tuple[int, int]]()

    def build(self, trees: int) -> None:
        self.built.append(trees)

    def ask(self, search_k: int) -> Vectors:
        self.asked.append((self.built[-1], search_k))
        found = RIGHT.copy()
        found.ravel()[round(self._recall(self.built[-1], search_k) * 100) :] = 0.1
        return found


def _tune(index: Index, limits: Limits = LIMITS) -> Tuned:
    return tune(index.build, {"t": index.ask}, {"t": RIGHT}, limits)["t"]


def test_what_is_good_enough_stays_as_set() -> None:
    index = Index(lambda trees, search_k: 0.95)
    assert _tune(index) == Tuned(10, 100, 0.95)
    assert index.asked == [(10, 100)]


def test_search_k_is_raised_before_the_trees() -> None:
    index = Index(lambda trees, search_k: 1 if search_k >= 400 else 0.5)
    assert _tune(index) == Tuned(10, 400, 1)
    assert index.built == [10]


def test_trees_are_raised_when_search_k_has_come_to_its_limit() -> None:
    index = Index(lambda trees, search_k: 1 if trees >= 20 and search_k >= 200 else 0.5)
    assert _tune(index) == Tuned(20, 200, 1)
    assert index.asked == [(10, 100), (10, 200), (10, 400), (20, 100), (20, 200)]


def test_at_the_limits_the_step_fails_with_both_numbers() -> None:
    index = Index(lambda trees, search_k: 0.89)
    with pytest.raises(
        GateError, match=r"table t: Annoy's recall@k is 0\.8900 with 40 trees and search_k 400, and .*min_recall asks for 0\.9"
    ):
        _tune(index)
    assert index.asked[-1] == (40, 400)


def test_a_limit_below_where_it_begins_means_no_raising() -> None:
    index = Index(lambda trees, search_k: 0.1)
    with pytest.raises(GateError, match="with 10 trees and search_k 100"):
        _tune(index, Limits(10, 1, 100, 1, 0.9))


def test_all_tables_of_an_index_must_hold() -> None:
    easy, hard = Index(lambda trees, search_k: 1), Index(lambda trees, search_k: 1 if trees == 20 else 0.2)

    def build(trees: int) -> None:
        easy.build(trees)
        hard.build(trees)

    tuned = tune(build, {"easy": easy.ask, "hard": hard.ask}, {"easy": RIGHT, "hard": RIGHT}, LIMITS)
    assert tuned == {"easy": Tuned(20, 100, 1), "hard": Tuned(20, 100, 1)}
