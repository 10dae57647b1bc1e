"""A month later: what it costs and what stays, with and without the snapshot before.

    python -m tests.benchmarks.snapshots FOLDER [--books 1413] [--articles 3000] [--changed 0.05] [--only NAME ...]

Makes a dump of real books, then another one in which books were edited, added and deleted, and runs the second after the first and alone,
without maps. Prints the seconds of each step, the neighbours that stayed, and the quality. What FOLDER holds already is not run again,
so that the rows can be asked for one by one. Needs the real data beside the checkout.
"""

import argparse
import bz2
import os
import platform
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from embedding.manifest import Snapshot
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse

SHARED = Path(__file__).resolve().parents[3] / "shared"
MAY, JUNE = "20260501", "20260601"
BOOK = re.compile(r"\{\{\s*infobox book", re.IGNORECASE)
STEPS = ("read_dump", "extract_books", "build_pairs", "sample_negatives", "train_embedding", "find_neighbours", "compare_snapshots")
NO_MAP = ("map.methods=[]",)
# Name: settings; whether the snapshot before is there.
RUNS: dict[str, tuple[tuple[str, ...], bool]] = {
    "alone": ((), False),
    "alone, seed 2": (("seed=2",), False),
    "after May": ((), True),
    "after May, no warm start": (("train.warm_start=false",), True),
    "after May, not aligned": (("train.align=false",), True),
}


def a_month_later(source: Path, target: Path, changed: float, seed: int) -> dict[str, int]:
    """Write a dump in which a share of the books were edited and added, and half of that deleted.

    An edited book takes up some links of another one and has a new revision; an added book has links of two others, half of each.
    """
    rng = random.Random(seed)
    text = bz2.decompress(source.read_bytes()).decode()
    pages = re.findall(r"  <page>.*?</page>\n", text, re.S)
    books = [page for page in pages if BOOK.search(page)]
    links = [re.findall(r"\[\[[^\[\]]+\]\]", page) for page in books]
    last = max(int(number) for number in re.findall(r"<id>(\d+)</id>\s*(?:<redirect[^>]*>\s*)?<revision>", text))
    counts = {"edited": 0, "added": 0, "deleted": 0}
    edited: dict[str, str | None] = {}
    added = []
    for number, page in enumerate(books):
        fate, other = rng.random(), rng.choice(links)
        if fate < changed / 2:
            edited[page], counts["deleted"] = None, counts["deleted"] + 1
        elif fate < changed * 1.5:
            taken = " ".join(rng.sample(other, min(8, len(other))))
            new = re.sub(r"(<revision>\s*<id>)(\d+)", r"\g<1>9\2", page)
            edited[page], counts["edited"] = new.replace("</text>", f"\n{taken}</text>"), counts["edited"] + 1
        elif fate < changed * 2.5:
            last += 1
            mixed = [*links[number][::2], *other[::2]]
            new = re.sub(r"<title>(.*?)</title>", rf"<title>\1 (book {last})</title>", page, count=1)
            new = re.sub(r"<id>\d+</id>", f"<id>{last}</id>", new, count=1)
            start = new.index("\n}}") + len("\n}}")
            added.append(new[:start] + "\n" + " ".join(mixed) + new[new.index("</text>") :])
            counts["added"] += 1
    kept = [new for page in pages if (new := edited.get(page, page)) is not None] + added
    parts = [text[: text.index("  <page>")], *("".join(kept[i : i + 100]) for i in range(0, len(kept), 100)), "</mediawiki>\n"]
    target.write_bytes(b"".join(bz2.compress(part.encode()) for part in parts))
    return counts


