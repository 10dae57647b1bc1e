"""Files that pass between Spark's tasks and the driver as objects of a store, where they share no disk."""

import fcntl
import platform
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyspark import SparkFiles

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
        with ExitStack() as stack:
            try:
                file = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bookspace-"))) / name
                yield file
            except OSError as error:
                raise WarehouseError(
                    f"{platform.node()}: a task cannot write into the folder for temporary files what is to go to {self.objects.address}: "
                    f"{' '.join(str(error).split())}; free space there, or let the executors' TMPDIR name another folder"
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


@dataclass(frozen=True)
class LentObjects:
    """Files of the driver that lie as objects below a prefix: see embedding.exchange.Lent."""

    objects: Objects
    prefix: str
    names: tuple[str, ...]

    def place(self) -> Path:
        """A folder of this executor's, which goes with it; the first of its processes that asks fetches the files, and the others wait."""
        folder = Path(SparkFiles.getRootDirectory()) / f"bookspace-{self.prefix.rpartition('-')[2]}"
        folder.mkdir(exist_ok=True)
        with (folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            wanted = {f"{self.prefix}/{name}": folder / name for name in self.names if not (folder / name).exists()}
            self.objects.download(wanted)
        return folder
