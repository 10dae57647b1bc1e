"""Files that Spark's tasks leave as objects of a store, for executors that share no disk with the driver."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedding.errors import WarehouseError
from embedding.remote.objects import Objects


@dataclass(frozen=True)
class StoreFiles:
    """Below one prefix of a store: see embedding.task_files.TaskFiles."""

    objects: Objects
    prefix: str

    @contextmanager
    def new(self, name: str) -> Iterator[Path]:
        """A file in the executor's folder for temporary files; what stands there when the block ends is uploaded."""
        with tempfile.TemporaryDirectory(prefix="bookspace-") as scratch:
            file = Path(scratch) / name
            try:
                yield file
            except OSError as error:
                raise WarehouseError(
                    f"{scratch}: a task cannot write there what is to go to {self.objects.address}: {' '.join(str(error).split())}; "
                    "free space on the executors, or let their TMPDIR name another folder"
                ) from error
            if file.exists():
                self.objects.upload({f"{self.prefix}/{name}": file})

    def take(self, files: Mapping[str, Path]) -> None:
        """Fetch the objects; they go with the next write of the table, or with `bookspace prune`."""
        try:
            self.objects.download({f"{self.prefix}/{name}": target for name, target in files.items()})
        except FileNotFoundError as error:
            raise WarehouseError(
                f"{self.objects.address}: what a task has written below {self.prefix} is gone ({error}); another run, or "
                "`bookspace prune`, may have removed it; run the same again"
            ) from None
