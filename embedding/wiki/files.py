"""Where dump files are: on this machine, or at an address of a store that fsspec knows (s3://, gs://, hdfs://, https://)."""

import glob
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from embedding import __version__
from embedding.errors import BookspaceError, DumpError, EnvironmentProblem
from embedding.remote.objects import fsspec_options
from embedding.retries import tried

# Seconds before reading again from a store that is busy or has broken off. A big dump is thousands of requests: where one in ten fails,
# seven in a row do so once in ten millions.
WAITS = (1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
_DUMP_NAME = re.compile(r"\.xml(-p\d+p\d+)?(\.(bz2|gz|zstd?|7z|xz|zip))?$")  # -p1p2: parts of big wikis
_NOT_A_DUMP = re.compile(r"-index\d*\.txt|\.(part|resume)$")  # what `bookspace download` leaves when it is broken off
_GONE, _BUSY = (404, 410), (408, 429, 500, 502, 503, 504)
# Bytes are counted as they lie in the store, so they must not be packed on the way. Wikimedia refuses programs that do not name
# themselves: https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy.
_HTTP = {
    "auto_decompress": False,
    "headers": {"Accept-Encoding": "identity", "User-Agent": f"bookspace/{__version__} (Wikipedia dumps to vectors of books)"},
}


def find_files(dump: str) -> list[str]:
    """The dump files named by a file, a folder or a glob, sorted by name; index files of multistream dumps are left out.

    Raises:
        DumpError: there is none, or the store cannot be reached.
        EnvironmentProblem: the library for this kind of store is not installed.
    """
    with _told_as_ours(dump):
        files, folder = _remote_files(dump) if _is_remote(dump) else _local_files(dump)
    if not files:
        what = "holds no dump file (*.xml, *.xml.bz2, *.xml.gz, *.xml.zst)" if folder else "no such file"
        raise DumpError(f"{dump}: {what}; give --dump a file from https://dumps.wikimedia.org, a folder of such files or a glob")
    return sorted(files)


def size_of(path: str) -> int:
    """Bytes of a file.

    Raises:
        DumpError: there is no such file, or the store does not tell.
    """
    with _told_as_ours(path):
        size: int | None = _patiently(lambda: _store(path).info(path)).get("size") if _is_remote(path) else Path(path).stat().st_size
    if size is None:
        raise DumpError(f"{path}: its store does not tell its size, so that it cannot be read in parallel; download it first")
    return size


def changed(path: str) -> str | None:
    """The day on which a file was last changed, YYYYMMDD (UTC); None for what is not on this machine."""
    return None if _is_remote(path) else datetime.fromtimestamp(Path(path).stat().st_mtime, UTC).strftime("%Y%m%d")


def identity_of(path: str) -> dict[str, Any]:
    """By what a file that was written anew is told from the one that was there: its bytes and, on this machine, its time of change."""
    when = None if _is_remote(path) else datetime.fromtimestamp(Path(path).stat().st_mtime, UTC).isoformat()
    return {"bytes": size_of(path), "changed": when}


@contextmanager
def open_file(path: str) -> Iterator[BinaryIO]:
    """A file to read from any byte on; of a remote one, only the bytes that are asked for travel.

    Raises:
        DumpError: it cannot be opened; reading raises it too.
    """
    with _told_as_ours(path):
        local = None if _is_remote(path) else Path(path).open("rb", buffering=0)  # noqa: SIM115 - closed below
        opened = local or _patiently(lambda: _store(path).open(path, "rb", cache_type="none"))
    with opened:
        yield cast(BinaryIO, _Told(opened, path))


class _Told(io.RawIOBase):
    """A file whose errors are DumpErrors that name it, so that nobody takes them for errors of what it holds."""

    def __init__(self, file: Any, path: str) -> None:
        self._file, self._path = file, path

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        place = self.tell()

        def read() -> bytes:
            self.seek(place)
            return self._read(size)

        with _told_as_ours(self._path):
            return tried(read, _may_pass, WAITS if _is_remote(self._path) else ())

    def _read(self, size: int) -> bytes:
        data: bytes = self._file.read(size)
        return data

    def seek(self, place: int, whence: int = 0) -> int:
        with _told_as_ours(self._path):
            there: int = self._file.seek(place, whence)
        return there

    def tell(self) -> int:
        with _told_as_ours(self._path):
            place: int = self._file.tell()
        return place


def _is_remote(path: str) -> bool:
    return "://" in path


@contextmanager
def _told_as_ours(path: str) -> Iterator[None]:
    """Errors of a disk or a store, whose library may raise anything, in one line that names the file."""
    try:
        yield
    except BookspaceError:
        raise
    except Exception as error:
        raise _ours(error, path) from error


def _ours(error: Exception, path: str) -> BookspaceError:
    if isinstance(error, BookspaceError):
        return error
    if isinstance(error, FileNotFoundError):
        # HTTP stores say so of every failure, and name the true one as its cause.
        cause = error.__cause__
        if not isinstance(cause, Exception) or getattr(cause, "status", None) in _GONE:
            return DumpError(f"{path}: no such file")
        error = cause
    if status := getattr(error, "status", None):
        return DumpError(f"{path}: cannot be read: the server answers HTTP {status}" + ("; try again later" if status in _BUSY else ""))
    if isinstance(error, ValueError) and ("range requests" in str(error) or "streaming HTTP" in str(error)):
        return DumpError(f"{path}: cannot be read in parts: its server does not know HTTP ranges; download it first")
    reason = getattr(error, "strerror", None) or " ".join(str(error).split())
    return DumpError(f"{path}: cannot be read: {reason or type(error).__name__}")


def _may_pass(error: Exception) -> bool:
    """May the same request succeed a little later? Broken connections may, refusals do not."""
    status = getattr(error, "status", None)
    return status in _BUSY if status else not isinstance(error, ValueError | FileNotFoundError | PermissionError)


def _patiently(call: Callable[[], Any]) -> Any:
    """What a question to a store returns; it is put again while the store says that it is busy.

    A store that cannot be reached at all is none that will soon be there, and most often a wrong address.
    """

    def is_busy(error: Exception) -> bool:
        cause = error.__cause__ if isinstance(error, FileNotFoundError) else error  # see _ours
        return getattr(cause, "status", None) in _BUSY

    return tried(call, is_busy, WAITS)


def _store(path: str) -> Any:
    """The store of an address.

    Raises:
        DumpError: no such store is known.
        EnvironmentProblem: the library for it is not installed.
    """
    try:
        import fsspec

        options = {"client_kwargs": _HTTP} if path.startswith(("http://", "https://")) else fsspec_options(path)
        return fsspec.core.url_to_fs(path, **options)[0]
    except ImportError as error:
        raise EnvironmentProblem(
            f"{path}: {error}; pip install -c constraints.txt 'bookspace[remote,store]' brings fsspec, https, s3, gs and abfs; "
            "other stores need their own library besides"
        ) from None
    except ValueError as error:
        raise DumpError(f"{path}: {error}; give a path, or an address such as s3://bucket/file or https://host/file") from None


def _local_files(dump: str) -> tuple[list[str], bool]:
    path = Path(dump)
    if path.is_file():
        return [str(path)], False
    if path.is_dir():
        return [str(name) for name in path.iterdir() if name.is_file() and is_dump_name(name.name)], True
    found = map(Path, glob.glob(dump))  # noqa: PTH207 - may be absolute
    return [str(name) for name in found if name.is_file() and not _NOT_A_DUMP.search(name.name)], False


def _remote_files(dump: str) -> tuple[list[str], bool]:
    store = _store(dump)
    magic = re.search(r"[*[]" if dump.startswith("http") else r"[*?[]", dump)
    if magic:
        found = [store.unstrip_protocol(name) for name in store.glob(dump) if not _NOT_A_DUMP.search(name)]
        if not found:
            store.ls(dump[: dump.rfind("/", 0, magic.start()) + 1])  # says so when the store cannot be reached, as glob does not
        return found, False
    if is_dump_name(dump) or not store.isdir(dump):
        _patiently(lambda: store.info(dump))
        return [dump], False
    return [store.unstrip_protocol(name) for name in store.ls(dump, detail=False) if is_dump_name(name)], True


def is_dump_name(name: str) -> bool:
    """Does a file of a folder look like a dump, and not like an index, a sum or a download under way."""
    return _DUMP_NAME.search(name) is not None
