"""A staged table made ready: checked against the contract, its files named after the run, its manifest beside them."""

import json
import uuid
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow.parquet as pq

from embedding.errors import WarehouseError
from embedding.manifest import MANIFEST, Manifest
from embedding.staging import StagedTable
from embedding.tables import TABLES, describe


def seal(base: Manifest, table: str, part: StagedTable) -> None:
    """Check a staged table against the contract and write its manifest: `base`, and what is known of this table."""
    rows = _check_files(table, part.folder) if table in TABLES else 0
    dropped = {reason: count for reason, count in part.dropped.items() if count}
    if part.rows_in is not None and part.rows_in != rows + sum(dropped.values()):
        raise WarehouseError(
            f"{base.step} lost rows of {table}: {part.rows_in} came in, {rows} are written, "
            f"{sum(dropped.values())} are counted as dropped {dropped}"
        )
    made = replace(base, id=uuid.uuid4().hex, table=table, rows_in=part.rows_in, rows_out=rows, dropped=dropped, facts=part.facts)
    for file in part.folder.glob("*.parquet") if table in TABLES else ():
        # Who reads a table by the names of its files never takes one of another run for it.
        file.rename(file.with_name(f"{file.stem}-{base.run}.parquet"))
    (part.folder / MANIFEST).write_text(json.dumps(asdict(made), indent=1, ensure_ascii=False), encoding="utf-8")


def _check_files(table: str, folder: Path) -> int:
    """Number of rows of a staged table, after checking its columns against the contract."""
    files = sorted(folder.glob("*.parquet"))
    contract = TABLES[table].columns
    if not files:
        pq.write_table(contract.empty_table(), folder / "part-00000.parquet", compression="zstd")
        return 0
    rows = 0
    for file in files:
        footer = pq.ParquetFile(file)
        rows += footer.metadata.num_rows
        if describe(footer.schema_arrow) != describe(contract):
            raise WarehouseError(f"table {table} would have the columns {describe(footer.schema_arrow)} and not {describe(contract)}")
    return rows
