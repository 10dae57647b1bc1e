from collections.abc import Callable

import pytest

from embedding import retries
from embedding.retries import tried


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited."""
    found: list[float] = []
    monkeypatch.setattr(retries.time, "sleep", found.append)
    return found


def _failing(*errors: Exception) -> tuple[list[Exception], Callable[[], str]]:
    left = list(errors)

    def do() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return left, do


def test_what_may_pass_is_done_again(slept: list[float]) -> None:
    told: list[tuple[str, float]] = []
    _, do = _failing(ConnectionError("one"), ConnectionError("two"))
    assert tried(do, lambda _: True, (1, 5, 20), lambda error, seconds: told.append((str(error), seconds))) == "done"
    assert slept == [1, 5]
    assert told == [("one", 1), ("two", 5)]


def test_what_does_not_pass_is_raised_at_once(slept: list[float]) -> None:
    left, do = _failing(ValueError("no"), ValueError("never"))
    with pytest.raises(ValueError, match="no"):
        tried(do, lambda error: not isinstance(error, ValueError), (1, 5))
    assert (len(left), slept) == (1, [])


def test_the_last_attempt_says_why(slept: list[float]) -> None:
    _, do = _failing(*(ConnectionError(str(number)) for number in range(5)))
    with pytest.raises(ConnectionError, match="2"):
        tried(do, lambda _: True, (1, 5))
    assert slept == [1, 5]
