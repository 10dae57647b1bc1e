"""A run of several steps: what it leaves out, what it waits for, what it tells."""

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from embedding.errors import BusyError, GateError, SettingsError
from embedding.job import Job, Step
from embedding.lock import locked
from embedding.manifest import Snapshot
from embedding.runs import run_steps
from embedding.settings_files import load_settings
from embedding.warehouse import Warehouse, write_table
from tests.test_warehouse import ROWS

SNAPSHOT = Snapshot("testwiki", "20240501")


class Pipeline:
    """Three steps, and which of them ran."""

    def __init__(self, folder: Path) -> None:
        self.ran: list[str] = []
        self.folder = folder
        self.steps = (
            Step("first", (), ("links",), (), self._write),
            Step("second", ("links",), ("pairs",), ("pairs",), self._write),
            Step("third", ("pairs",), (), (), lambda _: self.ran.append("third")),
        )

    def _write(self, job: Job) -> None:
        for table, staged in job.staged.items():
            self.ran.append({"links": "first", "pairs": "second"}[table])
            write_table(table, ROWS[table], staged.folder)

    def run(self, *overrides: str, resume: bool = True, first: str | None = None) -> list[str]:
        self.ran.clear()
        settings = load_settings([], ["wiki=testwiki", "snapshot=20240501", f"warehouse={self.folder}", *overrides])
        run_steps(self.steps, settings, resume=resume, first=first)
        return self.ran[:]


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


def test_what_is_up_to_date_is_left_out(pipeline: Pipeline, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="bookspace"):
        assert pipeline.run() == ["first", "second", "third"]
        assert pipeline.run() == ["third"]
        assert "first: left out, its tables are up to date" in caplog.messages
        assert pipeline.run("pairs.min_books=7") == ["second", "third"]
    whys = [record.facts.get("why") for record in caplog.records if getattr(record, "facts", {}).get("event") == "started"]
    assert whys[-2:] == ["pairs was made with pairs.min_books = 4, and it is 7 now", "it writes no table"]


def test_what_is_made_from_a_new_table_is_made_anew(pipeline: Pipeline) -> None:
    pipeline.run()
    assert pipeline.run("seed=2") == ["first", "second", "third"]


def test_force_and_from_override(pipeline: Pipeline, caplog: pytest.LogCaptureFixture) -> None:
    pipeline.run()
    assert pipeline.run(resume=False) == ["first", "second", "third"]
    assert pipeline.run(first="second") == ["second", "third"]
    assert pipeline.run("seed=2", first="third") == ["third"]
    assert "first: left out, although links was made with seed = 1, and it is 2 now" in caplog.messages
    with pytest.raises(SettingsError, match=r"^--from fourth: no such step; there are first, second, third$"):
        pipeline.run(first="fourth")


def test_two_runs_of_one_snapshot_do_not_meet(pipeline: Pipeline) -> None:
    warehouse = Warehouse(pipeline.folder)
    with (
        locked(warehouse.lock(SNAPSHOT), "it"),
        pytest.raises(BusyError, match=r"snapshot testwiki 20240501 is being worked on by process"),
    ):
        pipeline.run()
    assert pipeline.ran == []
    with locked(warehouse.lock(Snapshot("testwiki", "20240601")), "another snapshot"):
        assert pipeline.run() == ["first", "second", "third"]


def test_figures_are_told_after_every_step_also_when_one_fails(pipeline: Pipeline, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(_: Job) -> None:
        raise GateError("no")

    figures = pipeline.folder / "figures"
    pipeline.steps = (*pipeline.steps[:2], Step("third", ("pairs",), (), (), refuse))
    with pytest.raises(GateError):
        pipeline.run(f"monitoring.figures={figures}")
    text = (figures / "bookspace_testwiki.prom").read_text()
    assert 'bookspace_run_failed{step="third",wiki="testwiki"} 1.0' in text
    assert 'bookspace_table_rows{table="pairs",wiki="testwiki"} 2.0' in text
    figures.joinpath("bookspace_testwiki.prom").unlink()
    figures.rmdir()
    figures.touch()
    pipeline.steps = pipeline.steps[:2]
    assert pipeline.run(f"monitoring.figures={figures}", resume=False) == ["first", "second"], "a fault of the watching stops no run"
    assert any("mend monitoring.figures" in message for message in caplog.messages)


_SLEEPER = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets its background jobs ignore it
from pathlib import Path
from embedding import cli
from embedding.job import Step
def sleep(job):
    (job.staged["links"].folder / "half").touch()
    print("at work", flush=True)
    time.sleep(60)
cli.main([Step("first", (), ("links",), (), sleep)], sys.argv[1:])
"""


@pytest.mark.parametrize(("number", "code", "said"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")])
def test_a_run_that_is_stopped_leaves_nothing_half_written(tmp_path: Path, number: int, code: int, said: str) -> None:
    options = ["--warehouse", str(tmp_path), "--set", "wiki=testwiki", "--set", "monitoring.log=json", "--snapshot", "20240501"]
    environment = os.environ | {"BOOKSPACE_RUN": "monthly-7"}
    command = [sys.executable, "-c", _SLEEPER, "run", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        assert run.stdout.readline() == "at work\n"
        run.send_signal(number)
        events = [json.loads(line) for line in run.stderr]
    assert run.returncode == code
    assert (events[-1]["level"], events[-1]["message"]) == ("error", f"{said}; no table is half written")
    assert {(event.get("run"), event.get("snapshot")) for event in events[:-1]} == {("monthly-7", "20240501")}
    assert [event["step"] for event in events if event.get("event") == "started"] == ["first"]
    assert not list(tmp_path.rglob("half"))
    assert not list(tmp_path.glob("_staging/*"))
