"""Running a step: what it is given of the snapshot before, and what its manifests keep of that."""

from pathlib import Path

from embedding.job import Job, Session, Step, run_step
from embedding.manifest import Snapshot
from embedding.settings import Settings
from embedding.settings_files import load_settings
from embedding.warehouse import Warehouse, write_table

MAY, JUNE, JULY = (Snapshot("testwiki", day) for day in ("20240501", "20240601", "20240701"))


def _settings(folder: Path) -> Settings:
    return load_settings([], ["wiki=testwiki", f"warehouse={folder / 'warehouse'}"])


def _write_links(warehouse: Warehouse, snapshot: Snapshot, title: str) -> None:
    with warehouse.write("build_pairs", ["links"], snapshot, {}, {}) as staged:
        columns = {"link_id": [0], "title": [title], "page_id": [1], "kind": ["article"], "books": [2]}
        write_table("links", columns, staged["links"].folder)


def _run(folder: Path, snapshot: Snapshot) -> Job:
    """Run a step that reads links and vectors of the snapshot before; the job as the step saw it."""
    seen: list[Job] = []
    step = Step("evaluate", (), ("metrics",), (), seen.append, reads_before=("links", "link_vectors"))
    settings = _settings(folder)
    run_step(step, settings, snapshot, Session(settings))
    return seen[0]


def test_a_first_snapshot_has_none_before(tmp_path: Path) -> None:
    job = _run(tmp_path, MAY)
    assert job.before is None
    assert job.inputs_before == {}
    made = Warehouse(tmp_path / "warehouse").manifest("metrics", MAY, "evaluate")
    assert (made.before, made.inputs_before) == (None, {})


def test_the_newest_published_older_one_of_the_wiki_is_before(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse")
    for snapshot in (MAY, JUNE, JULY, Snapshot("otherwiki", "20240615")):
        _write_links(warehouse, snapshot, snapshot.date)
    for published in (MAY, JULY, Snapshot("otherwiki", "20240615")):
        warehouse.publish(published, {})
    job = _run(tmp_path, Snapshot("testwiki", "20240701"))
    assert job.before == MAY, "neither June, which nobody has seen, nor another wiki's, nor itself"
    assert list(job.inputs_before) == ["links"], "of two tables the one that is there"
    assert job.arrow("links", ["title"], job.before)["title"].to_pylist() == ["20240501"]
    made = warehouse.manifest("metrics", JULY, "evaluate")
    assert (made.before, made.inputs_before) == ("20240501", {"links": warehouse.manifest("links", MAY).id})
    assert warehouse.publication.before(Snapshot("testwiki", "20240801")) == JULY


def test_a_step_that_reads_nothing_before_is_given_nothing(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse")
    _write_links(warehouse, MAY, "x")
    warehouse.publish(MAY, {})
    seen: list[Job] = []
    settings = _settings(tmp_path)
    run_step(Step("evaluate", (), ("metrics",), (), seen.append), settings, JUNE, Session(settings))
    assert (seen[0].before, seen[0].inputs_before) == (None, {})
