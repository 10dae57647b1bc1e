"""How many trees an Annoy index gets and how many vectors it inspects a query: as many as the recall that is asked for takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from embedding.errors import GateError
from embedding.evaluate.ranking import recall_of_cosines
from embedding.neighbours.search import Vectors


@dataclass(frozen=True)
class Limits:
    """Where the search for enough recall begins and ends; as in the section `neighbours` of the settings."""

    trees: int
    max_trees: int
    search_k: int
    max_search_k: int
    min_recall: float


@dataclass(frozen=True)
class Tuned:
    """How a table is searched: vectors inspected a query, and the recall that was measured with it."""

    trees: int
    search_k: int
    recall: float


def tune(
    build: Callable[[int], None],
    ask: Mapping[str, Callable[[int], Vectors]],
    right: Mapping[str, Vectors],
    limits: Limits,
) -> dict[str, Tuned]:
    """Build an index with the fewest trees, and find the smallest search_k of each table, with which the recall holds.

    search_k is doubled up to its limit first, which costs nothing but the sample's queries; then the trees are doubled.

    Args:
        build: builds the index with so many trees.
        ask: table that the index serves: the cosines that it finds for the table's sample with a search_k, shape (q, k).
        right: table: those of exact search.
        limits: where to begin and to end.

    Returns:
        For every table how it is to be searched.

    Raises:
        GateError: the recall of one stays below the wanted one at the limits.
    """
    trees = limits.trees
    while True:
        build(trees)
        tuned = {table: _search_k(trees, ask[table], right[table], limits) for table in ask}
        short = {table: one for table, one in tuned.items() if one.recall < limits.min_recall}
        if not short:
            return tuned
        if trees * 2 > limits.max_trees:
            table, one = min(short.items(), key=lambda item: item[1].recall)
            raise GateError(
                f"table {table}: Annoy's recall@k is {one.recall:.4f} with {trees} trees and search_k {one.search_k}, and "
                f"neighbours.min_recall asks for {limits.min_recall}; raise neighbours.max_trees or max_search_k, or lower min_recall"
            )
        trees *= 2


def _search_k(trees: int, ask: Callable[[int], Vectors], right: Vectors, limits: Limits) -> Tuned:
    search_k = limits.search_k
    while (share := recall_of_cosines(ask(search_k), right)) < limits.min_recall and search_k * 2 <= limits.max_search_k:
        search_k *= 2
    return Tuned(trees, search_k, share)
