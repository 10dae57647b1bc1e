"""Once more, what may pass."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

Result = TypeVar("Result")


def tried(
    do: Callable[[], Result],
    may_pass: Callable[[Exception], bool],
    waits: Sequence[float],
    tell: Callable[[Exception, float], None] = lambda error, seconds: None,
) -> Result:
    """What `do` returns; it is done again after an error that may pass.

    Args:
        do: may be done several times.
        may_pass: may the same succeed a little later?
        waits: seconds before each further attempt.
        tell: is told of an error, and of the seconds until the next attempt.

    Raises:
        Exception: that of the last attempt, or one that does not pass.
    """
    for seconds in waits:
        try:
            return do()
        except Exception as error:
            if not may_pass(error):
                raise
            tell(error, seconds)
        time.sleep(seconds)
    return do()
