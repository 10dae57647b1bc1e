"""bookspace report: the page as a file, and in a real browser."""

import re
from pathlib import Path
from typing import Any

import pytest

from embedding import cli
from embedding.atlas.report import maps
from embedding.warehouse import Warehouse
from tests.atlas.browser import browser
from tests.atlas.mapped import SNAPSHOT, Book, write_mapped
from tests.atlas.report.reported import pages, write_reported

SECTIONS = ["Quality", "Maps", "Known books", "Changes", "Training", "Tables", "Steps", "Settings and versions"]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_reported(folder / "warehouse")
    return _report(folder / "warehouse", folder / "new" / "a report #1.html", "--snapshot", SNAPSHOT.date)


def _report(warehouse: Path, out: Path, *more: str) -> Path:
    cli.main((), ["report", "--warehouse", str(warehouse), "--out", str(out), "--no-open", *more])
    return out


def test_the_page_is_one_file_without_scripts(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "default-src 'none'; script-src 'none'; " in text
    assert not re.search(r"<(script|link|iframe|base|object|embed)\b", text)
    assert set(re.findall(r'(?:src|srcset)="([^",]*),', text)) == {"data:image/png;base64"}
    assert not re.search(r"<[^>]*\son\w+=", text)
    assert list(page.parent.iterdir()) == [page]


def test_the_page_tells_what_was_measured_and_dropped(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall("<h2>(.*?)</h2>", text) == SECTIONS
    damaged, measured_on = "&lt;i&gt;damaged <b>2</b>", "371 pairs &lt;b&gt;"
    for told in ("Refused by a gate", "✗ missed", "✓ holds", "not measured", damaged, "+0.1000", "train.epochs", measured_on):
        assert told in text


def test_the_same_tables_give_the_same_page(page: Path, tmp_path: Path) -> None:
    again = _report(page.parents[1] / "warehouse", tmp_path / "again.html", "--snapshot", SNAPSHOT.date)
    assert again.read_bytes() == page.read_bytes()


def test_without_a_date_it_is_the_snapshot_in_view(page: Path, tmp_path: Path) -> None:
    text = _report(page.parents[1] / "warehouse", tmp_path / "page.html").read_text(encoding="utf-8")
    assert "1 Dec 2025" in text
    assert "In view" in text


def test_what_is_missing_is_named_with_the_step_that_makes_it(tmp_path: Path) -> None:
    pages(Warehouse(tmp_path), SNAPSHOT, {}, {})
    text = _report(tmp_path, tmp_path / "page.html", "--snapshot", SNAPSHOT.date).read_text(encoding="utf-8")
    for table, step in (("book_map", "draw_map"), ("neighbours", "find_neighbours"), ("neighbour_changes", "compare_snapshots")):
        assert f"The table <code>{table}</code> of this snapshot is not there or empty; the step <code>{step}</code> makes it." in text
    assert "No epoch was measured; the step <code>train_embedding</code>" in text
    assert "the step <code>publish</code>" in text


@pytest.mark.parametrize("books", [[], [Book("Alone")]])
def test_one_book_or_none(books: list[Book], tmp_path: Path) -> None:
    write_mapped(tmp_path, books)
    text = _report(tmp_path, tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count("data:image/png") == 4 * len(books)
    assert "<code>find_neighbours</code> makes it" in text


def test_without_matplotlib_there_are_no_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def missing(*_: Any) -> None:
        raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")

    monkeypatch.setattr(maps, "read_maps", missing)
    write_mapped(tmp_path, [Book("Alone")])
    assert "The maps were not drawn" in _report(tmp_path, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "pip install 'bookspace[map]'" in caplog.text


def test_what_cannot_be_shown_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mapped(tmp_path, [Book("Alone")])
    (tmp_path / "file").write_text("")
    file = str(tmp_path / "file" / "x")
    for more, said in ((["--snapshot", "20200101"], "no snapshot of 20200101"), (["--out", file], "cannot be written")):
        with pytest.raises(SystemExit):
            cli.main((), ["report", "--warehouse", str(tmp_path), "--no-open", *more])
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert said in line


def test_in_a_browser_nothing_runs_and_nothing_is_asked_for(page: Path) -> None:
    with browser() as chromium:
        for scheme, width in (("light", 1280), ("dark", 390)):
            context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
            shown = context.new_page()
            said: list[str] = []
            asked: list[str] = []
            shown.on("console", lambda message, said=said: said.append(message.text))
            shown.on("pageerror", lambda error, said=said: said.append(str(error)))
            context.on("request", lambda one, asked=asked: asked.append(one.url))
            shown.goto(page.as_uri())
            assert shown.evaluate("[...document.images].map(image => image.complete && image.naturalWidth > 500)") == [True, True]
            assert shown.evaluate("document.documentElement.scrollWidth") == width, "the page is wider than the screen"
            assert shown.evaluate("window.broken") is None
            assert shown.eval_on_selector_all("h2", "all => all.map(one => one.textContent)") == SECTIONS
            assert shown.query_selector_all("main script, main object, [onerror], [onload]") == []
            shown.click("nav >> text=Tables")
            assert shown.evaluate("location.hash") == "#tables"
            assert said == []
            assert [url for url in asked if not url.startswith(("data:", page.as_uri()))] == []
            context.close()
