"""Files for TensorBoard's projector, and TensorBoard itself with them."""

import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embedding import cli
from tests.atlas.browser import browser
from tests.atlas.mapped import HOSTILE, LIBRARY, Book, write_mapped

BOOKS = [*LIBRARY, *(Book(title, title, [title], year=-5, near=[(0, 0.2, [])]) for title in HOSTILE)]


def _projector(folder: Path, *more: str) -> Path:
    if not (folder / "w").exists():
        write_mapped(folder / "w", BOOKS)
    out = folder / "log folder"
    cli.main((), ["projector", "--warehouse", str(folder / "w"), "--out", str(out), *more])
    return out


def test_vectors_metadata_and_maps_have_a_row_a_book(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = _projector(tmp_path)
    assert "Untick “Spherize data”" in capsys.readouterr().out
    lines = (out / "metadata.tsv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(BOOKS) + 1
    rows = [line.split("\t") for line in lines]
    assert {len(row) for row in rows} == {7}
    known = {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}
    assert known["War and Peace"]["neighbours"] == "Anna Karenina (0.91) · The Idiot (0.74) · Les Misérables (0.50)"
    assert known["Alone on a shelf"] | {"title": ""} == dict.fromkeys(rows[0], "-") | {"title": ""}
    config = (out / "projector_config.pbtxt").read_text(encoding="utf-8")
    assert re.findall(r"tensor_shape: (\d+)", config) == [str(len(BOOKS)), "2"]
    vectors = np.fromfile(out / "tensors.bytes", "<f4").reshape(-1, 2)
    bookmarks = json.loads((out / "bookmarks.json").read_text(encoding="utf-8"))
    assert [one["label"] for one in bookmarks] == ["t-SNE", "UMAP"]
    for mark in bookmarks:
        assert mark["dataSetDimensions"] == list(vectors.shape)
        assert len(mark["projections"]) == len(BOOKS)
    # In these tests a book lies on the map where its vector points.
    assert np.allclose([[p["linear-x"], p["linear-y"]] for p in bookmarks[0]["projections"]], 20 * vectors, atol=1e-3)


def test_fewer_books_are_said_and_a_second_run_replaces_the_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _projector(tmp_path)
    out = _projector(tmp_path, "--books", "3")
    assert f"{len(BOOKS) - 3} books with fewer links are left out" in caplog.text
    assert len((out / "metadata.tsv").read_text(encoding="utf-8").splitlines()) == 4
    assert sorted(one.name for one in tmp_path.iterdir()) == ["log folder", "w"]


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log folder").mkdir()
    (tmp_path / "log folder" / "mine.txt").write_text("x")
    with pytest.raises(SystemExit):
        _projector(tmp_path)
    assert "holds other files; name a new folder with --out" in capsys.readouterr().err
    assert [one.name for one in (tmp_path / "log folder").iterdir()] == ["mine.txt"]


def test_without_a_map_it_says_which_step_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mapped(tmp_path / "w", [])
    with pytest.raises(SystemExit):
        _projector(tmp_path)
    assert "table book_map of enwiki 20260101 is not there; make it with the step draw_map" in capsys.readouterr().err
    assert not (tmp_path / "log folder").exists()


@pytest.mark.slow
def test_tensorboard_shows_the_books_and_our_maps(tmp_path: Path) -> None:
    if importlib.util.find_spec("tensorboard") is None:
        pytest.skip("TensorBoard is not installed: pip install -c constraints.txt '.[projector]'")
    out = _projector(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "tensorboard.main",
        "--logdir",
        str(out),
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
        "--load_fast",
        "false",
    ]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stderr
        assert any("http://" in line for line in server.stderr), "TensorBoard did not start"
        with browser() as chromium:
            page = chromium.new_page(viewport={"width": 1400, "height": 900})
            page.set_default_timeout(30_000)
            page.goto(f"http://127.0.0.1:{port}/data/plugin/projector/projector_binary.html")
            page.wait_for_selector(f"text=Points: {len(BOOKS)}")
            page.wait_for_selector("text=Dimension: 2")
            app = "document.querySelector('vz-projector-dashboard').shadowRoot.querySelector('vz-projector')"
            page.wait_for_function(f"() => {app}?.dataSet?.points[0].metadata?.neighbours")
            known = page.evaluate(f"{app}.dataSet.points.map(p => [p.metadata.title, p.metadata.neighbours])")
            assert ["War and Peace", "Anna Karenina (0.91) · The Idiot (0.74) · Les Misérables (0.50)"] in known
            page.locator(".state-radio paper-icon-button").first.click()
            page.wait_for_function(f"() => {app}.projection?.projectionType === 'custom'")
            place = page.evaluate(f"{app}.dataSet.points[0].projections")
            marks = json.loads((out / "bookmarks.json").read_text(encoding="utf-8"))
            assert place["linear-x"] == marks[0]["projections"][0]["linear-x"]
            if kept := os.environ.get("BOOKSPACE_SCREENSHOTS"):
                page.wait_for_timeout(2000)
                page.screenshot(path=str(Path(kept) / "projector.png"))
    finally:
        server.terminate()
        server.communicate(timeout=20)
        shutil.rmtree(out)
