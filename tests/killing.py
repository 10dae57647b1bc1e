"""Kills runs at random moments, runs them again, and compares their tables with those of a run that nobody disturbed.

    python -m tests.killing [--kills 50] [--seed 1]

Victims are the driver (which is also the trainer), Spark's JVM, and one of Spark's Python workers; each gets SIGKILL, at a moment
drawn evenly over the time that an undisturbed run takes. After every kill, and before the run is started again, a reader looks at what
is published. A table of the kills is printed.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from embedding.sql import open_duckdb
from embedding.tables import TABLES
from embedding.warehouse import Warehouse
from tests.planted import BOOKS, CLUSTERS, SETTINGS, write_planted

BIN = Path(sys.executable).parent
VICTIMS = ("driver", "jvm", "worker")
NEIGHBOURS = 5 * BOOKS * CLUSTERS


@dataclass(frozen=True)
class Kill:
    """A process that was killed.

    Attributes:
        victim: what it was: one of VICTIMS, or "none" when the run had ended before.
        after: seconds after the run's start.
        step: the step at work, as the log tells.
        ended: how the disturbed run ended: its exit code, negative for a signal.
    """

    victim: str
    after: float
    step: str
    ended: int


class Target:
    """Runs of the planted dump into one warehouse.

    Args:
        folder: where dump, settings and warehouses lie.
        name: of the warehouse.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self.root = folder / name
        if not (folder / "planted.yaml").exists():
            write_planted(folder)
            (folder / "planted.yaml").write_text(SETTINGS, encoding="utf-8")

    def start(self) -> "subprocess.Popen[str]":
        """Start `bookspace run`; its log goes to a file."""
        command = [
            BIN / "bookspace",
            "run",
            "--conf",
            "planted.yaml",
            "--warehouse",
            self.root.name,
            "--dump",
            str(next(self._folder.glob("*.bz2"))),
        ]
        with self.log.open("w", encoding="utf-8") as log:
            return subprocess.Popen(list(map(str, command)), cwd=self._folder, stdout=log, stderr=log, text=True, start_new_session=True)

    @property
    def log(self) -> Path:
        """The newest run's log."""
        return self._folder / f"{self.root.name}.log"

    def run(self) -> float:
        """Run to the end; the seconds that it took.

        Raises:
            AssertionError: it failed.
        """
        started = time.monotonic()
        code = self.start().wait()
        assert code == 0, f"exit code {code}\n{self.log.read_text(encoding='utf-8')}"
        return time.monotonic() - started

    def run_and_kill(self, victim: str, after: float) -> Kill:
        """Run, kill one process of the run after some seconds, and wait until all of them are gone."""
        started = time.monotonic()
        run = self.start()
        tree = psutil.Process(run.pid)
        while run.poll() is None and (time.monotonic() - started < after or not _find(tree, victim)):
            time.sleep(0.02)
        prey = _find(tree, victim) if run.poll() is None else None
        family = [tree, *tree.children(recursive=True)] if run.poll() is None else []
        if prey:
            prey.send_signal(signal.SIGKILL)
        at = time.monotonic() - started
        code = run.wait(timeout=120)
        _, alive = psutil.wait_procs(family, timeout=60)  # the JVM goes when its driver is gone
        assert not alive, f"still there after {victim} was killed: {alive}"
        lines = [line for line in self.log.read_text(encoding="utf-8").splitlines() if line.endswith(": started")]
        return Kill(victim if prey else "none", at, lines[-1].split()[1].rstrip(":") if lines else "start", code)

    def prune(self) -> None:
        """Remove what killed runs have left."""
        command = [BIN / "bookspace", "prune", "--keep", "1", "--warehouse", self.root.name]
        subprocess.run(list(map(str, command)), cwd=self._folder, check=True, stdout=subprocess.DEVNULL)

    def look(self) -> None:
        """Read as a reader would: what is published is whole.

        Raises:
            AssertionError: it is not.
        """
        warehouse = Warehouse(self.root)
        if warehouse.published():
            with open_duckdb(warehouse) as connection:
                assert connection.execute("SELECT count(*) FROM neighbours_latest").fetchone() == (NEIGHBOURS,)

    def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """All tables, but for how fast the training was."""
        with open_duckdb(Warehouse(self.root)) as connection:
            where = {"metrics": "WHERE metric <> 'rows_per_second'"}
            return {table: connection.execute(f"SELECT * FROM {table} {where.get(table, '')} ORDER BY ALL").fetchall() for table in TABLES}


def _find(tree: psutil.Process, victim: str) -> psutil.Process | None:
    """The process to kill, when it is there."""
    try:
        if victim == "driver":
            return tree
        family = tree.children(recursive=True)
        if victim == "jvm":
            return next((one for one in family if one.name() == "java"), None)
        workers = [one for one in family if "pyspark.daemon" in " ".join(one.cmdline())]
        return workers[-1] if len(workers) > 1 else None  # the first one is the daemon, from which workers are forked
    except psutil.NoSuchProcess:
        return None


def kills(folder: Path, count: int, seed: int) -> Iterator[Kill]:
    """Kill runs, each of a warehouse that the run before left half made or whole; compare after every one.

    Raises:
        AssertionError: a reader saw something half written, a run could not be started again, or its tables are others.
    """
    draw = random.Random(seed)
    whole = Target(folder, "whole")
    seconds = whole.run()
    expected = whole.rows()
    for number in range(count):
        target = Target(folder, f"killed-{number}")
        kill = target.run_and_kill(draw.choice(VICTIMS), draw.uniform(0, seconds))
        target.look()
        target.run()
        target.look()
        for table, rows in target.rows().items():
            assert rows == expected[table], f"{table} differs after {kill}"
        target.prune()
        left = [path.name for path in (target.root / "_staging").glob("*")]
        assert not left, f"left behind after {kill}, and by prune: {left}"
        yield kill


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of kills."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    done: list[Kill] = []
    with tempfile.TemporaryDirectory() as scratch:
        for kill in kills(Path(scratch), options.kills, options.seed):
            done.append(kill)
            print(f"{len(done):>3} of {options.kills}: {kill}", file=sys.stderr, flush=True)
    print(f"python -m tests.killing --kills {options.kills} --seed {options.seed}, on {os.cpu_count()} cores\n")
    print("| killed | during | times | the run ended with |\n|---|---|---|---|")
    for victim, step in sorted({(kill.victim, kill.step) for kill in done}):
        ends = [kill.ended for kill in done if (kill.victim, kill.step) == (victim, step)]
        print(f"| {victim} | {step} | {len(ends)} | {', '.join(map(str, sorted(set(ends))))} |")


if __name__ == "__main__":
    main()
