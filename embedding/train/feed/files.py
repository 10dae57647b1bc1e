"""Which Parquet files hold the wanted rows, and how many, as their footers tell.

A file of `pairs` or `negatives` holds one split (and one draw).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from embedding.errors import WarehouseError


@dataclass(frozen=True)
class File:
    """A Parquet file and the number of rows that its footer promises."""

    path: Path
    rows: int


def choose_files(files: Sequence[Path], wanted: Mapping[str, str | int]) -> list[File]:
    """The files whose rows all have the wanted values, by name.

    Args:
        files: Parquet files with statistics, each with one value in each of these columns.
        wanted: column: value.

    Raises:
        WarehouseError: a file mixes values.
    """
    chosen = []
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
            chosen.append(File(file, footer.num_rows))
    return chosen
