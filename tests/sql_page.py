"""The queries of docs/sql.md: read by its test, and run anew for the answers that stand in the page.

    python -m tests.sql_page WAREHOUSE

writes into the page what the queries answer there (DuckDB). WAREHOUSE: the sample's, with two snapshots.
"""

import re
import sys
from pathlib import Path
from typing import Any

from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse

PAGE = Path(__file__).resolve().parents[1] / "docs" / "sql.md"
_QUERY = re.compile(r"```sql\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)


def queries() -> list[str]:
    """Every query of the page, in order."""
    return [match[1] for match in _QUERY.finditer(PAGE.read_text(encoding="utf-8"))]


def answers() -> list[str]:
    """The answer that stands below each query; "" where there is none."""
    return [match[2] or "" for match in _QUERY.finditer(PAGE.read_text(encoding="utf-8"))]


def as_text(columns: list[str], rows: list[tuple[Any, ...]]) -> str:
    """Rows below their columns' names, similarities with three places."""
    cells = [columns, *[[_cell(value) for value in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    return "".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in cells)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return " · ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def main(warehouse: str) -> None:
    """Write the answers into the page."""
    with open_duckdb(Warehouse(warehouse)) as connection:

        def answered(match: re.Match[str]) -> str:
            result = connection.sql(match[1])
            return f"```sql\n{match[1]}```\n\n```text\n{as_text(result.columns, result.fetchall())}```\n"

        PAGE.write_text(_QUERY.sub(answered, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
