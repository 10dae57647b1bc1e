"""One file of a dump: fetched, taken up again where it broke off, checked against the published size and SHA-1, and then named.

The final name appears only when all is right. A part is gone on with only if the site says that it is still the same file (If-Range);
where it sends the whole instead, the part is thrown away. See RFC 9110, 13.1.5 and 14.
"""

import hashlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path

from embedding.download.part import CHUNK, Part, delete_part, difference
from embedding.download.progress import Progress
from embedding.download.site import DumpFile
from embedding.download.web import MissingError, PassingError, Patience, Stopped, Web
from embedding.errors import DownloadError

FILE_TRIES = 8  # attempts in a row that get no further: with their waits, about two minutes
log = logging.getLogger("bookspace")


class _WrongContentError(Exception):
    """The site has another file than the published one."""


def fetch(file: DumpFile, folder: Path, web: Web, progress: Progress) -> None:
    """Bring a file home, unless it is there already.

    Raises:
        DownloadError: it cannot be had, is not what is published, or cannot be written.
        Stopped: the download was given up; what has come stays.
    """
    final = folder / file.name
    _go_on(web)
    try:
        if final.exists():
            wrong = _difference(final, file, web)
            if wrong is None:
                log.info("download: %s is there already, and right", final)
                delete_part(file, folder)
                progress.found(file.size)
                return
            log.warning("download: %s is there already, but %s; fetching it again", final, wrong)
            final.unlink()
        with Part(file, folder) as part:
            progress.found(part.size)
            if part.size:
                log.info("download: %s: going on at byte %s of %s", file.name, f"{part.size:,}", f"{file.size:,}")
            _fetch(file, part, web, progress)
    except MissingError as error:
        raise DownloadError(f"{error}, though the dump's status lists it; take another --date, or set download.mirror") from None
    except OSError as error:
        raise DownloadError(f"{final}: cannot be written: {error.strerror}; free space or set download.folder") from None


def _difference(path: Path, file: DumpFile, web: Web) -> str | None:
    size = path.stat().st_size
    if size != file.size:
        return f"it has {size:,} bytes, and {file.size:,} are published"
    digest = hashlib.sha1(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            _go_on(web)
            digest.update(chunk)
    return difference(digest.hexdigest(), file)


def _go_on(web: Web) -> None:
    if web.stop.is_set():
        raise Stopped


def _fetch(file: DumpFile, part: Part, web: Web, progress: Progress) -> None:
    for again in (True, False):
        try:
            _fill(file, part, web, progress)
            wrong = part.difference()
        except _WrongContentError as error:
            wrong = str(error)
        if wrong is None:
            part.finish()
            log.info("download: %s is there, and right", file.name)
            return
        _reset(part, progress)
        if again:
            log.warning("download: %s: %s; fetching it once more", file.url, wrong)
    part.delete()
    raise DownloadError(f"{file.url}: {wrong}, also at the second attempt; take another --date, or set download.mirror to another copy")


def _fill(file: DumpFile, part: Part, web: Web, progress: Progress) -> None:
    patience = Patience(web, FILE_TRIES)
    furthest = part.size
    while part.size < file.size:
        try:
            _attempt(file, part, web, progress)
        except PassingError as problem:
            if part.size > furthest:
                furthest = part.size
                patience.renew()
            patience.wait(problem)


def _attempt(file: DumpFile, part: Part, web: Web, progress: Progress) -> None:
    headers = {}
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
        if part.if_range:
            headers["If-Range"] = part.if_range
    with web.get(file.url, headers) as answer:
        if answer.status != 200 and not _continues(answer.status, answer.headers, file, part):
            _reset(part, progress)
            raise PassingError(f"{file.url}: is not the file any more of which a part is here; fetching it from its start")
        if answer.status == 200:
            if part.size:
                log.info("download: %s: the site sends the whole file again; starting from 0", file.name)
                _reset(part, progress)
            length = answer.headers.get("Content-Length", str(file.size))
            if length != str(file.size):
                raise _WrongContentError(f"it has {length} bytes there, and {file.size} are published")
        part.begin(answer.headers)
        while chunk := answer.read1(CHUNK, decode_content=False):
            _go_on(web)
            if part.size + len(chunk) > file.size:
                raise _WrongContentError(f"it has more than the {file.size} bytes that are published")
            part.write(chunk)
            progress.received(len(chunk))
    if part.size < file.size:
        raise PassingError(f"{file.url}: broke off after {part.size} of {file.size} bytes")


def _continues(status: int, headers: Mapping[str, str], file: DumpFile, part: Part) -> bool:
    """Whether an answer goes on exactly where the part ends, with the same version of the file."""
    span = re.fullmatch(r"bytes ([0-9]+)-[0-9]+/([0-9]+|\*)", headers.get("Content-Range", ""))
    return (
        status == 206 and span is not None and int(span[1]) == part.size and span[2] in ("*", str(file.size)) and part.belongs_to(headers)
    )


def _reset(part: Part, progress: Progress) -> None:
    progress.lost(part.size)
    part.reset()
