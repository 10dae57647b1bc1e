"""Progress of a download in the log."""

import logging
import re
import time

import pytest

from embedding.download.progress import Progress, describe, in_words


@pytest.mark.parametrize(
    ("there", "rate", "text"),
    [
        (0, 0.0, "0 B of 20 GB, 0 B/s"),
        (2_000_000_000, 5_000_000.0, "2 GB of 20 GB, 5 MB/s, 1 h 0 min left"),
        (19_000_000_000, 5_000_000.0, "19 GB of 20 GB, 5 MB/s, 3 min 20 s left"),
        (19_999_000_000, 50_000.0, "20 GB of 20 GB, 50 kB/s, 20 s left"),
        (20_000_000_000, 1.0, "20 GB of 20 GB, 1 B/s, 0 s left"),
    ],
)
def test_a_download_in_words(there: int, rate: float, text: str) -> None:
    assert describe(there, 20_000_000_000, rate) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (999_600, "1 MB"), (1234567, "1.23 MB"), (21.26e9, "21.3 GB"), (5e15, "5e+03 TB")],
)
def test_bytes_in_words(count: float, text: str) -> None:
    assert in_words(count) == text


def test_a_slow_download_is_logged_with_its_rate(caplog: pytest.LogCaptureFixture) -> None:
    progress = Progress(4_000_000)
    progress.found(1_000_000)
    with caplog.at_level(logging.INFO, "bookspace"), progress.logged("download", seconds=0.1):
        progress.received(1_500_000)
        progress.lost(500_000)
        time.sleep(0.25)
    assert len(caplog.messages) == 2
    rate = re.fullmatch(r"download: 2 MB of 4 MB, ([0-9.]+) MB/s, 0 s left", caplog.messages[0])
    assert rate, caplog.messages
    assert 5 < float(rate[1]) <= 15, "what was there before did not come over the network"
    assert caplog.messages[1] == "download: 2 MB of 4 MB, 0 B/s", "nothing came since the first line"
