"""Files that commands write: whole or not at all."""

from pathlib import Path

import pytest

from embedding.commands.files import written_beside
from embedding.errors import WarehouseError


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "page"
    with written_beside(file, "file") as partial:
        partial.write_text("new")
        assert not file.exists()
    assert file.read_text() == "new"
    with pytest.raises(RuntimeError):
        _fail(file)
    assert file.read_text() == "new"
    assert list(file.parent.iterdir()) == [file]


def _fail(file: Path) -> None:
    with written_beside(file, "file") as partial:
        partial.write_text("half")
        raise RuntimeError


def test_a_folder_beside_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    (tmp_path / ".out.partial" / "left").mkdir(parents=True)  # by a run that was killed
    with written_beside(Path(), "folder") as partial:
        partial.mkdir()
        (partial / "file").write_text("new")
        (partial / "file").replace("file")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "file"]


def test_what_cannot_be_written_is_said_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path, why in ((tmp_path / "file" / "page", "File exists"), (tmp_path, "Is a directory")):
        with pytest.raises(WarehouseError, match=f"{path}: cannot be written: {why}; name another file with --out"):
            _write(path)


def _write(file: Path) -> None:
    with written_beside(file, "file with --out") as partial:
        partial.write_text("new")
