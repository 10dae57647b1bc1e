"""Kills runs at random moments, runs them again, and compares their tables with those of a run that nobody disturbed.

    python -m tests.killing [--kills 50] [--seed 1] [--at-once 1] [--folder FOLDER]

A moment is drawn evenly over the steps (with start and end of the process), and evenly over the time that the step takes in a run that
nobody disturbs. Then one of the processes that are there gets SIGKILL: the driver (which is also the trainer), Spark's JVM, or one of
Spark's Python workers. A warehouse is killed ten times before a run of it may end: each run goes on from what the kill before has left,
and is killed in turn. After every kill a reader looks at what is published, and every table that is there must be the undisturbed
run's; when the last run has ended, all of them must be, and `bookspace prune` must leave nothing behind. A table of the kills is printed.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from embedding.manifest import Snapshot
from embedding.sql import open_duckdb
from embedding.tables import BY_STEP
from embedding.views import tables_there
from embedding.warehouse import Warehouse
from jobs.pipeline import STEPS
from tests.planted import BOOKS, CLUSTERS, SETTINGS, write_planted

BIN = Path(sys.executable).parent
VICTIMS = ("driver", "jvm", "worker")
KILLS_A_WAREHOUSE = 10
PATIENCE = 3600  # seconds for what must end; on a machine as busy as it may be
PHASES = ("start", *(step.name for step in STEPS), "end")
SNAPSHOT = Snapshot("testwiki", "20240501")
NEIGHBOURS = 5 * BOOKS * CLUSTERS

Rows = dict[str, list[tuple[object, ...]]]


@dataclass(frozen=True, order=True)
class Moment:
    """When to kill: a place in PHASES, and the share of the phase's usual time that has passed."""

    phase: int
    share: float


@dataclass(frozen=True)
class Kill:
    """A process that was killed.

    Attributes:
        victim: what it was: one of VICTIMS, or "none" when the run had ended before.
        phase: one of PHASES: what the run was at.
        after: seconds after the run's start.
        ended: how the disturbed run ended: its exit code, negative for a signal.
        said: the last line of its log, or more of it when there is a traceback.
        tables: how many tables were there, and compared, before the run was started again.
    """

    victim: str
    phase: str
    after: float
    ended: int
    said: str = ""
    tables: int = 0


class Target:
    """Runs of the planted dump into one warehouse.

    Args:
        folder: where dump, settings and warehouses lie.
        name: of the warehouse.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self.root = folder / name
        self.log = folder / f"{name}.log"
        if not (folder / "planted.yaml").exists():
            write_planted(folder)
            (folder / "planted.yaml").write_text(SETTINGS, encoding="utf-8")

    def start(self) -> "subprocess.Popen[str]":
        """Start `bookspace run`; its log goes to a file."""
        dump = next(self._folder.glob("*.bz2"))
        where = ["--conf", "planted.yaml", "--warehouse", self.root.name, "--dump", str(dump)]
        command = [str(BIN / "bookspace"), "run", *where, "--set", "monitoring.log=json"]
        with self.log.open("w", encoding="utf-8") as log:
            return subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log, text=True, start_new_session=True)

    def events(self) -> list[dict[str, Any]]:
        """The lines of the log that the run itself has written."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def phase(self) -> int:
        """What the run is at: a place in PHASES."""
        known = [event for event in self.events() if event.get("event") in ("started", "left out", "done")]
        if not known:
            return 0
        last = PHASES.index(known[-1]["step"])
        return last if known[-1]["event"] == "started" else last + 1

    def run(self) -> None:
        """Run to the end.

        Raises:
            AssertionError: it failed.
        """
        code = self.start().wait()
        assert code == 0, f"exit code {code}\n{self.log.read_text(encoding='utf-8')}"

    def took(self) -> dict[int, float]:
        """The seconds that every phase of the last run took; of start and end, which no log tells, a guess."""
        done = {PHASES.index(event["step"]): float(event["seconds"]) for event in self.events() if event.get("event") == "done"}
        return {0: 5.0, len(PHASES) - 1: 3.0} | done

    def run_and_kill(self, moment: Moment, usual: dict[int, float], draw: random.Random) -> Kill:
        """Run, kill one process of the run at a moment, and wait until all of them are gone."""
        started = time.monotonic()
        run = self.start()
        tree = psutil.Process(run.pid)
        while run.poll() is None and self.phase() < moment.phase:
            time.sleep(0.05)
        entered = time.monotonic()
        while run.poll() is None and self.phase() == moment.phase and time.monotonic() - entered < moment.share * usual[moment.phase]:
            time.sleep(0.05)
        family = _family(tree)
        victims = _victims(tree, family)
        name = draw.choice(sorted(victims)) if victims and run.poll() is None else "none"
        at, phase = time.monotonic() - started, self.phase()
        if name != "none":
            victims[name].send_signal(signal.SIGKILL)
        code = run.wait(timeout=PATIENCE)  # to the run's end, if it does not mind
        _, alive = psutil.wait_procs(family, timeout=PATIENCE)  # the JVM goes when its driver is gone
        assert not alive, f"still there after {name} was killed: {alive}"
        written = self.log.read_text(encoding="utf-8", errors="replace")
        last = written.rstrip().rpartition("\n")[2]
        # Pyspark's own thread prints a traceback when the JVM goes; the run has to end with a line of its own all the same.
        return Kill(name, PHASES[phase], at, code, written[-4000:] if "Traceback" in written and not last.startswith("{") else last)

    def look(self, expected: Rows) -> int:
        """Read as a reader would: what is published is whole, and every table that is there is as it should be.

        Args:
            expected: of the undisturbed run.

        Returns:
            The number of tables that were compared.

        Raises:
            AssertionError: one is half written, or another.
        """
        warehouse = Warehouse(self.root)
        there = warehouse.parts(SNAPSHOT)
        steps = {step for table, step in there if table in BY_STEP}
        for table, rows in self.rows().items():
            wanted = [row for row in expected[table] if row[-1] in steps] if table in BY_STEP else expected[table]
            assert rows == wanted, f"{self.root}: {table} is another than that of a run that nobody disturbed"
        if warehouse.published():
            with open_duckdb(warehouse) as connection:
                assert connection.execute("SELECT count(*) FROM neighbours_latest").fetchone() == (NEIGHBOURS,)
        return len(there)

    def rows(self) -> Rows:
        """All tables that are there, but for how fast the training was; of metrics, the step stands last."""
        warehouse = Warehouse(self.root)
        if not warehouse.parts(SNAPSHOT):
            return {}
        found: Rows = {}
        with open_duckdb(warehouse) as connection:
            for table in tables_there(warehouse):
                what = "* EXCLUDE step, step" if table in BY_STEP else "*"
                where = "WHERE metric <> 'rows_per_second'" if table == "metrics" else ""
                found[table] = connection.execute(f"SELECT {what} FROM {table} {where} ORDER BY ALL").fetchall()
        return found

    def prune(self) -> None:
        """Remove what killed runs have left.

        Raises:
            AssertionError: something is left all the same.
        """
        command = [BIN / "bookspace", "prune", "--keep", "1", "--warehouse", self.root.name]
        subprocess.run(list(map(str, command)), cwd=self._folder, check=True, stdout=subprocess.DEVNULL)
        left = [path.name for path in (self.root / "_staging").glob("*")]
        assert not left, f"left behind, and by prune: {left}"


