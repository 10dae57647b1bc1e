"""Pairs and negatives from Parquet, through Petastorm. The only file that imports petastorm.

A file of these tables holds one split (and one draw), as its footer's statistics say, so the feed picks files and reads whole columns.
Petastorm is used where it is fast and exact: one worker, row groups in order, no shuffling of its own (the trainer shuffles on its
device); the rows that come are counted against the footers.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedding.errors import WarehouseError
from embedding.warehouse import address


def choose_files(files: Sequence[Path], wanted: Mapping[str, str | int]) -> tuple[list[Path], int]:
    """The files whose rows all have the wanted values, and the number of their rows, as the footers tell.

    Args:
        files: Parquet files with statistics, each with one value in each of these columns.
        wanted: column: value.

    Raises:
        WarehouseError: a file mixes values.
    """
    chosen, rows = [], 0
    for file in sorted(files):
        footer = pq.read_metadata(file)
        names = [footer.schema.column(i).path for i in range(footer.num_columns)]
        verdicts = set()
        for group in range(footer.num_row_groups):
            if footer.row_group(group).num_rows == 0:
                continue
            for column, value in wanted.items():
                statistics = footer.row_group(group).column(names.index(column)).statistics
                if statistics is None or not statistics.has_min_max or statistics.min != statistics.max:
                    raise WarehouseError(f"{file}: holds rows of more than one {column}; run the step that writes it again")
                verdicts.add((group, statistics.min == value))
        kept = {group for group, _ in verdicts} - {group for group, right in verdicts if not right}
        if kept and len(kept) != len({group for group, _ in verdicts}):
            raise WarehouseError(f"{file}: holds row groups of more than one {' and '.join(wanted)}; run the step that writes it again")
        if kept:
            chosen.append(file)
            rows += footer.num_rows
    return chosen, rows


def read_pairs(files: Sequence[Path], **wanted: str | int) -> NDArray[np.int32]:
    """book_id and link_id of the rows with the wanted values, shape (rows, 2), in the order in which they were written.

    Raises:
        WarehouseError: Petastorm gave another number of rows than the footers promise.
    """
    chosen, rows = choose_files(files, wanted)
    result = np.empty((rows, 2), dtype=np.int32)
    if not rows:
        return result
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of pyarrow 14, about names that petastorm 0.12.1 still uses
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", ResourceWarning)  # petastorm leaves closing its files to the garbage collector
        from petastorm import make_batch_reader

        filled = 0
        with make_batch_reader(
            [address(file) for file in chosen],
            schema_fields=["book_id", "link_id"],
            workers_count=1,
            shuffle_row_groups=False,
            num_epochs=1,
        ) as reader:
            for batch in reader:
                count = len(batch.book_id)
                if filled + count <= rows:
                    result[filled : filled + count, 0] = batch.book_id
                    result[filled : filled + count, 1] = batch.link_id
                filled += count
    if filled != rows:
        raise WarehouseError(f"{chosen[0].parent}: {rows:,} rows are there and {filled:,} were read; run train_embedding again")
    return result
