"""CPU time of reading a dump, against `bzip2 -dc` on the same file.

    python -m tests.benchmarks.reading DUMP.xml.bz2 [--runs 5]

Reading is what the tasks of `read_dump` do (find streams, decode, cut pages, scan for infoboxes, build Arrow batches), in one
process and without Spark. The two run in turns, and the ratio is the median of the pairs, so that a noisy machine harms both.
"""

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from embedding.wiki.dump import read_header
from embedding.wiki.site import Site
from embedding.wiki.source import WikiDumpReader


def read(dump: str) -> int:
    """Read a dump as the tasks of read_dump do; the number of pages."""
    reader = WikiDumpReader([dump], Site.from_header(read_header(dump), dump), ["Infobox book"], 32 << 20)
    return sum(batch.num_rows for partition in reader.partitions() for batch in reader.read(partition))


def decode(dump: str) -> int:
    """Decode a dump with bzip2; the number of bytes."""
    with subprocess.Popen(["bzip2", "-dc", dump], stdout=subprocess.PIPE) as bzip2:
        assert bzip2.stdout
        size = 0
        while chunk := bzip2.stdout.read(1 << 20):
            size += len(chunk)
    return size


def timed(work: Callable[[str], int], dump: str) -> tuple[float, float, int]:
    """Wall seconds, CPU seconds (children too) and result."""
    before, children, wall = time.process_time(), resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    result = work(dump)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = time.process_time() - before + after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    return time.perf_counter() - wall, cpu, result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    rounds = [(timed(read, options.dump), timed(decode, options.dump)) for _ in range(options.runs)]
    pages, size = rounds[0][0][2], rounds[0][1][2]
    packed = Path(options.dump).stat().st_size
    print(f"python -m tests.benchmarks.reading {Path(options.dump).name} --runs {options.runs}")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}"
    print(f"{machine}; {pages:,} pages, {size / 1e6:,.0f} MB of XML, {packed / 1e6:,.1f} MB packed\n")
    print("| | CPU s | wall s | MB of XML a CPU second |\n|---|---|---|---|")
    for name, side in (("bookspace, one process", 0), ("bzip2 -dc", 1)):
        wall, cpu = (statistics.median(one[side][figure] for one in rounds) for figure in (0, 1))
        print(f"| {name} | {cpu:.2f} | {wall:.2f} | {size / cpu / 1e6:.1f} |")
    print(f"\nCPU, bookspace / bzip2: {statistics.median(one[0][1] / one[1][1] for one in rounds):.2f} (median of {options.runs} pairs)")


if __name__ == "__main__":
    main()
