"""publish: let readers see a snapshot, if it is good enough."""

from embedding.errors import GateError
from embedding.job import Job, Step, log
from embedding.runs import run_alone


def run(job: Job) -> None:
    """Check the gates, then point the `..._latest` views at this snapshot. Needs no Spark."""
    settings = job.settings.publish
    measured = {
        row["metric"]: row["value"]
        for step in ("evaluate", "find_neighbours")
        for row in job.arrow(f"metrics/{step}", ["metric", "value"]).to_pylist()
    }
    books = float(job.inputs["paired_books"].rows_out)
    gates = {
        "min_books": ("books with neighbours", books, settings.min_books),
        "min_auc": ("held-out AUC", measured.get("auc"), settings.min_auc),
        "min_recall": ("recall of the neighbours", measured.get("recall_at_k_neighbours"), settings.min_recall),
    }
    for key, (name, value, least) in gates.items():
        if value is None:
            log.warning("publish: %s was not measured, so the gate publish.%s is not checked", name, key)
        elif value < least:
            raise GateError(f"snapshot {job.snapshot} is not published: {name} is {value:,.4g}, and publish.{key} asks for {least:,.4g}")
    job.warehouse.publish(job.snapshot, job.inputs)
    shown = next(snapshot for snapshot in job.warehouse.latest() if snapshot.wiki == job.snapshot.wiki)
    log.info("publish: the _latest views show %s", shown)


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
        "metrics/evaluate",
        "metrics/find_neighbours",
    ),
    writes=(),
    settings=("publish",),
    run=run,
)

if __name__ == "__main__":
    run_alone(STEP)
