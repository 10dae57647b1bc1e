"""The objects below one address of an object store. The only file that imports obstore, which tries what may pass ten times by itself."""

import io
import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from embedding.errors import BookspaceError, EnvironmentProblem, WarehouseError
from embedding.retries import Result, tried

SCHEMES = ("s3", "s3a", "gs", "abfs", "abfss", "az", "azure", "adl", "file")
AT_ONCE = 8  # transfers
PARTS_AT_ONCE = 4  # of one file that is written in parts, which are held in memory
SECONDS_BETWEEN_LINES = 15.0  # of the log
WAITS = (1.0, 5.0, 20.0)  # seconds before a whole transfer is tried again that obstore has given up
log = logging.getLogger("bookspace")


@dataclass(frozen=True)
class Found:
    """An object in a listing: its bytes, and when it was written (the store's clock)."""

    bytes: int
    written: datetime


@dataclass(frozen=True)
class Objects:
    """The objects below an address. Keys are relative to it. Travels to executors, which connect anew.

    Credentials, region and endpoint come from the store's own environment variables (AWS_..., GOOGLE_..., AZURE_...) or from the machine.
    """

    address: str

    def __post_init__(self) -> None:
        scheme = self.address.partition("://")[0]
        if scheme not in SCHEMES:
            raise WarehouseError(
                f"{self.address}: no object store that is known; give s3://, gs:// or abfs://, or a folder: what else there is "
                "(hdfs, nfs) is mounted"
            )

    def __getstate__(self) -> dict[str, Any]:
        return {"address": self.address}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)

    def read(self, key: str) -> bytes:
        """The content of an object.

        Raises:
            FileNotFoundError: there is none.
            WarehouseError: the store does not answer, or refuses.
        """
        return self._tried(key, lambda: bytes(self._obstore.get(self._store, key).bytes()))

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Some bytes of an object.

        Raises:
            FileNotFoundError: there is no such object.
            WarehouseError: the store does not answer, or refuses.
        """

        def get() -> bytes:
            found = bytes(self._obstore.get_range(self._store, key, start=start, length=length))
            if len(found) != length:
                raise ConnectionError(f"broke off after {len(found):,} of {length:,} bytes")
            return found

        return self._tried(key, get)

    def write(self, key: str, content: bytes) -> None:
        """Write an object, in the place of one that is there."""
        self._tried(key, lambda: self._obstore.put(self._store, key, content))

    def create(self, key: str, content: bytes) -> bool:
        """Write an object if none of its name is there, and tell whether that was so. Of several who try, one succeeds.

        One who succeeds, and does not hear of it, tries again and is told False: content must tell whose it is.
        """
        exceptions = self._obstore.exceptions

        def put() -> bool:
            try:
                self._obstore.put(self._store, key, content, mode="create")
            except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
                return False
            return True

        return self._tried(key, put)

    def upload(self, files: Mapping[str, Path]) -> None:
        """Write files as objects, by key, several at once. What was written before an error stays there."""
        put, many = self._obstore.put, PARTS_AT_ONCE
        self._each(files.items(), lambda one: self._tried(one[0], lambda: put(self._store, *one, max_concurrency=many)), "written")

    def download(self, objects: Mapping[str, Path]) -> None:
        """Write objects, by key, into files, several at once. A file is there whole or not at all.

        Raises:
            FileNotFoundError: an object is not there.
        """
        self._each(objects.items(), lambda one: self._tried(one[0], lambda: self._fetch(*one)), "fetched")

    def _fetch(self, key: str, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
        try:
            answer = self._obstore.get(self._store, key)
            with partial.open("wb") as out:
                for chunk in answer.stream(min_chunk_size=1 << 22):
                    out.write(chunk)
            if (there := partial.stat().st_size) != answer.meta["size"]:
                raise ConnectionError(f"broke off after {there:,} of {answer.meta['size']:,} bytes")
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)

    def list(self, prefix: str = "") -> dict[str, Found]:
        """The objects whose keys begin with a folder's name; all of them if none is given."""

        def listed() -> dict[str, Found]:
            chunks = self._obstore.list(self._store, prefix or None, chunk_size=1000)
            return {one["path"]: Found(one["size"], one["last_modified"]) for chunk in chunks for one in chunk}

        return self._tried(prefix, listed)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; one that is gone already is no error."""

        def remove(key: str) -> None:
            with suppress(FileNotFoundError):
                self._tried(key, lambda: self._obstore.delete(self._store, key))

        self._each(keys, remove)

    @staticmethod
    def _each(things: Iterable[Any], do: Callable[[Any], Any], what: str = "") -> None:
        """Do it to all, several at once; say every few seconds how far it is."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            waiting = [pool.submit(do, thing) for thing in things]
            started = told = time.monotonic()
            try:
                for done, one in enumerate(waiting, 1):
                    one.result()
                    if what and (now := time.monotonic()) - told > SECONDS_BETWEEN_LINES:
                        told, rate = now, done / (now - started)
                        left = (len(waiting) - done) / rate
                        log.info("%s: %d of %d files, %.3g files/s, %.0f s left", what, done, len(waiting), rate, left)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _tried(self, key: str, do: Callable[[], Result]) -> Result:
        """What `do` gives, after more attempts if the store fails in a way that may pass."""

        def tell(error: Exception, seconds: float) -> None:
            log.warning("%s: %s; trying again in %.0f s", self._name(key), _first_line(error), seconds)

        try:
            return tried(do, self._may_pass, WAITS, tell)
        except Exception as error:
            raise self._ours(key, error) from error

    def _may_pass(self, error: Exception) -> bool:
        """May the same succeed a little later? What broke off may; what was refused, or is the local disk's to say, does not."""
        if re.search(r"status code: 4\d\d", str(error)):
            return False
        return isinstance(error, ConnectionError | TimeoutError | self._obstore.exceptions.GenericError)

    def _ours(self, key: str, error: Exception) -> Exception:
        """An error of the store in one line; that nothing is there, and what the local disk says, stay as they are."""
        no_bucket = "NoSuchBucket" in str(error)
        local = isinstance(error, OSError) and not isinstance(error, ConnectionError | TimeoutError) and not no_bucket
        if local or isinstance(error, BookspaceError):
            return error
        mend = "make the bucket" if no_bucket else "look at credentials and endpoint (AWS_..., GOOGLE_..., AZURE_...), and try again"
        return WarehouseError(f"{self._name(key)}: the store does not do what it is asked ({_first_line(error)}); {mend}")

    def _name(self, key: str) -> str:
        return f"{self.address.rstrip('/')}/{key}"

    @property
    def _obstore(self) -> Any:
        try:
            import obstore
            import obstore.exceptions
        except ModuleNotFoundError:
            raise EnvironmentProblem(
                f"{self.address}: obstore is not installed; pip install -c constraints.txt 'bookspace[store]'"
            ) from None
        return obstore

    @cached_property
    def _store(self) -> Any:
        _ = self._obstore
        from obstore.store import from_url

        options = {"mkdir": True} if self.address.startswith("file://") else _options()
        try:
            return from_url(self.address, **options)
        except Exception as error:
            raise WarehouseError(f"{self.address}: cannot be opened ({_first_line(error)})") from error


