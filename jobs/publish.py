"""publish: let readers see a snapshot, if it is good enough."""

from embedding.catalog import follow
from embedding.errors import GateError, WarehouseError
from embedding.gates import Figure, gates
from embedding.job import Job, Step, log
from embedding.runs import run_alone

MEASURED_BY = ("evaluate", "find_neighbours", "compare_snapshots")


def run(job: Job) -> None:
    """Check the gates, then let the `..._latest` views show this snapshot. Needs no Spark."""
    compared = job.inputs["metrics/compare_snapshots"]
    if compared.inputs_before.get("neighbours") != (job.inputs_before["neighbours"].id if job.inputs_before else None):
        raise WarehouseError(
            f"{job.snapshot} was compared with {compared.before or 'no snapshot'}, and the one before it is now "
            f"{job.before.date if job.before else 'none'}; run compare_snapshots again"
        )
    measured = {
        row["metric"]: Figure(row["value"], row["measured_on"])
        for step in MEASURED_BY
        for row in job.arrow(f"metrics/{step}", ["metric", "value", "measured_on"]).to_pylist()
    }
    found = gates(job.settings.publish, job.inputs["paired_books"].rows_out, measured, compared.before is not None)
    for gate in found:
        (log.info if gate.holds else log.warning)("publish: %s", gate)
    lineage = job.warehouse.lineage(STEP.reads, job.snapshot)
    facts = [gate.facts() for gate in found]
    if missed := [str(gate) for gate in found if gate.holds is False]:
        job.warehouse.publication.refuse(job.snapshot, {table: made.id for table, made in lineage.items()}, facts)
        shown = next((str(one) for one in job.warehouse.latest() if one.wiki == job.snapshot.wiki), "no snapshot")
        raise GateError(f"snapshot {job.snapshot} is not published: {'; '.join(missed)}; the _latest views show {shown}")
    job.warehouse.publish(job.snapshot, lineage, facts)
    shown = next(str(one) for one in job.warehouse.latest() if one.wiki == job.snapshot.wiki)
    log.info("publish: the _latest views show %s", shown)
    if place := follow(job.settings, job.warehouse):
        log.info("publish: the tables are registered in %s", place)


STEP = Step(
    "publish",
    reads=(
        "books",
        "paired_books",
        "links",
        "pairs",
        "book_vectors",
        "link_vectors",
        "neighbours",
        "link_neighbours",
        "book_map",
        "book_links_nearest",
        "link_books",
        "neighbour_changes",
        *(f"metrics/{step}" for step in MEASURED_BY),
    ),
    writes=(),
    settings=("publish",),
    run=run,
    reads_before=("neighbours",),
)

if __name__ == "__main__":
    run_alone(STEP)
