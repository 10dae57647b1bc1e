"""Which Parquet files hold the wanted rows, and how many, as their footers tell.

A file of `pairs` or `negatives` holds one split (and one draw).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    return choose_files_by(files, wanted).get((), [])


def choose_files_by(files: Sequence[Path], wanted: Mapping[str, str | int], *keys: str) -> dict[tuple[Any, ...], list[File]]:
    """`choose_files`, those with the same values in the columns `keys` together: by these values, every footer looked at once."""
    chosen: dict[tuple[Any, ...], list[File]] = {}
    for file in sorted(files):
        footer = pq.read_metadata(file)
        names = [footer.schema.column(i).path for i in range(footer.num_columns)]
        groups = [footer.row_group(i) for i in range(footer.num_row_groups) if footer.row_group(i).num_rows]
        values = {column: {_value(group.column(names.index(column)).statistics) for group in groups} for column in (*wanted, *keys)}
        for column, found in values.items():
            if None in found or len(found) > 1:
                raise WarehouseError(f"{file}: holds rows of more than one {column}; run the step that writes it again")
        if groups and wanted and all(values[column] == {value} for column, value in wanted.items()):
            chosen.setdefault(tuple(next(iter(values[key])) for key in keys), []).append(File(file, footer.num_rows))
    return chosen


def _value(statistics: Any) -> Any:
    """The one value of a row group's column; None where there are several, or nothing tells."""
    known = statistics is not None and statistics.has_min_max and statistics.min == statistics.max
    return statistics.min if known else None
