"""The Parquet file for embedding-atlas."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedding import cli
from tests.atlas.mapped import HOSTILE, LIBRARY, Book, write_mapped

BOOKS = [*LIBRARY, *(Book(title) for title in HOSTILE)]


def _export(folder: Path, *more: str) -> pa.Table:
    file = folder / "books.parquet"
    cli.main((), ["export", str(file), "--format", "embedding-atlas", "--warehouse", str(folder / "w"), *more])
    return pq.read_table(file)


def test_neighbours_are_row_numbers_and_distances(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mapped(tmp_path / "w", BOOKS)
    rows = _export(tmp_path).to_pylist()
    assert f"{len(BOOKS)} books of enwiki 20260101 with places and neighbours" in capsys.readouterr().out
    assert [row["title"] for row in rows] == [book.title for book in BOOKS]
    for row, book in zip(rows, BOOKS, strict=True):
        assert row["neighbors"]["ids"] == [other for other, _, _ in book.near]
        assert row["neighbors"]["distances"] == pytest.approx([1 - cosine for _, cosine, _ in book.near], abs=1e-6)
        assert (row["x"], row["y"]) == pytest.approx((20 * row["umap_y"] / 3, 20 * row["umap_x"]), abs=1e-4)
        assert row["year"] == book.year


def test_the_types_are_what_embedding_atlas_reads(tmp_path: Path) -> None:
    write_mapped(tmp_path / "w", [Book("Only one")])
    schema = _export(tmp_path).schema
    assert schema.field("x").type == schema.field("y").type == pa.float32()
    assert schema.field("neighbors").type.field("ids").type.value_type == pa.int32()
    assert schema.field("neighbors").type.field("distances").type.value_type == pa.float32()


def test_what_cannot_be_written_leaves_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mapped(tmp_path / "w", [])
    with pytest.raises(SystemExit):
        _export(tmp_path)
    assert "table book_map of enwiki 20260101 is not there" in capsys.readouterr().err
    write_mapped(tmp_path / "w", LIBRARY)
    with pytest.raises(SystemExit):
        _export(tmp_path, "--links")
    assert "links are on no map" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["w"]
