"""Signals that wait until a block has ended, and a Spark that is being started when one comes."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import psutil
import pytest

from embedding.signals import held_back


def test_a_signal_waits_for_the_end_of_the_block() -> None:
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: seen.append(number))
    try:
        with held_back(signal.SIGUSR1):
            os.kill(os.getpid(), signal.SIGUSR1)
            assert seen == []
        assert seen == [signal.SIGUSR1]
        os.kill(os.getpid(), signal.SIGUSR1)
        assert len(seen) == 2, "the handler is back"
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_ctrl_c_is_an_interrupt_afterwards_also_of_a_block_that_fails() -> None:
    def fail() -> None:
        with held_back(signal.SIGINT):
            os.kill(os.getpid(), signal.SIGINT)
            raise ValueError

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are deaf to it
    try:
        with pytest.raises(KeyboardInterrupt):
            fail()
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_holds_nothing_back() -> None:
    ended = []

    def work() -> None:
        with held_back(signal.SIGTERM):
            ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]


def test_who_is_told_to_end_while_spark_starts_leaves_no_jvm() -> None:
    code = (
        "from pathlib import Path; import tempfile\nfrom embedding.command_line import reported\nfrom embedding.job import Session\n"
        "from embedding.settings_files import load_settings\n"
        "session = Session(load_settings([], ['wiki=testwiki', 'spark.master=local[1]', 'spark.driver_memory=512m']))\n"
        "with reported('warehouse', False):\n  try:\n    session.spark\n  finally:\n    session.stop()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, start_new_session=True) as started:
        family = psutil.Process(started.pid)
        while not (java := _spark(family)):
            assert started.poll() is None
            time.sleep(0.02)
        started.send_signal(signal.SIGTERM)
        said = started.communicate(timeout=300)[1]
    assert started.returncode == 143
    assert said.splitlines()[-1].endswith("no table is half written")
    assert psutil.wait_procs(java, timeout=60)[1] == []


def _spark(family: psutil.Process) -> list[psutil.Process]:
    """Spark's JVM, if it is there; Java is started for smaller things before."""
    found = []
    for one in family.children(recursive=True):
        with suppress(psutil.Error):
            found += [one] if one.name() == "java" and "org.apache.spark.deploy.SparkSubmit" in one.cmdline() else []
    return found
