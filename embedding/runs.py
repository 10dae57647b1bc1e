"""A run: steps one after the other on one snapshot, under a lock, those left out that need not be done again."""

import argparse
import logging
import os
import re
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from embedding.catalog import check_place
from embedding.command_line import add_options, add_wait, reported, settings_of
from embedding.errors import BookspaceError, SettingsError
from embedding.job import Session, Step, run_step
from embedding.log import facts, logged_with, start_log
from embedding.manifest import Snapshot
from embedding.monitoring import write_figures
from embedding.remote.state import SAMPLE
from embedding.resume import why_run
from embedding.settings import Settings
from embedding.warehouse import Warehouse

log = logging.getLogger("bookspace")


def snapshot_of(settings: Settings, warehouse: Warehouse) -> Snapshot:
    """The snapshot that a run is about: as set, or as the dump tells, or the newest in the warehouse.

    Raises:
        SettingsError: none of them does.
    """
    if settings.snapshot:
        return Snapshot(settings.wiki, settings.snapshot)
    if settings.dump:
        from embedding.wiki.files import changed, find_files

        first = find_files(settings.dump)[0]
        date = re.search(r"(?<!\d)[12]\d{3}[01]\d[0-3]\d(?!\d)", Path(first).name)
        when = date[0] if date else changed(first)
        if when is None:
            raise SettingsError(f"{first}: its name holds no date; give --snapshot YYYYMMDD, the day of the dump")
        return Snapshot(settings.wiki, when)
    there = warehouse.snapshots(settings.wiki)
    if not there:
        raise SettingsError(
            f"neither dump nor snapshot is set, and {settings.warehouse} holds no snapshot of {settings.wiki}; give --dump or --snapshot"
        )
    return there[-1]


def run_alone(step: Step, arguments: Sequence[str] | None = None) -> None:
    """The main function of a script in jobs/: read the settings and run its one step."""
    parser = argparse.ArgumentParser(prog=f"{step.name}.py", description=f"The step {step.name} of bookspace.")
    add_options(parser)
    add_wait(parser)
    options = parser.parse_args(arguments)
    start_log()
    with reported(options.warehouse or "the warehouse", options.debug):
        settings = settings_of(options)
        session = Session(settings)
        try:
            if "SPARK_YARN_STAGING_DIR" in os.environ:
                # This is the driver of YARN's cluster mode, which takes an application for failed that never starts Spark.
                _ = session.spark
            run_steps([step], settings, session, wait=options.wait)
        finally:
            session.stop()


def run_steps(
    steps: Sequence[Step],
    settings: Settings,
    session: Session | None = None,
    resume: bool = False,
    first: str | None = None,
    wait: bool = False,
) -> Snapshot:
    """Run steps one after the other in this process.

    Args:
        steps: in their order.
        settings: of all of them.
        session: the Spark session to use; None: one that is started when it is needed, and stopped at the end.
        resume: leave out the steps whose tables still match their inputs and settings.
        first: name of the step to begin with: those before it are left out, it and those behind it run in any case.
        wait: for another run of the snapshot to end, instead of giving up.

    Raises:
        BusyError: another run is at work on the snapshot.
        BookspaceError: a step met something that the user can mend.
    """
    start_log(settings.monitoring.log)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_cache)
    check_place(warehouse, settings.catalog.place)
    _probe(warehouse)
    settings = _with_sample(settings, warehouse)
    snapshot = snapshot_of(settings, warehouse)
    start = _place(first, steps) if first else 0
    ours = session or Session(settings)
    run = os.environ.get("BOOKSPACE_RUN") or uuid.uuid4().hex[:12]  # a scheduler sets it for the steps that it starts one by one
    with (
        logged_with(run=run, wiki=snapshot.wiki, snapshot=snapshot.date),
        warehouse.locked(snapshot, wait),
    ):
        log.info("snapshot %s in %s", snapshot, settings.warehouse)
        try:
            for step in steps[:start]:
                why = why_run(step, settings, warehouse, snapshot)
                log.log(logging.WARNING if why else logging.INFO, "%s: left out%s", step.name, f", although {why}" if why else "")
            for step in steps[start:]:
                why = why_run(step, settings, warehouse, snapshot) if resume and not first else "it was asked for"
                if why is None:
                    log.info("%s: left out, its tables are up to date", step.name, extra=facts(event="left out", step=step.name))
                else:
                    _run(step, settings, warehouse, snapshot, ours, why)
        finally:
            if session is None:
                ours.stop()
    return snapshot


def _place(name: str, steps: Sequence[Step]) -> int:
    names = [step.name for step in steps]
    if name not in names:
        raise SettingsError(f"--from {name}: no such step; there are {', '.join(names)}")
    return names.index(name)


def _run(step: Step, settings: Settings, warehouse: Warehouse, snapshot: Snapshot, session: Session, why: str) -> None:
    """Run a step, and tell Prometheus how it went."""
    failed: str | None = step.name
    try:
        run_step(step, settings, snapshot, session, why)
        failed = None
    finally:
        if settings.monitoring.figures:
            try:
                write_figures(Path(settings.monitoring.figures), warehouse, snapshot, failed)
            except BookspaceError as error:  # not worth the work of the step
                log.warning("%s", error)


def _with_sample(settings: Settings, warehouse: Warehouse) -> Settings:
    """The dump called "sample" is the built-in one; it is written into the warehouse."""
    if settings.dump != "sample":
        return settings
    from embedding.sample.generator import FILE_NAME, write_sample

    place = f"{SAMPLE}/{FILE_NAME}"
    file = warehouse.root / place
    try:
        write_sample(file)
    except OSError as error:
        raise warehouse.write_error("the sample", error) from None
    if warehouse.mirror:
        warehouse.mirror.objects.upload({place: file})
    return settings.model_copy(update={"dump": f"{warehouse.name}/{place}"})


def _probe(warehouse: Warehouse) -> None:
    """Find out before any work whether the warehouse can be written at all."""
    try:
        warehouse.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=warehouse.root) as file:
            file.write(b"x" * 4096)
    except OSError as error:
        raise warehouse.write_error("any step", error) from None
