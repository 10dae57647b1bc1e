"""Runs that are killed, or ended because they take too long, and started again; `python -m tests.killing` does many more kills."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.killing import PHASES, Target, kills

pytestmark = pytest.mark.slow


def test_a_run_that_was_killed_is_started_again_and_gives_the_same_tables(tmp_path: Path) -> None:
    done = kills(tmp_path, count=3, seed=1)
    assert any(kill.victim != "none" for kill in done), "nothing was killed"


def test_a_step_that_outlives_its_time_is_ended_whole_and_the_next_try_goes_on(tmp_path: Path) -> None:
    """As Airflow does when execution_timeout has passed: SIGTERM to the group of processes, in a stage and in the training."""
    whole = Target(tmp_path, "whole")
    whole.run()
    target = Target(tmp_path, "ended")
    for step in ("extract_books", "train_embedding"):
        run = target.start()
        family = psutil.Process(run.pid)
        while target.phase() < PHASES.index(step):
            time.sleep(0.05)
        time.sleep(1)
        everyone = [family, *family.children(recursive=True)]
        os.killpg(run.pid, signal.SIGTERM)
        assert run.wait(timeout=120) == 143
        assert psutil.wait_procs(everyone, timeout=60)[1] == []
        last = [event for event in target.events() if event["level"] == "error"]
        assert [event["message"] for event in last] == ["terminated; no table is half written"]
        assert target.phase() == PHASES.index(step)
        assert not list(target.root.glob("_staging/*")), "what was staged is tidied up"
        target.look(whole.rows())
    target.run()
    left_out = [event["step"] for event in target.events() if event.get("event") == "left out"]
    assert left_out == list(PHASES[1 : PHASES.index("train_embedding")])
    assert target.rows() == whole.rows()
