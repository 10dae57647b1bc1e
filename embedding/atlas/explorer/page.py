"""Puts the explorer together: template, style, scripts, deck.gl and the data as one HTML text."""

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from embedding.atlas.explorer.addresses import articles_at
from embedding.atlas.explorer.books import Contents
from embedding.atlas.explorer.pack import packed_text

_WEB = Path(__file__).parent / "web"
_DECK = Path(__file__).parents[1] / "vendor" / "deck.gl" / "deck.min.js"
_ENTRY = "app.js"
_IMPORT = re.compile(r"^import \{[^}]*\} from '\./([a-z]+\.js)';\n", re.MULTILINE)


def explorer_page(contents: Contents) -> str:
    """The page. It asks no server for anything, and its policy forbids the browser to."""
    wiki, snapshot = contents.about["wiki"], contents.about["snapshot"]
    about = contents.about | {"name": wiki, "day": day(snapshot), "articles": articles_at(wiki)}
    scripts = {"deck": script_text(_DECK.read_text(encoding="utf-8")), "app": script_text(joined_modules())}
    return fill_template(
        (_WEB / "page.html").read_text(encoding="utf-8"),
        {
            "policy": policy(*scripts.values()),
            "style": (_WEB / "page.css").read_text(encoding="utf-8"),
            "books": packed_text(contents.books, about),
            "neighbours": packed_text(contents.neighbours, {}),
            **scripts,
        },
    )


def policy(*scripts: str) -> str:
    """A Content-Security-Policy: these scripts alone run, whatever a title holds, and nothing is fetched from anywhere."""
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in hashes) or "'none'"
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"


def script_text(source: str) -> str:
    """JavaScript as it may stand in a script element: nothing in it ends the element or opens a comment."""
    return re.sub(r"<(?=!--|/?script)", r"\\x3c", source, flags=re.IGNORECASE)


def joined_modules(entry: str = _ENTRY) -> str:
    """The modules as one script, each behind those that it imports; what a file imports from another must have the same name there."""
    done: dict[str, str] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"{name} imports itself by way of {', '.join(above)}")
        if name in done:
            return
        source = (_WEB / name).read_text(encoding="utf-8")
        for needed in _IMPORT.findall(source):
            add(needed, (*above, name))
        done[name] = f"// {name}\n" + re.sub(r"^export ", "", _IMPORT.sub("", source), flags=re.MULTILINE)

    add(entry, ())
    return "(() => {\n'use strict';\n" + "\n".join(done.values()) + "})();\n"


def fill_template(template: str, values: Mapping[str, str]) -> str:
    """The template with each @@name@@ replaced; what is put in is not looked at again."""
    return re.sub(r"@@([a-z]+)@@", lambda found: values[found[1]], template)


def day(snapshot: str) -> str:
    """20260101 as 1 Jan 2026."""
    date = datetime.strptime(snapshot, "%Y%m%d")
    return f"{date.day} {date:%b %Y}"
