"""Two machines that know nothing of each other but the address of one warehouse."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedding.manifest import Manifest, Snapshot
from embedding.warehouse import Warehouse, write_table

SNAPSHOT, LATER = Snapshot("testwiki", "20240101"), Snapshot("testwiki", "20240201")


def links(*titles: str) -> dict[str, list[Any]]:
    """Columns of the table links."""
    count = len(titles)
    return {
        "link_id": list(range(count)), "title": list(titles), "page_id": [7] * count, "kind": ["article"] * count, "books": [2] * count,
    }  # fmt: skip


class Machine:
    """A machine with a cache of its own."""

    def __init__(self, address: str, cache: Path) -> None:
        self.address, self.cache = address, cache

    def open(self) -> Warehouse:
        """The warehouse, opened anew, as every command and step does."""
        return Warehouse(self.address, str(self.cache))

    def write(self, *titles: str, model: bytes = b"", step: str = "build_pairs", snapshot: Snapshot = SNAPSHOT) -> Mapping[str, Manifest]:
        """Write the table links and the folder model, as one step."""
        warehouse = self.open()
        return write_links(warehouse, titles, model, step, snapshot)

    def titles(self, snapshot: Snapshot = SNAPSHOT) -> list[str]:
        """What the table links holds."""
        import pyarrow.parquet as pq

        found: list[str] = pq.read_table(self.open().files("links", snapshot), partitioning=None)["title"].to_pylist()
        return found


def write_links(
    warehouse: Warehouse, titles: Sequence[str], model: bytes = b"", step: str = "build_pairs", snapshot: Snapshot = SNAPSHOT
) -> Mapping[str, Manifest]:
    """Write the table links and the folder model, as one step, in a warehouse that is open."""
    with warehouse.write(step, ["links", "model"], snapshot, {}, {"seed": 1}) as staged:
        write_table("links", links(*titles), staged["links"].folder)
        (staged["model"].folder / "model.pt").write_bytes(model)
    return {table: warehouse.manifest(table, snapshot) for table in ("links", "model")}
