"""Whole columns of Parquet files, through Petastorm or plain pyarrow. The only file that imports petastorm.

Petastorm is used where the released library is exact and fast: one worker, row groups in their order, one pass, no shuffling of its
own; what it shuffles, shards or keeps in memory, it may lose or double. Every reading is counted against the footers.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embedding.errors import WarehouseError
from embedding.train.feed.files import File, choose_files
from embedding.warehouse import address

Reader = Literal["petastorm", "pyarrow"]
Pairs = NDArray[np.int32]
COLUMNS = ("book_id", "link_id")


def read_pairs(files: Sequence[Path], reader: Reader = "petastorm", **wanted: str | int) -> Pairs:
    """book_id and link_id of the rows with the wanted values, shape (rows, 2), in the order in which they were written.

    Raises:
        WarehouseError: a file mixes values, or another number of rows came than the footers promise.
    """
    return read_files(choose_files(files, wanted), reader)


def read_files(files: Sequence[File], reader: Reader = "petastorm") -> Pairs:
    """book_id and link_id of all rows of the files, shape (rows, 2): by the files' names, and in each as they were written.

    Raises:
        WarehouseError: another number of rows came than the footers promised when the files were chosen, or one is null.
    """
    rows = sum(file.rows for file in files)
    result = np.empty((rows, 2), dtype=np.int32)
    if not rows:
        return result
    paths = sorted(file.path for file in files)
    filled = 0
    for columns in READERS[reader](paths):
        count = len(columns[0])
        for place, column in enumerate(columns):
            if column.dtype != np.int32:  # what has a null comes as something else
                raise WarehouseError(f"{paths[0].parent}: {COLUMNS[place]} holds nulls; run the step that writes it again")
            if filled + count <= rows:
                result[filled : filled + count, place] = column
        filled += count
    if filled != rows:
        raise WarehouseError(f"{paths[0].parent}: {rows:,} rows are there and {filled:,} were read; run train_embedding again")
    return result


def _by_petastorm(paths: Sequence[Path]) -> Iterator[Sequence[NDArray[Any]]]:
    """The columns of each row group."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of pyarrow 14, about names that petastorm 0.12.1 still uses
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", ResourceWarning)  # petastorm leaves closing its files to the garbage collector
        from petastorm import make_batch_reader

        addresses = [address(path) for path in paths]
        with make_batch_reader(addresses, schema_fields=[*COLUMNS], workers_count=1, shuffle_row_groups=False, num_epochs=1) as reader:
            for batch in reader:
                yield [getattr(batch, name) for name in COLUMNS]


def _by_pyarrow(paths: Sequence[Path]) -> Iterator[Sequence[NDArray[Any]]]:
    """The columns of each row group."""
    import pyarrow.parquet as pq

    for path in paths:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=[*COLUMNS])
                yield [table[name].to_numpy() for name in COLUMNS]


READERS: dict[Reader, Callable[[Sequence[Path]], Iterator[Sequence[NDArray[Any]]]]] = {"petastorm": _by_petastorm, "pyarrow": _by_pyarrow}
