"""What other programs read: gensim itself, NumPy without pickle, Parquet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from embedding import cli
from embedding.commands.options import shown_snapshot
from embedding.errors import NotFoundError, WarehouseError
from embedding.export import formats, stored
from embedding.manifest import Snapshot
from embedding.warehouse import Warehouse, write_table

SNAPSHOT, OLD, DE = Snapshot("enwiki", "20240201"), Snapshot("enwiki", "20240101"), Snapshot("dewiki", "20240115")
TITLES = ["War and Peace", "Emma", 'The "Genius"', "L'Étranger", "戦争と平和", "Tab\tand\u00a0nbsp\u2028line", "A B", "A_B", "100%", "😀 #"]
WORDS = ["War_and_Peace", "Emma", 'The_"Genius"', "L'Étranger", "戦争と平和", "Tab_and_nbsp_line", "A_B", "A_B#2", "100%", "😀_#"]
DIMENSIONS = 7


def _vectors(rows: int) -> NDArray[np.float32]:
    """Unit vectors with hard numbers among them: tiny ones, an exact zero, a bit pattern of line breaks and spaces."""
    drawn = np.random.default_rng(1).normal(size=(rows, DIMENSIONS))
    unit = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    if rows:
        unit[0, :3] = 1e-30, 0, np.frombuffer(b"\n \n ", "<f4")[0]
    return unit


def _write(warehouse: Warehouse, snapshot: Snapshot, titles: list[str]) -> None:
    with warehouse.write("train_embedding", ["book_vectors", "link_vectors"], snapshot, {}, {}) as staged:
        vectors, rows = list(_vectors(len(titles))), len(titles)
        books = {"book_id": range(rows), "page_id": range(100, 100 + rows), "title": titles, "vector": vectors}
        write_table("book_vectors", books, staged["book_vectors"].folder, rows_per_group=4)
        pages = [None, *range(1, rows)] if rows else []
        links = {"link_id": range(rows), "page_id": pages, "title": titles, "vector": vectors, "bias": np.linspace(-1, 1, rows)}
        write_table("link_vectors", links, staged["link_vectors"].folder)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("warehouse"))
    for snapshot, titles in ((SNAPSHOT, TITLES), (OLD, ["Gone since"]), (Snapshot("enwiki", "20240301"), ["Not yet"])):
        _write(warehouse, snapshot, titles)
    for snapshot in (SNAPSHOT, OLD):
        warehouse.publish(snapshot, {})
    return warehouse


Export = Callable[..., Path]


@pytest.fixture
def export(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Export:
    """Runs `bookspace export`, in batches of four rows; the file."""
    monkeypatch.setattr(stored, "ROWS_PER_BATCH", 4)

    def run(*arguments: str, into: str = "out") -> Path:
        cli.main((), ["export", str(tmp_path / into), "--warehouse", str(warehouse.root), *arguments])
        assert [file.name for file in tmp_path.iterdir()] == [into]
        return tmp_path / into

    return run


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("links", [False, True])
def test_gensim_loads_every_word_with_its_exact_vector(export: Export, binary: bool, links: bool) -> None:
    from gensim.models import KeyedVectors

    file = export("--format", "word2vec-binary" if binary else "word2vec", *(["--links"] * links))
    loaded = KeyedVectors.load_word2vec_format(str(file), binary=binary)
    assert loaded.index_to_key == WORDS
    assert (loaded.vectors == _vectors(len(TITLES))).all()
    assert loaded.most_similar("War_and_Peace", topn=1)[0][0] in WORDS


def test_the_text_reads_by_its_specification(export: Export) -> None:
    """A reader that knows nothing but word2vec's rules: counts, then a word and numbers a line, split at any space."""
    lines = export("--format", "word2vec").read_text(encoding="utf-8").splitlines()
    assert lines[0].split() == [str(len(TITLES)), str(DIMENSIONS)]
    assert [line.split()[0] for line in lines[1:]] == WORDS
    assert {len(line.split()) for line in lines[1:]} == {1 + DIMENSIONS}


