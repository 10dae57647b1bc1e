"""Writing an HTML page whole or not at all, and opening it."""

import os
import sys
import webbrowser
from pathlib import Path

from embedding.commands.files import written_beside


def write_page(file: Path, text: str, show: bool) -> None:
    """Write a page, print where it lies, and open it in the browser if there is one.

    Raises:
        WarehouseError: it cannot be written.
    """
    with written_beside(file, "file with --out") as partial:
        partial.write_text(text, encoding="utf-8", errors="replace")
    print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    if show and not _open(file):
        print("No browser is to hand; open the file in one.", file=sys.stderr)


def _open(file: Path) -> bool:
    screen = sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("BROWSER"))
    try:
        return screen and webbrowser.open(file.absolute().as_uri())
    except webbrowser.Error:
        return False
