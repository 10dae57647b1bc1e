"""Writing an HTML page whole or not at all, and opening it."""

import os
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path

from embedding.errors import WarehouseError


def write_page(file: Path, text: str, show: bool) -> None:
    """Write a page, print where it lies, and open it in the browser if there is one.

    Raises:
        WarehouseError: it cannot be written.
    """
    partial = file.with_name(f".{file.name}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8", errors="replace")
        partial.replace(file)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise WarehouseError(f"{file}: cannot be written: {error.strerror or error}; name another file with --out") from None
    print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    if show and not _open(file):
        print("No browser is to hand; open the file in one.", file=sys.stderr)


def _open(file: Path) -> bool:
    screen = sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("BROWSER"))
    try:
        return screen and webbrowser.open(file.absolute().as_uri())
    except webbrowser.Error:
        return False