def run(folder: Path, dump: Path, warehouse: Path, overrides: tuple[str, ...]) -> dict[str, float]:
    """`bookspace run`; the seconds of its steps."""
    sets = [part for override in (*NO_MAP, "publish.min_overlap=0", *overrides) for part in ("--set", override)]
    command = [Path(sys.executable).parent / "bookspace", "run", "--conf", "enwiki.yaml", "--dump", dump, "--warehouse", warehouse, *sets]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        shutil.rmtree(warehouse, ignore_errors=True)
        raise SystemExit(done.stderr)
    return {step: float(seconds) for step, seconds in re.findall(r"(\w+): done in ([\d.]+) s", done.stderr)}


def figures(warehouse: Path) -> dict[str, float]:
    """The measured figures of June."""
    with open_duckdb(Warehouse(warehouse)) as connection:
        return dict(connection.execute("SELECT metric, value FROM metrics WHERE snapshot = ? AND epoch IS NULL", [JUNE]).fetchall())


def neighbours(warehouse: Path, day: str) -> dict[int, set[int]]:
    """The ten nearest books of every book."""
    found: dict[int, set[int]] = {}
    with open_duckdb(Warehouse(warehouse)) as connection:
        query = "SELECT page_id, neighbour_page_id FROM neighbours WHERE snapshot = ? AND rank <= 10"
        for page_id, near in connection.execute(query, [day]).fetchall():
            found.setdefault(page_id, set()).add(near)
    return found


def overlap(one: dict[int, set[int]], other: dict[int, set[int]]) -> float:
    """Share of the neighbours that are the same, in the mean over the books of both."""
    common = one.keys() & other.keys()
    return sum(len(one[book] & other[book]) / 10 for book in common) / len(common)


def rows(folder: Path, may: Path, june: Path, only: Sequence[str]) -> Iterator[list[str]]:
    """A row a run; "alone" first, with which the others are compared."""
    first = folder / "may"
    if not first.exists():
        seconds = run(folder, may, first, ())
        yield ["May", *(f"{seconds[step]:.1f}" for step in STEPS)]
    old = neighbours(first, MAY)
    for name, (overrides, after) in RUNS.items():
        warehouse = folder / re.sub(r"\W+", "-", name)
        if warehouse.exists() or (only and name not in only):
            continue
        if after:
            shutil.copytree(first, warehouse)
        seconds = run(folder, june, warehouse, overrides)
        measured: dict[str, Any] = figures(warehouse)
        now, alone = neighbours(warehouse, JUNE), neighbours(folder / "alone", JUNE)
        facts = Warehouse(warehouse).manifest("books", Snapshot("enwiki", JUNE)).facts
        told = [f"{measured[figure]:.4f}" if figure in measured else "" for figure in ("auc", "filtered_mrr", "cosine_to_before")]
        same = [f"{overlap(old, now):.3f}", f"{overlap(alone, now):.3f}"]
        yield [f"June {name}", *(f"{seconds[step]:.1f}" for step in STEPS), f"{facts['parsed']:,}", *same, *told]


def main() -> None:
    """Make the dumps, run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--books", type=int, default=1413)
    parser.add_argument("--articles", type=int, default=3000)
    parser.add_argument("--changed", type=float, default=0.05)
    parser.add_argument("--only", nargs="+", choices=RUNS, default=[], metavar="NAME", help=", ".join(RUNS))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    may, june = (options.folder / f"enwiki-{day}-pages-articles-multistream.xml.bz2" for day in (MAY, JUNE))
    sizes = ["--books", str(options.books), "--articles", str(options.articles)]
    if not may.exists():
        subprocess.run([sys.executable, SHARED / "tools" / "make_dump.py", may, *sizes], check=True)
    counts = a_month_later(may, june, options.changed, seed=1)
    print(f"python -m tests.benchmarks.snapshots {' '.join(sys.argv[1:])}")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}; {counts}\n")
    head = ["", *STEPS, "parsed", "overlap@10 with May", "with June alone", "AUC", "MRR", "cosine to May"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows(options.folder, may, june, options.only):
        print(f"| {' | '.join([*row, *[''] * (len(head) - len(row))])} |", flush=True)


if __name__ == "__main__":
    main()
