"""Pairs and negatives read from real Parquet files through Petastorm and through pyarrow, and what the released Petastorm does to them."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from embedding.errors import WarehouseError
from embedding.tables import TABLES
from embedding.train.feed.files import File, choose_files
from embedding.train.feed.parquet import READERS, Reader, read_files, read_pairs
from embedding.train.feed.serve import MemoryFeed, Part


def _write(
    file: Path, rows: int, split: str | Sequence[str] = "train", draw: int | Sequence[int] = 0, start: int = 0, per_group: int = 1000
) -> Path:
    """A file of negatives whose rows tell where they came from."""
    columns = {
        "book_id": np.random.default_rng(start).integers(0, 10**6, rows),
        "link_id": np.arange(start, start + rows),
        "draw": [draw] * rows if isinstance(draw, int) else draw,
        "split": [split] * rows if isinstance(split, str) else split,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns, schema=TABLES["negatives"].columns), file, compression="zstd", row_group_size=per_group)
    return file


def _expected(files: Sequence[Path]) -> np.ndarray:
    tables = [pq.ParquetFile(file).read(columns=["book_id", "link_id"]) for file in files]
    return np.column_stack([pa.concat_tables(tables)[name].to_numpy() for name in ("book_id", "link_id")])


def test_rows_come_as_they_were_written_from_several_files_and_row_groups(tmp_path: Path) -> None:
    files = [_write(tmp_path / f"part-{number:05}.parquet", 700 + number, start=1000 * number, per_group=100) for number in range(12)]
    found = read_pairs(files, split="train")
    assert found.dtype == np.int32
    assert (found == _expected(files)).all()
    assert (read_pairs(files[::-1], split="train") == found).all(), "the order is that of the names"


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    files = [_write(tmp_path / f"{number}.parquet", 500, start=500 * number, per_group=50) for number in range(3)]
    assert (read_pairs(files, split="train") == read_pairs(files, split="train")).all()


def test_files_are_chosen_by_split_and_draw(tmp_path: Path) -> None:
    made = {
        (split, draw): _write(tmp_path / f"{split}-{draw}.parquet", 10 + draw, split, draw, start=100 * draw + len(split))
        for split in ("train", "valid", "test")
        for draw in (0, 1, 2)
    }
    files = list(made.values())
    assert choose_files(files, {"split": "valid", "draw": 1}) == [File(made["valid", 1], 11)]
    assert (read_pairs(files, split="train", draw=2) == _expected([made["train", 2]])).all()
    assert (read_pairs(files, split="test") == _expected([made["test", draw] for draw in (0, 1, 2)])).all()
    assert len(read_pairs(files)) == 0, "nothing wanted, nothing given"


@pytest.mark.parametrize("wanted", [{"split": "none"}, {"split": "train", "draw": 7}])
def test_an_empty_selection_has_the_right_shape(tmp_path: Path, wanted: dict[str, str | int]) -> None:
    found = read_pairs([_write(tmp_path / "a.parquet", 5)], **wanted)
    assert found.shape == (0, 2)
    assert found.dtype == np.int32


def test_no_files_and_empty_files_give_nothing(tmp_path: Path) -> None:
    assert read_pairs([], split="train").shape == (0, 2)
    empty, full = _write(tmp_path / "a.parquet", 0), _write(tmp_path / "b.parquet", 3)
    assert read_pairs([empty], split="train").shape == (0, 2)
    assert choose_files([empty, full], {"split": "train"}) == [File(full, 3)]
    assert (read_pairs([empty, full], split="train") == _expected([full])).all()


@pytest.mark.parametrize(("per_group", "why"), [(4, "rows of more than one split"), (2, "rows of more than one split")])
def test_a_file_that_mixes_splits_is_refused(tmp_path: Path, per_group: int, why: str) -> None:
    file = _write(tmp_path / "mixed.parquet", 4, ["train", "train", "valid", "valid"], per_group=per_group)
    for split in ("train", "valid"):
        with pytest.raises(WarehouseError, match=rf"mixed\.parquet: holds {why}; run the step that writes it again"):
            read_pairs([file], split=split)


def test_a_file_that_mixes_draws_is_refused(tmp_path: Path) -> None:
    file = _write(tmp_path / "mixed.parquet", 4, draw=[0, 0, 1, 1])
    assert len(read_pairs([file], split="train")) == 4, "where draws do not matter it may"
    with pytest.raises(WarehouseError, match="holds rows of more than one draw"):
        read_pairs([file], split="train", draw=0)


def test_a_file_without_statistics_is_refused_and_not_guessed_at(tmp_path: Path) -> None:
    pq.write_table(pq.ParquetFile(_write(tmp_path / "a.parquet", 4)).read(), tmp_path / "b.parquet", write_statistics=False)
    with pytest.raises(WarehouseError, match=r"b\.parquet: holds rows of more than one split"):
        read_pairs([tmp_path / "b.parquet"], split="train")


@pytest.mark.parametrize("name", ["wiki=enwiki/snapshot=20240101", "a folder of mine", "100% %20", "Bücher 书籍", "split=valid/draw=3"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    files = [_write(tmp_path / name / f"part {number}.parquet", 20, start=20 * number) for number in range(2)]
    assert (read_pairs(files, split="train", draw=0) == _expected(files)).all()


def test_a_relative_path_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _write(tmp_path / "here" / "a.parquet", 20)
    monkeypatch.chdir(tmp_path)
    assert (read_pairs([Path("here/a.parquet")], split="train") == _expected([file])).all()


@pytest.mark.parametrize("reader", READERS)
def test_both_readers_give_the_same(tmp_path: Path, reader: Reader) -> None:
    files = [_write(tmp_path / f"{number}.parquet", 700 + number, start=1000 * number, per_group=150) for number in range(5)]
    assert (read_pairs(files, reader, split="train") == _expected(files)).all()


@pytest.mark.parametrize("reader", READERS)
def test_rows_that_went_or_came_since_the_footers_were_read_are_missed(tmp_path: Path, reader: Reader) -> None:
    chosen = choose_files([_write(tmp_path / "a.parquet", 500)], {"split": "train"})
    for rows in (499, 501, 2000):
        _write(tmp_path / "a.parquet", rows)
        with pytest.raises(WarehouseError, match=f"500 rows are there and {rows:,} were read; run train_embedding again"):
            read_files(chosen, reader)


@pytest.mark.parametrize("reader", READERS)
def test_a_null_is_an_error_and_no_number(tmp_path: Path, reader: Reader) -> None:
    rows = {"book_id": [1, None, 3], "link_id": [1, 2, 3], "draw": [0] * 3, "split": ["train"] * 3}
    pq.write_table(pa.table(rows, schema=TABLES["negatives"].columns), tmp_path / "a.parquet")
    with pytest.raises(WarehouseError, match="book_id holds nulls; run the step that writes it again"):
        read_pairs([tmp_path / "a.parquet"], reader, split="train")


# What the released Petastorm does, which is why only its plain reading is used here. A test that fails says that a fault is mended.


def _released(files: Sequence[Path], **options: Any) -> list[int]:
    """The link_id of every row that make_batch_reader itself gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from petastorm import make_batch_reader

        urls = [f"file://{file}" for file in files]
        with make_batch_reader(urls, schema_fields=["link_id"], workers_count=1, num_epochs=1, **options) as reader:
            return [int(number) for batch in reader for number in batch.link_id]


