"""A real browser for tests: Chromium by Playwright, which is told to ask nobody for anything."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

FLAGS = [
    "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The path of Chromium: BOOKSPACE_CHROMIUM, or what is on PATH."""
    return os.environ.get("BOOKSPACE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium for as long as the block lasts; the test is skipped where there is none."""
    path = chromium()
    if path is None:
        pytest.skip("no Chromium is on PATH (for example apt-get install chromium), nor named by BOOKSPACE_CHROMIUM")
    from playwright.sync_api import sync_playwright

    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as play:
        launched = play.chromium.launch(executable_path=path, args=[*FLAGS, *(["--no-sandbox"] if root else [])])
        try:
            yield launched
        finally:
            launched.close()
