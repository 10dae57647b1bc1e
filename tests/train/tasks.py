"""Trainings of real files, to be run here or in processes of their own."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedding.tables import TABLES
from embedding.train.feed.fresh import Drawing
from embedding.train.task import Task
from tests.train.clusters import settings

BOOKS, LINKS, DRAWS = 600, 300, 2
WAYS = """
import pickle, sys
from pathlib import Path
import numpy as np
task = pickle.loads(Path(sys.argv[1]).read_bytes())
"""
ALONE = WAYS + "model, _ = task.run(lambda *_: None); np.savez(sys.argv[2], *(table.numpy() for table in model.vectors()))"
TOGETHER = WAYS + "from embedding.train.launch import work; work(task)"


def write_tables(folder: Path, pairs: int = 30_000) -> tuple[list[Path], list[Path]]:
    """Files of pairs and negatives of six clusters, a split and draw a file, as the steps write them; the pairs in two files."""
    rng = np.random.default_rng(0)
    book, link = (rng.integers(0, count, 2 * pairs + 600) for count in (BOOKS, LINKS))
    alike = book % 6 == link % 6
    link = np.where(alike | (rng.random(len(link)) < 0.2), link, (link // 6 * 6 + book % 6) % LINKS)
    rows = np.stack([book, link], 1)
    train, valid = rows[:pairs], rows[-600:]
    wrong = np.stack([book, (link // 6 * 6 + (book + 1 + rng.integers(0, 5, len(book))) % 6) % LINKS], 1)

    def write(table: str, name: str, some: np.ndarray, split: str, draw: int = 0) -> Path:
        columns = {"book_id": some[:, 0], "link_id": some[:, 1], "split": [split] * len(some)}
        columns |= {"mentions": [1] * len(some)} if table == "pairs" else {"draw": [draw] * len(some)}
        file = folder / table / f"{name}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns, schema=TABLES[table].columns), file, compression="zstd")
        return file

    of_pairs = [write("pairs", f"train-{part}", some, "train") for part, some in enumerate(np.array_split(train, 2))]
    of_pairs += [write("pairs", "valid", valid, "valid"), write("pairs", "test", valid[:1], "test")]
    negatives = [write("negatives", f"train-{draw}", rng.permutation(wrong)[: 2 * pairs], "train", draw) for draw in range(DRAWS)]
    return of_pairs, [*negatives, write("negatives", "valid", wrong[-600:], "valid")]


def task(folder: Path, checkpoints: Path, pairs: int = 30_000, **changes: Any) -> Task:
    files = write_tables(folder, pairs)
    changed = settings(**({"batch_positives": 1024, "epochs": 3, "resident_mb": 64} | changes))
    return Task(changed, Drawing(2), DRAWS, 1, BOOKS, LINKS, *files, {"pairs": "a", "negatives": "b"}, checkpoints)


def start(one: Task, file: Path, code: str = ALONE, out: Path | None = None, **environment: str) -> subprocess.Popen[str]:
    """A process of its own that does a training."""
    file.write_bytes(pickle.dumps(one))
    command = [sys.executable, "-c", code, str(file), str(out)]
    surroundings = os.environ | {"OMP_NUM_THREADS": "1"} | environment
    return subprocess.Popen(command, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