def _family(tree: psutil.Process) -> list[psutil.Process]:
    """All processes of a run that are there."""
    try:
        return [tree, *tree.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _victims(tree: psutil.Process, family: Sequence[psutil.Process]) -> dict[str, psutil.Process]:
    """The processes of VICTIMS that are there."""
    found, workers = {}, []
    for one in family:
        try:
            command = " ".join(one.cmdline())
            if one == tree:
                found["driver"] = one
            elif one.name() == "java" and "org.apache.spark.launcher" not in command:
                found["jvm"] = one
            elif "pyspark.daemon" in command:
                workers.append(one)
        except psutil.NoSuchProcess:
            continue
    if len(workers) > 1:  # the first one is the daemon, from which workers are forked
        found["worker"] = workers[-1]
    return found


def kills(folder: Path, count: int, seed: int, at_once: int = 1) -> list[Kill]:
    """Kill runs, of so many warehouses at once; compare after every kill.

    Raises:
        AssertionError: a reader saw something half written, a run could not be started again, its tables are others, or a run that lost
            one of its processes ended with a traceback.
    """
    whole = Target(folder, "whole")
    if not Warehouse(whole.root).published():
        whole.run()
    usual, expected = whole.took(), whole.rows()

    def kill_one(number: int) -> list[Kill]:
        draw = random.Random(f"{seed} {number}")
        moments = [Moment(draw.randrange(len(PHASES)), draw.random()) for _ in range(min(KILLS_A_WAREHOUSE, count - number))]
        target = Target(folder, f"killed-{number}")
        done = []
        for moment in sorted(moments):
            kill = target.run_and_kill(moment, usual, draw)
            done.append(replace(kill, tables=target.look(expected)))
            print(done[-1], file=sys.stderr, flush=True)
        target.run()
        target.look(expected)
        assert target.rows().keys() == expected.keys()
        target.prune()
        return done

    with ThreadPoolExecutor(at_once) as threads:
        done = [kill for chain in threads.map(kill_one, range(0, count, KILLS_A_WAREHOUSE)) for kill in chain]
    assert not [kill for kill in done if "Traceback" in kill.said], "a run whose JVM or worker was killed must end with one line"
    return done


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of kills."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=1, help="warehouses that are worked on at once")
    parser.add_argument("--folder", type=Path, help="a new one to work in, or one with an undisturbed run in `whole`; kept")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        done = kills(folder, options.kills, options.seed, options.at_once)
    print(f"python -m tests.killing --kills {options.kills} --seed {options.seed}, on {os.cpu_count()} cores\n")
    print(f"| SIGKILL during | {' | '.join(VICTIMS)} | the run's exit codes |\n|---|{'---:|' * len(VICTIMS)}---|")
    for phase in PHASES:
        here = [kill for kill in done if kill.phase == phase and kill.victim != "none"]
        counts = Counter(kill.victim for kill in here)
        codes = ", ".join(f"{code} ({times})" for code, times in sorted(Counter(kill.ended for kill in here).items()))
        print(f"| {phase} | {' | '.join(str(counts[victim] or '') for victim in VICTIMS)} | {codes} |")
    hit = [kill for kill in done if kill.victim != "none"]
    warehouses = -(-len(done) // KILLS_A_WAREHOUSE)
    print(
        f"\n{len(hit)} of {len(done)} kills met a run at work. {sum(kill.tables for kill in done)} tables were there after them, and all "
        f"tables of {warehouses} warehouses in the end: every one was that of the run that nobody disturbed."
    )


if __name__ == "__main__":
    main()
