"""Airflow: once a month the new dump of a wiki becomes a published snapshot. One DAG a wiki, for Airflow 3.

Every task runs deploy/submit.sh, so what Airflow runs is what anybody runs by hand, on the same cluster (MASTER, ENVIRONMENT, ... of
the worker's environment). Not SparkSubmitOperator: it kills spark-submit alone, and a trainer that it started would go on and write
beside its own retry; BashOperator ends the whole group of processes. It would also start Spark for steps that need none, and a
connection that is missing turns into master yarn without a word.

Nothing but Airflow is imported here; the steps are read from deploy/steps.conf. docs/deploying.md says how to set it up.
"""

import logging
import os
import subprocess
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.sensors.python import PythonSensor
from airflow.sdk import DAG, Param

HOME = Path(os.environ.get("BOOKSPACE_HOME") or Path(__file__).resolve().parents[2])
SUBMIT = str(HOME / "deploy" / "submit.sh")
WIKIS = os.environ.get("BOOKSPACE_WIKIS", "simplewiki").split()
WAREHOUSE = os.environ.get("BOOKSPACE_WAREHOUSE", "/data/books")
DUMPS = os.environ.get("BOOKSPACE_DUMPS", "/data/dumps")
SCHEDULE = os.environ.get("BOOKSPACE_SCHEDULE", "0 6 3 * *")  # dumps begin on the 1st; the sensor waits for the end
KEEP = os.environ.get("BOOKSPACE_KEEP")  # snapshots of a wiki; older ones are removed when a new one is published
RETRY_DELAY = timedelta(seconds=int(os.environ.get("BOOKSPACE_RETRY_SECONDS", "600")))
TRAINER_POOL = "bookspace_trainer"  # of one slot: see pools.json
NOT_YET = 75  # exit code of `bookspace download --check`
FIRST_TRY_ONLY = frozenset({"publish"})  # a gate that fails, fails again
log = logging.getLogger(__name__)

# A run is about one dump: the one that begins on the first of its month, whenever it runs, so that it can be repeated and backfilled.
SNAPSHOT = "{{ params.snapshot or (dag_run.logical_date or dag_run.run_after).strftime('%Y%m01') }}"
VALUES = {
    "STEP": "{{ task.task_id }}",
    "CONF": "{{ params.conf }}",
    "DUMP": "{{ params.dump or '' }}",
    "SNAPSHOT": SNAPSHOT,
    "SETTINGS": "{{ params.settings | join('\n') }}",
    "SPARK_OPTIONS": os.environ.get("BOOKSPACE_SPARK_OPTIONS", ""),
    "BOOKSPACE_RUN": "{{ run_id }}",  # in every line of the logs, of all steps
}
# What a user may set reaches the shell as variables, never as its text.
RUN = r"""
set -euo pipefail
options=(--conf "$CONF" --warehouse "$WAREHOUSE" --snapshot "$SNAPSHOT")
while IFS= read -r setting; do
    [ -z "$setting" ] || options+=(--set "$setting")
done <<<"$SETTINGS"
[ "$STEP" != read_dump ] || options+=(--dump "${DUMP:-$DUMPS/$WIKI/$SNAPSHOT}")
read -ra spark_options <<<"$SPARK_OPTIONS"
exec "$CHECKOUT/deploy/submit.sh" "$STEP" "${options[@]}" -- "${spark_options[@]}"
"""
DOWNLOAD = r"""
[ -z "$DUMP" ] || { echo "the dump is given: $DUMP"; exit 0; }
exec "$CHECKOUT/deploy/submit.sh" bookspace download "$WIKI" --date "$SNAPSHOT" --set "download.folder=$DUMPS"
"""
PRUNE = r"""
exec "$CHECKOUT/deploy/submit.sh" bookspace prune "$WIKI" --keep "$KEEP" --conf "$CONF" --warehouse "$WAREHOUSE"
"""


class Step(NamedTuple):
    """A line of deploy/steps.conf."""

    name: str
    works_on: str
    hours: float