def test_numpy_loads_without_pickle(export: Export) -> None:
    with np.load(export("--format", "numpy", into="out.npz"), allow_pickle=False) as arrays:
        assert sorted(arrays) == ["ids", "titles", "vectors"]
        assert (arrays["vectors"] == _vectors(len(TITLES))).all()
        assert arrays["ids"].tolist() == list(range(100, 100 + len(TITLES)))
        assert arrays["titles"].tolist() == TITLES
    with np.load(export("--format", "numpy", "--links", into="out.npz"), allow_pickle=False) as arrays:
        assert arrays["ids"].tolist()[:3] == [-1, 1, 2]
        assert arrays["bias"] == pytest.approx(np.linspace(-1, 1, len(TITLES)))


@pytest.mark.parametrize("links", [False, True])
def test_parquet_has_ids_titles_and_vectors(export: Export, links: bool) -> None:
    table = pq.read_table(export("--format", "parquet", *(["--links"] * links)))
    assert table.column_names == ["page_id", "title", "vector", *(["bias"] * links)]
    assert table["page_id"].to_pylist()[:2] == ([None, 1] if links else [100, 101])
    assert table["title"].to_pylist() == TITLES
    assert (np.array(table["vector"].to_pylist(), np.float32) == _vectors(len(TITLES))).all()
    assert table.schema.metadata[b"snapshot"] == b"20240201"


@pytest.mark.parametrize("how", ["word2vec", "word2vec-binary", "numpy", "parquet"])
def test_the_same_vectors_give_the_same_bytes(export: Export, how: str) -> None:
    assert export("--format", how).read_bytes() == export("--format", how).read_bytes()


def test_another_snapshot_may_be_named_published_or_not(export: Export, capsys: pytest.CaptureFixture[str]) -> None:
    assert pq.read_table(export("--format", "parquet", "--snapshot", "20240301"))["title"].to_pylist() == ["Not yet"]
    assert "1 vectors of 7 numbers, book_vectors of enwiki 20240301, as parquet" in capsys.readouterr().out


def test_what_cannot_be_exported_is_said_in_one_line(warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="holds no published snapshot of frwiki; `bookspace status` lists"):
        shown_snapshot(warehouse, "frwiki")
    with pytest.raises(NotFoundError, match="holds no snapshot of 20200101"):
        shown_snapshot(warehouse, None, "20200101")
    with pytest.raises(WarehouseError, match="holds no table book_vectors of dewiki 20240115; run train_embedding first"):
        stored.StoredVectors(warehouse, DE, "book_vectors")
    other = Warehouse(tmp_path)
    _write(other, DE, [])
    with pytest.raises(WarehouseError, match="table book_vectors of dewiki 20240115 holds no vector"):
        stored.StoredVectors(other, DE, "book_vectors")
    for snapshot in (DE, SNAPSHOT):
        _write(other, snapshot, ["One"])
        other.publish(snapshot, {})
    with pytest.raises(NotFoundError, match="holds dewiki, enwiki; name one with --wiki"):
        shown_snapshot(other, None)


def test_a_write_that_fails_leaves_the_file_that_was_there(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: stored.StoredVectors, out: Any) -> str:
        out.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(formats.WRITERS, "numpy", fail)
    file = tmp_path / "out.npz"
    file.write_bytes(b"before")
    with pytest.raises(SystemExit) as ended:
        cli.main((), ["export", str(file), "--format", "numpy", "--warehouse", str(warehouse.root)])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said == f"bookspace: {file}: cannot be written: No space left on device; name another file\n"
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("out.npz", b"before")]
    with pytest.raises(SystemExit):
        cli.main((), ["export", str(file / "x"), "--format", "numpy", "--warehouse", str(warehouse.root)])
    assert "cannot be written: File exists" in capsys.readouterr().err


def test_the_command_offers_every_format() -> None:
    from embedding.commands import export

    assert set(export.FORMATS) == {*formats.WRITERS, "embedding-atlas"}
