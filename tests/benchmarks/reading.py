"""What it costs to read a dump, side by side with bzip2 and other readers on the same file.

    python -m tests.benchmarks.reading DUMP.xml.bz2 [--sides bzip2,bookspace-1,bookspace-2,...] [--runs 3] [--peers PYTHON]

The sides:

- bzip2: `bzip2 -dc` to /dev/null, the decompressor alone.
- bookspace-1, bookspace-2: the step read_dump, with Parquet written and all, on one core and on two.
- spark-xml: Spark's own XML reader, two cores, writing id, namespace and title of every page.
- mwxml: `mwxml.Dump.from_file`, every page and revision looked at.
- gensim: `gensim.scripts.segment_wiki` with one worker, which keeps articles of some length.

Every side is a process of its own, held to its cores with sched_setaffinity, one after the other, round after round; medians are
printed. CPU is that of the process and of all its children. Of the Spark sides, Spark's start is counted apart: the session, and the
same work on the built-in sample of 0.3 MB, after which Java has loaded and compiled most of its code. A first run costs the sum.
Memory is the largest resident set of one Python process, which with Spark is a task. mwxml and gensim are looked for in the
environment of `--peers` (pip install mwxml gensim); what is not there is left out, and said so.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

SIDES = ("bzip2", "bookspace-1", "bookspace-2", "spark-xml", "mwxml", "gensim")
PEER = {
    "mwxml": """
import bz2, sys, mwxml
pages = sum(1 for page in mwxml.Dump.from_file(bz2.open(sys.argv[1])) for revision in page if len(revision.text or "") >= 0)
open(sys.argv[2], "w").write(str(pages))
""",
    "gensim": """
import sys
from gensim.scripts.segment_wiki import segment_and_write_all_articles
segment_and_write_all_articles(sys.argv[1], sys.argv[2] + ".json", workers=1)
open(sys.argv[2], "w").write(str(sum(1 for line in open(sys.argv[2] + ".json"))))
""",
}


class Watch:
    """CPU seconds and largest Python process of this process's tree, while the block runs."""

    def __enter__(self) -> "Watch":
        self._tree = psutil.Process()
        self._done = threading.Event()
        self._gone: dict[int, float] = {}
        self.peak_mb = 0.0
        self._look()
        self._before, self._started = sum(self._gone.values()), time.perf_counter()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._started
        self._done.set()
        self._thread.join()
        self._look()
        self.cpu = sum(self._gone.values()) - self._before

    def _poll(self) -> None:
        while not self._done.wait(0.2):
            self._look()

    def _look(self) -> None:
        """Remember what each process has used: one that ends between two looks loses what it used since the first."""
        for process in [self._tree, *self._tree.children(recursive=True)]:
            try:
                times, memory = process.cpu_times(), process.memory_info().rss
                name = process.name()
            except psutil.NoSuchProcess:
                continue
            self._gone[process.pid] = times.user + times.system
            if name.startswith(("python", "pt_main")) and process.pid != os.getpid():
                self.peak_mb = max(self.peak_mb, memory / 1e6)


def measure(side: str, dump: str, peers: str) -> dict[str, Any]:
    """Run one side in this process."""
    if side.startswith(("bookspace", "spark")):
        return _spark_side(side, dump)
    with tempfile.TemporaryDirectory() as scratch:
        command = ["bzip2", "-dc", dump] if side == "bzip2" else [peers, "-c", PEER[side], dump, f"{scratch}/pages"]
        with Watch() as watch:
            done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=side != "bzip2")
        pages = {} if side == "bzip2" or done.returncode else {"pages": int(Path(scratch, "pages").read_text())}
    if done.returncode:
        lines = str(done.stderr).strip().splitlines()
        return {"failed": lines[-1] if lines else f"exit code {done.returncode}"}
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"cpu": used.ru_utime + used.ru_stime, "wall": watch.wall, "peak_mb": watch.peak_mb, **pages}


