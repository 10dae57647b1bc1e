"""bookspace explore, as far as it needs no browser."""

import hashlib
import re
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from embedding import cli
from embedding.atlas.explorer import page
from embedding.atlas.explorer.page import fill_template, joined_modules, script_text
from embedding.manifest import Snapshot
from tests.atlas.mapped import HOSTILE, LIBRARY, Book, write_mapped


def _explore(*arguments: str) -> None:
    cli.main((), ["explore", *arguments])


def _failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit):
        _explore(*arguments)
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    return said[0]


def test_the_page_is_one_file_that_asks_for_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mapped(tmp_path / "w", [*LIBRARY, *(Book(title, title, [title]) for title in HOSTILE)])
    out = tmp_path / "new folder" / "page.html"
    _explore("--warehouse", str(tmp_path / "w"), "--out", str(out), "--no-open")
    assert capsys.readouterr().out == f"{out}: {out.stat().st_size / 1e6:.1f} MB\n"
    text = out.read_text(encoding="utf-8")
    assert not re.search(r"<(link|img|iframe|base)\b", text[: text.index("<script>")])
    assert len(re.findall("<script[ >]", text)) == len(re.findall("</script", text)) == 4
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    allowed = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert allowed
    assert allowed[1].startswith("default-src 'none'; ")
    for script in scripts:
        assert f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in allowed[1]
    assert list(out.parent.iterdir()) == [out]


def test_the_same_tables_give_the_same_page(tmp_path: Path) -> None:
    write_mapped(tmp_path / "w", LIBRARY)
    for name in ("a", "b"):
        _explore("--warehouse", str(tmp_path / "w"), "--out", str(tmp_path / name), "--no-open")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_books_that_are_left_out_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_mapped(tmp_path / "w", LIBRARY)
    _explore("--warehouse", str(tmp_path / "w"), "--out", str(tmp_path / "p"), "--no-open", "--books", "4")
    assert f"{len(LIBRARY) - 4} less linked books are left out" in caplog.text


def test_what_cannot_be_shown_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    warehouse = tmp_path / "w"
    write_mapped(warehouse, [])
    assert "no map of enwiki 20260101" in _failure(capsys, "--warehouse", str(warehouse))
    write_mapped(warehouse, LIBRARY)
    write_mapped(warehouse, LIBRARY, Snapshot("dewiki", "20260101"))
    assert "name one with --wiki" in _failure(capsys, "--warehouse", str(warehouse))
    assert "no published snapshot of frwiki" in _failure(capsys, "--warehouse", str(warehouse), "--wiki", "frwiki")
    (tmp_path / "file").write_text("")
    where = str(tmp_path / "file" / "page.html")
    assert f"{where}: cannot be written" in _failure(capsys, "--warehouse", str(warehouse), "--wiki", "dewiki", "--out", where)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_without_a_screen_the_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    write_mapped(tmp_path / "w", LIBRARY)
    monkeypatch.chdir(tmp_path)
    _explore("--warehouse", str(tmp_path / "w"))
    said = capsys.readouterr()
    assert said.out.startswith("bookspace-enwiki-20260101.html: ")
    assert "open the file in one" in said.err


def test_modules_stand_behind_what_they_import_and_once() -> None:
    text = joined_modules()
    files = [path.name for path in (Path(page.__file__).parent / "web").glob("*.js")]
    assert sorted(re.findall(r"^// (\w+\.js)$", text, re.MULTILINE)) == sorted(files)
    assert not re.search(r"^(import|export)\b", text, re.MULTILINE)
    names = re.findall(r"^(?:async )?(?:const|let|function|class) (\w+)", text, re.MULTILINE)
    assert len(names) == len(set(names)), "two modules give one name to different things"


def test_nothing_in_a_script_ends_its_element() -> None:
    assert script_text("a = '</SCRIPT>' + \"<!--\" + '<script>'; b<c") == r"a = '\x3c/SCRIPT>' + \"\x3c!--\" + '\x3cscript>'; b<c".replace(
        '\\"', '"'
    )


def test_what_is_filled_in_is_not_filled_again() -> None:
    assert fill_template("@@a@@ @@b@@", {"a": "@@b@@", "b": "c"}) == "@@b@@ c"


def test_the_vendored_bundle_is_the_one_that_its_note_names() -> None:
    vendor = Path(page.__file__).parents[1] / "vendor"
    digest = hashlib.sha256((vendor / "deck.gl" / "deck.min.js").read_bytes()).hexdigest()
    assert digest in (vendor / "README.md").read_text(encoding="utf-8")
    assert "MIT" in (vendor / "deck.gl" / "LICENSE").read_text(encoding="utf-8") + (vendor / "README.md").read_text(encoding="utf-8")
