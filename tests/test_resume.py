"""What need not be done again, and why the rest must."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from embedding.job import Job, Session, Step, run_step
from embedding.manifest import Snapshot
from embedding.resume import why_run
from embedding.settings_files import load_settings
from embedding.warehouse import MANIFEST, Warehouse, write_table
from tests.test_warehouse import ROWS

MAY, JUNE = Snapshot("testwiki", "20240501"), Snapshot("testwiki", "20240601")


def _write(job: Job) -> None:
    for table, staged in job.staged.items():
        write_table(table, ROWS[table], staged.folder)


FIRST = Step("first", reads=(), writes=("links",), settings=(), run=_write)
SECOND = Step("second", reads=("links",), writes=("pairs", "paired_books"), settings=("pairs", "books"), run=_write)


class Runs:
    """Steps at work in one warehouse."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warehouse = Warehouse(folder)

    def run(self, *steps: Step, snapshot: Snapshot = JUNE) -> None:
        settings = load_settings([], ["wiki=testwiki", f"warehouse={self.folder}"])
        for step in steps:
            run_step(step, settings, snapshot, Session(settings))

    def why(self, step: Step = SECOND, *overrides: str) -> str | None:
        settings = load_settings([], ["wiki=testwiki", f"warehouse={self.folder}", *overrides])
        return why_run(step, settings, self.warehouse, JUNE)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """links, and pairs and paired_books made from it."""
    runs = Runs(tmp_path)
    runs.run(FIRST, SECOND)
    return runs


def test_nothing_has_changed(runs: Runs) -> None:
    assert runs.why(FIRST) is None
    assert runs.why(SECOND) is None
    assert runs.why(SECOND, "train.epochs=3") is None, "a setting of another step"


def test_a_step_that_writes_nothing_always_runs(runs: Runs) -> None:
    assert runs.why(replace(SECOND, writes=())) == "it writes no table"


@pytest.mark.parametrize(
    ("override", "change"),
    [
        ("seed=2", "seed = 1, and it is 2 now"),
        ("pairs.min_books=5", "pairs.min_books = 4, and it is 5 now"),
        ("books.infoboxes=[Infobox book]", 'books.infoboxes = [], and it is ["Infobox book"] now'),
        ("books.namespace_aliases={4: [WP]}", 'books.namespace_aliases.4 = null, and it is ["WP"] now'),
    ],
)
def test_another_setting_is_named(runs: Runs, override: str, change: str) -> None:
    assert runs.why(SECOND, override) == f"pairs was made with {change}"


def test_what_is_read_outside_of_the_tables(runs: Runs) -> None:
    file = runs.folder / "dump"
    step = replace(SECOND, reads_outside=lambda _: {"files": {"dump": file.read_text()}})
    file.write_text("one")
    runs.run(step)
    assert runs.why(step) is None
    file.write_text("two")
    assert runs.why(step) == 'pairs was made with files.dump = "one", and it is "two" now'


def test_another_input(runs: Runs) -> None:
    assert runs.why(replace(SECOND, reads=())) == "pairs was made from links"
    assert runs.why(replace(SECOND, reads=("links", "books"))) == "pairs was made from another books"
    runs.run(FIRST)
    assert runs.why() == "pairs was made from another links"
    runs.run(SECOND)
    assert runs.why() is None


def test_another_snapshot_before(runs: Runs) -> None:
    step = replace(SECOND, reads_before=("links",))
    assert runs.why(step) is None, "there is none before"
    runs.run(FIRST, snapshot=MAY)
    assert runs.why(step) is None, "nobody has seen it"
    runs.warehouse.publish(MAY, {})
    assert runs.why(step) == "pairs was made before testwiki 20240501 was published"
    runs.run(step)
    assert runs.why(step) is None
    runs.run(FIRST, snapshot=MAY)
    runs.warehouse.publish(MAY, {})
    assert runs.why(step) == "pairs was made from another links of testwiki 20240501"
    runs.warehouse.publication.withdraw(MAY)
    assert runs.why(step) is None, "what has served its turn may go"


def test_a_table_that_is_missing_or_damaged_or_of_another_run(runs: Runs) -> None:
    runs.run(replace(SECOND, writes=("pairs",)))
    assert runs.why() == "its tables come from several runs"
    file = runs.warehouse.folder("paired_books", JUNE) / MANIFEST
    file.write_text("{")
    assert runs.why() == "paired_books is not there"
    file.unlink()
    assert runs.why() == "paired_books is not there"


def test_another_version_of_the_code(runs: Runs) -> None:
    file = runs.warehouse.folder("pairs", JUNE) / MANIFEST
    file.write_text(json.dumps(json.loads(file.read_text()) | {"versions": {"bookspace": "0.0.1"}}))
    assert (runs.why() or "").startswith("pairs was written by bookspace 0.0.1, and this is ")
