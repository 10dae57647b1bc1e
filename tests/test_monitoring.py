"""Figures for Prometheus, read back with its own parser."""

import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from embedding.errors import WarehouseError
from embedding.manifest import Snapshot
from embedding.monitoring import write_figures
from embedding.warehouse import Warehouse, write_table

ROOT = Path(__file__).resolve().parents[1]
SNAPSHOT = Snapshot("testwiki", "20240501")
DAY = 1714521600.0


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(tmp_path / "warehouse")
    with warehouse.write("build_pairs", ["links"], SNAPSHOT, {}, {}) as staged:
        columns = {"link_id": [0], "title": ["A"], "page_id": [7], "kind": ["article"], "books": [2]}
        write_table("links", columns, staged["links"].folder)
        staged["links"].rows_in, staged["links"].dropped = 4, {'in fewer "books"': 3}
    with warehouse.write("evaluate", ["metrics"], SNAPSHOT, {}, {}) as staged:
        columns = {"metric": ["auc", "loss"], "value": [0.9, 0.4], "measured_on": ["test", "train"], "epoch": [None, 1]}
        write_table("metrics", columns, staged["metrics"].folder)
    return warehouse


def _samples(file: Path) -> dict[tuple[str, ...], float]:
    found = {}
    for family in text_string_to_metric_families(file.read_text(encoding="utf-8")):
        for sample in family.samples:
            assert sample.labels.pop("wiki") == "testwiki"
            labels = (sample.labels[name] for name in ("step", "table", "reason", "metric") if name in sample.labels)
            found[(sample.name.removeprefix("bookspace_"), *labels)] = sample.value
    return found


def test_rows_drops_figures_and_times_are_told(warehouse: Warehouse, tmp_path: Path) -> None:
    file = write_figures(tmp_path / "collector", warehouse, SNAPSHOT)
    assert file.name == "bookspace_testwiki.prom"
    told = _samples(file)
    assert told["table_rows", "links"] == 1
    assert told["dropped_rows", "links", 'in fewer "books"'] == 3
    assert {key: value for key, value in told.items() if key[0] == "figure"} == {("figure", "evaluate", "auc"): 0.9}  # no epochs
    assert told["step_duration_seconds", "build_pairs"] == warehouse.manifest("links", SNAPSHOT).seconds
    assert ("step_duration_seconds", "evaluate") in told
    assert told["run_failed", ""] == 0
    assert told["snapshot_timestamp_seconds",] == DAY
    assert ("published_snapshot_timestamp_seconds",) not in told

    warehouse.publish(SNAPSHOT, {})
    told = _samples(write_figures(tmp_path / "collector", warehouse, SNAPSHOT, "publish"))
    assert told["run_failed", "publish"] == 1
    assert told["published_snapshot_timestamp_seconds",] == DAY
    assert [path.name for path in (tmp_path / "collector").iterdir()] == ["bookspace_testwiki.prom"]


def test_a_folder_that_cannot_be_written_is_named(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WarehouseError, match=r"file/bookspace_testwiki\.prom: cannot be written .*; mend monitoring\.figures"):
        write_figures(tmp_path / "file", warehouse, SNAPSHOT)


def test_every_alarm_is_about_figures_that_there_are(warehouse: Warehouse, tmp_path: Path) -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    warehouse.publish(SNAPSHOT, {})
    told = {name for name, *_ in _samples(write_figures(tmp_path, warehouse, SNAPSHOT))}
    for rule in rules["groups"][0]["rules"]:
        asked = set(re.findall(r"bookspace_(\w+)", rule["expr"]))
        assert asked, rule["alert"]
        assert asked <= told, rule["alert"]
