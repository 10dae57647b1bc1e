"""Figures of a snapshot for Prometheus: a text file that node_exporter's textfile collector reads.

Source: the text format of Prometheus, and its naming rules (base units, `_seconds`, `_timestamp_seconds`). Drops, rows and figures are
gauges, not counters: they are those of the newest run, and start anew with it.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from embedding.errors import EnvironmentProblem, WarehouseError
from embedding.manifest import Snapshot
from embedding.tables import BY_STEP, TABLES
from embedding.warehouse import Warehouse

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


def write_figures(folder: Path, warehouse: Warehouse, snapshot: Snapshot, failed: str | None = None) -> Path:
    """Write `bookspace_<wiki>.prom`; who reads it sees the old file or the new one.

    Args:
        folder: that of the collector; made when it is not there.
        warehouse: where the tables are.
        snapshot: what the run is about.
        failed: the step that failed, or None.

    Raises:
        EnvironmentProblem: prometheus_client is not installed.
        WarehouseError: the file cannot be written.
    """
    try:
        from prometheus_client import write_to_textfile
    except ModuleNotFoundError:
        raise EnvironmentProblem(
            "prometheus_client is not installed; pip install 'bookspace[monitoring]', or unset monitoring.figures"
        ) from None
    file = folder / f"bookspace_{snapshot.wiki}.prom"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_to_textfile(str(file), collect(warehouse, snapshot, failed))
    except OSError as error:
        raise WarehouseError(f"{file}: cannot be written ({error.strerror}); mend monitoring.figures") from error
    return file


def collect(warehouse: Warehouse, snapshot: Snapshot, failed: str | None = None) -> "CollectorRegistry":
    """The figures; arguments as `write_figures` has them."""
    import pyarrow.parquet as pq
    from prometheus_client import CollectorRegistry, Gauge

    registry = CollectorRegistry()

    def gauge(name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(f"bookspace_{name}", help_text, ["wiki", *labels], registry=registry)

    rows = gauge("table_rows", "Rows of a table", "table")
    dropped = gauge("dropped_rows", "Rows that the step which wrote a table dropped, by reason", "table", "reason")
    written = gauge("table_written_timestamp_seconds", "When a table was written", "table")
    took = gauge("step_duration_seconds", "How long the step took that wrote the tables", "step")
    figures = gauge("figure", "A figure that a step measured (table metrics)", "step", "metric")
    for table, step in warehouse.parts(snapshot):
        made = warehouse.manifest(table, snapshot, step)
        if made.seconds is not None:
            took.labels(snapshot.wiki, made.step).set(made.seconds)
        if table in BY_STEP:
            for file in warehouse.files(f"{table}/{step}", snapshot):
                for row in pq.read_table(file, columns=["metric", "value", "epoch"], partitioning=None).to_pylist():
                    if row["epoch"] is None:
                        figures.labels(snapshot.wiki, step, row["metric"]).set(row["value"])
        elif table in TABLES:
            rows.labels(snapshot.wiki, table).set(made.rows_out)
            written.labels(snapshot.wiki, table).set(datetime.fromisoformat(made.created).timestamp())
            for reason, count in made.dropped.items():
                dropped.labels(snapshot.wiki, table, reason).set(count)

    gauge("run_timestamp_seconds", "When a run last wrote these figures").labels(snapshot.wiki).set(datetime.now(UTC).timestamp())
    broken = gauge("run_failed", "1 when the newest run failed, with the step that did", "step")
    broken.labels(snapshot.wiki, failed or "").set(int(failed is not None))
    day = gauge("snapshot_timestamp_seconds", "The day of the dump that the newest run is about")
    day.labels(snapshot.wiki).set(_seconds_of(snapshot))
    shown = gauge("published_snapshot_timestamp_seconds", "The day of the dump that readers see")
    for latest in warehouse.latest():
        if latest.wiki == snapshot.wiki:
            shown.labels(latest.wiki).set(_seconds_of(latest))
    return registry


def _seconds_of(snapshot: Snapshot) -> float:
    return datetime.strptime(snapshot.date, "%Y%m%d").replace(tzinfo=UTC).timestamp()