def test_the_released_loader_that_keeps_rows_in_memory_stops_early_and_ours_does_not(tmp_path: Path) -> None:
    files = [_write(tmp_path / f"{number}.parquet", 600, start=600 * number) for number in range(4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from petastorm import make_batch_reader
        from petastorm.pytorch import InMemBatchedDataLoader

        urls = [f"file://{file}" for file in files]
        with make_batch_reader(urls, schema_fields=["link_id"], workers_count=1, num_epochs=1) as reader:
            found = sum(len(batch["link_id"]) for batch in InMemBatchedDataLoader(reader, batch_size=100, num_epochs=1))
    assert found == 1024, "of 2,400 rows"
    ours = MemoryFeed([read_pairs(files, split="train")], 1, torch.device("cpu"))
    assert sum(len(share) for share in ours.shares(0, 24, 0, Part())) == 2400


def test_the_released_reader_loses_and_doubles_rows_where_it_cuts_row_groups(tmp_path: Path) -> None:
    file = _write(tmp_path / "a.parquet", 1000, per_group=100)
    found = _released([file], shuffle_rows=True, shuffle_row_drop_partitions=4)
    assert len(set(found)) < 1000
    assert sorted(read_pairs([file], split="train")[:, 1]) == list(range(1000))


def test_the_released_reader_turns_a_null_into_another_number(tmp_path: Path) -> None:
    rows = {"book_id": [1, 2, 3], "link_id": [1, None, 3], "draw": [0] * 3, "split": ["train"] * 3}
    pq.write_table(pa.table(rows, schema=TABLES["negatives"].columns), tmp_path / "a.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from petastorm import make_batch_reader

        with make_batch_reader(f"file://{tmp_path}/a.parquet", schema_fields=["link_id"], workers_count=1, num_epochs=1) as reader:
            (batch,) = list(reader)
    assert batch.link_id.dtype != np.int32
