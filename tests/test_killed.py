"""Runs that are killed and started again; `python -m tests.killing` does many more, and prints a table."""

from pathlib import Path

import pytest

from tests.killing import kills


@pytest.mark.slow
def test_a_run_that_was_killed_is_started_again_and_gives_the_same_tables(tmp_path: Path) -> None:
    done = list(kills(tmp_path, count=3, seed=1))
    assert any(kill.victim != "none" for kill in done), "nothing was killed"