def read_steps(file: Path) -> list[Step]:
    """The steps in their order."""
    lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    return [Step(words[0], words[1], float(words[2])) for words in lines if words and not words[0].startswith("#")]


def dump_is_complete(wiki: str, snapshot: str, dump: str) -> bool:
    """Has the dump come? True also for one that is given by hand.

    Raises:
        RuntimeError: it will not come, or the site cannot be asked; the task is tried again.
    """
    if dump:
        return True
    asked = subprocess.run(
        [SUBMIT, "bookspace", "download", wiki, "--date", snapshot, "--check"], capture_output=True, text=True, check=False, timeout=900
    )
    log.info("%s", (asked.stdout + asked.stderr).strip())
    if asked.returncode not in (0, NOT_YET):
        raise RuntimeError(asked.stderr.strip() or f"exit code {asked.returncode}")
    return asked.returncode == 0


def tell(context: Mapping[str, Any]) -> None:
    """Say which task has failed for good: in the log, and to the command of BOOKSPACE_ALERT, as its one argument."""
    task, run = context["task_instance"], context["dag_run"]
    message = f"bookspace: {task.dag_id} {run.run_id}: {task.task_id} failed in try {task.try_number}: {context.get('exception')}"
    log.error("%s", message)
    if command := os.environ.get("BOOKSPACE_ALERT"):
        subprocess.run([command, message], check=False, timeout=60)


def make_dag(wiki: str) -> DAG:
    """The DAG of one wiki."""
    # Not submit.sh itself: Airflow takes a value that ends in .sh for the name of a template.
    values = {**VALUES, "CHECKOUT": str(HOME), "WIKI": wiki, "WAREHOUSE": WAREHOUSE, "DUMPS": DUMPS}
    dag = DAG(
        f"bookspace_{wiki}",
        description=f"The dump of {wiki}, to published neighbours",
        schedule=SCHEDULE,
        start_date=datetime(2026, 1, 1),
        catchup=False,
        max_active_runs=1,  # runs of one wiki follow one another, also in a backfill
        params={
            "wiki": Param(wiki, enum=[wiki], description="the wiki of this DAG"),
            "snapshot": Param(None, type=["null", "string"], pattern="^[0-9]{8}$", description="date of the dump; the first of the month"),
            "dump": Param(None, type=["null", "string"], description="file or folder of a dump that is there; none: it is downloaded"),
            "conf": Param(f"{wiki}.yaml", type="string", description="settings file"),
            "settings": Param([], type="array", items={"type": "string"}, description="KEY=VALUE each, as with --set"),
        },
        default_args={
            "retries": 2,
            "retry_delay": RETRY_DELAY,
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(hours=2),
            "on_failure_callback": tell,
        },
        tags=["bookspace", wiki],
        doc_md=__doc__,
    )
    with dag:
        last: Any = PythonSensor(
            task_id="wait_for_dump",
            python_callable=dump_is_complete,
            op_kwargs={"wiki": wiki, "snapshot": SNAPSHOT, "dump": VALUES["DUMP"]},
            mode="reschedule",  # no slot is taken between two looks
            poke_interval=3600,
            timeout=timedelta(days=21).total_seconds(),
        )
        download = BashOperator(
            task_id="download", bash_command=DOWNLOAD, env=values, append_env=True, execution_timeout=timedelta(hours=48)
        )
        last = last >> download
        for step in read_steps(HOME / "deploy" / "steps.conf"):
            last = last >> BashOperator(
                task_id=step.name,
                bash_command=RUN,
                env=values,
                append_env=True,
                execution_timeout=timedelta(hours=step.hours),
                pool=TRAINER_POOL if step.name == "train_embedding" else "default_pool",
                retries=0 if step.name in FIRST_TRY_ONLY else 2,
            )
        if KEEP:
            _ = last >> BashOperator(
                task_id="prune", bash_command=PRUNE, env={**values, "KEEP": KEEP}, append_env=True, execution_timeout=timedelta(hours=1)
            )
    return dag


for _wiki in WIKIS:
    globals()[f"bookspace_{_wiki}"] = make_dag(_wiki)