class ObjectFile(io.RawIOBase):
    """An object as a file to read from any byte on: only the bytes that are asked for travel."""

    def __init__(self, objects: Objects, key: str, size: int) -> None:
        self._objects, self._key, self._size, self._place = objects, key, size, 0

    def readable(self) -> bool:
        """See io.RawIOBase."""
        return True

    def seekable(self) -> bool:
        """See io.RawIOBase."""
        return True

    def tell(self) -> int:
        """See io.RawIOBase."""
        return self._place

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        """See io.RawIOBase."""
        self._place = place + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def read(self, size: int = -1) -> bytes:
        """See io.RawIOBase."""
        left = max(0, self._size - self._place)
        length = left if size < 0 else min(size, left)
        found = self._objects.read_range(self._key, self._place, length) if length else b""
        self._place += length
        return found


def fsspec_options(address: str) -> dict[str, Any]:
    """Let fsspec open an address by obstore, where its own library for that store (s3fs, gcsfs) is not installed; with what options.

    Raises:
        ImportError: neither is installed.
    """
    import fsspec

    scheme = address.partition("://")[0]
    if scheme not in SCHEMES or scheme == "file":
        return {}
    try:
        known = fsspec.get_filesystem_class(scheme)
    except ImportError:
        from obstore.fsspec import register

        register(scheme)
        return _options()
    return _options() if known.__module__.startswith("obstore") else {}


def _options() -> dict[str, Any]:
    """How often to try again, and that a store of one's own, at http://, is meant: object_store wants to be told twice."""
    client: dict[str, Any] = {"timeout": timedelta(minutes=10)}
    if os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):
        client["allow_http"] = True
    return {"retry_config": {"max_retries": 10, "retry_timeout": timedelta(minutes=3)}, "client_options": client}


def _first_line(error: Exception) -> str:
    text = str(error).partition("\n\nDebug source")[0].partition("<?xml")[0]
    return " ".join(text.split())[:300] or type(error).__name__
