"""`<name>.part`: a file as far as it has come, with its running SHA-1, locked against a second download of the same file.

Beside it, `<name without .xml>.resume` notes which content the part belongs to: the published sum, and the ETag or date that the site
gave. It is named so that no reader of the folder takes it for a dump.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from embedding.download.site import DumpFile
from embedding.errors import DownloadError

CHUNK = 1 << 20


class Part:
    """The part of one file; a context manager that closes it, and leaves on disk what has come.

    Attributes:
        size: bytes that are there.
    """

    def __init__(self, file: DumpFile, folder: Path) -> None:
        self._file = file
        self._final = folder / file.name
        self._path, self._note = _names(file, folder)
        self._stream = open(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")  # noqa: PTH123, SIM115 - made, never cut
        try:
            self._lock()
            self._version = self._noted()
            self._start()
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> "Part":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stream.close()

    @property
    def if_range(self) -> str | None:
        """What names the version of the file that this is a part of, for the header If-Range; None: the site named none."""
        version = self._version or {}
        etag = version.get("ETag", "")
        return etag if etag.startswith('"') else version.get("Last-Modified")  # a weak ETag (W/"...") does not vouch for bytes

    def belongs_to(self, headers: Mapping[str, str]) -> bool:
        """Whether an answer with these headers is about the version that this is a part of."""
        version = self._version or {}
        return all(headers[name] == value for name, value in version.items() if name in headers)

    def begin(self, headers: Mapping[str, str]) -> None:
        """Note the version that the site is about to send."""
        version = {name: headers[name] for name in ("ETag", "Last-Modified") if name in headers}
        if version != self._version:
            self._version = version
            self._note.write_text(json.dumps({"sha1": self._file.sha1, **version}), encoding="utf-8")

    def write(self, chunk: bytes) -> None:
        """Append."""
        self._stream.write(chunk)
        self._stream.flush()
        self._sum.update(chunk)
        self.size += len(chunk)

    def reset(self) -> None:
        """Throw away what is there."""
        self._version = None
        self._note.unlink(missing_ok=True)
        self._start()

    def difference(self) -> str | None:
        """In which way the whole is not what is published; None: it is."""
        return difference(self._sum.hexdigest(), self._file)

    def finish(self) -> None:
        """Give the file its name, for good."""
        os.fsync(self._stream.fileno())
        self._path.rename(self._final)
        folder = os.open(self._final.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._note.unlink(missing_ok=True)

    def delete(self) -> None:
        """Leave nothing of it."""
        delete_part(self._file, self._final.parent)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken = not self._path.exists() or not os.path.samestat(os.fstat(self._stream.fileno()), self._path.stat())
        except BlockingIOError:
            taken = True
        except OSError:  # a file system without locks
            taken = False
        if taken:
            raise DownloadError(f"{self._path}: another download is at work on it; wait until it is done")

    def _noted(self) -> dict[str, str] | None:
        """The version of which a part is there; None: no part, or none of the content that is published now."""
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            return {str(k): str(v) for k, v in note.items() if k != "sha1"} if note["sha1"] == self._file.sha1 else None
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _start(self) -> None:
        """Go to the end of what is there, with its sum; cut off what is of no use."""
        self.size = 0
        self._sum = hashlib.sha1(usedforsecurity=False)
        self._stream.seek(0)
        if self._version is not None:
            while chunk := self._stream.read(CHUNK):
                self._sum.update(chunk)
                self.size += len(chunk)
        else:
            self._stream.truncate()


def delete_part(file: DumpFile, folder: Path) -> None:
    """Leave nothing of a part."""
    for path in _names(file, folder):
        path.unlink(missing_ok=True)


def _names(file: DumpFile, folder: Path) -> tuple[Path, Path]:
    return folder / f"{file.name}.part", folder / f"{file.name.replace('.xml', '')}.resume"


def difference(digest: str, file: DumpFile) -> str | None:
    """In which way a sum is not the published one; None: it is."""
    return None if digest == file.sha1 else f"its SHA-1 is {digest}, and {file.sha1} is published"