def _spark_side(side: str, dump: str) -> dict[str, Any]:
    from embedding.job import Session, run_step
    from embedding.runs import snapshot_of
    from embedding.sample.generator import FILE_NAME, write_sample
    from embedding.settings_files import load_settings
    from embedding.warehouse import Warehouse
    from jobs.read_dump import STEP

    cores = 1 if side == "bookspace-1" else 2
    with tempfile.TemporaryDirectory() as scratch:
        sample = Path(scratch) / FILE_NAME
        write_sample(sample)
        settings = load_settings(["enwiki.yaml"], [f"spark.master=local[{cores}]"])
        session = Session(settings)

        def read(wiki: str, file: str) -> str:
            """Read a dump; the folder of the pages."""
            pages = f"{scratch}/{wiki}/pages"
            if side == "spark-xml":
                rows = session.spark.read.format("xml").option("rowTag", "page").schema("id long, ns int, title string")
                rows.load(file).write.parquet(f"file://{pages}")
            else:
                one = settings.model_copy(update={"wiki": wiki, "dump": file, "warehouse": f"{scratch}/{wiki}"})
                run_step(STEP, one, snapshot_of(one, Warehouse(one.warehouse)), session)
            return pages

        with Watch() as start:
            read("samplewiki", str(sample))
        with Watch() as watch:
            folder = read("enwiki", dump)
        pages = session.spark.read.parquet(f"file://{folder}").count()
        session.stop()
    return {"cpu": watch.cpu, "wall": watch.wall, "peak_mb": watch.peak_mb, "start": start.cpu, "pages": pages}


def _apart(side: str, dump: str, peers: str) -> dict[str, Any]:
    """Measure one side in a process of its own, on its cores."""
    cores = {0, 1} if side in ("bookspace-2", "spark-xml") else {0}
    command = [sys.executable, "-m", "tests.benchmarks.reading", dump, "--side", side, "--peers", peers]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, preexec_fn=lambda: os.sched_setaffinity(0, cores))
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(side, result, file=sys.stderr)
    return result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump")
    parser.add_argument("--sides", default=",".join(SIDES))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(measure(options.side, options.dump, options.peers)))
        return
    sides = options.sides.split(",")
    rounds: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(options.runs):
        for side in sides:
            if not any("failed" in run for run in rounds[side]):
                rounds[side].append(_apart(side, options.dump, options.peers))
    size = Path(options.dump).stat().st_size
    print(f"python -m tests.benchmarks.reading {Path(options.dump).name} --sides {options.sides} --runs {options.runs}")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}; {size / 1e6:,.0f} MB packed\n")
    print("| | CPU s | CPU / bzip2 | wall s | MB packed a second | largest Python process | Spark's start, CPU s | pages |")
    print("|---|---|---|---|---|---|---|---|")

    def median(side: str, figure: str) -> float:
        return statistics.median(run.get(figure, float("nan")) for run in rounds[side])

    for side in sides:
        if failed := next((run["failed"] for run in rounds[side] if "failed" in run), None):
            print(f"| {side} | left out: {failed} |")
            continue
        cpu, wall = median(side, "cpu"), median(side, "wall")
        ratio = f"{cpu / median('bzip2', 'cpu'):.2f}" if "bzip2" in rounds else ""
        start = f"{median(side, 'start'):.1f}" if "start" in rounds[side][0] else ""
        pages = f"{rounds[side][0]['pages']:,}" if "pages" in rounds[side][0] else ""
        memory = f"{median(side, 'peak_mb'):.0f} MB" if side != "bzip2" else ""
        print(f"| {side} | {cpu:.1f} | {ratio} | {wall:.1f} | {size / wall / 1e6:.1f} | {memory} | {start} | {pages} |")
    if {"bookspace-1", "bookspace-2"} <= set(sides):
        print(f"\ntwo cores against one: {median('bookspace-1', 'wall') / median('bookspace-2', 'wall'):.2f} times as fast")


if __name__ == "__main__":
    main()
