"""A whole dump: the newest complete one of a wiki, or that of a date, all its files into one folder."""

import logging
import shutil
import threading
from pathlib import Path
from queue import Empty, SimpleQueue

from embedding.download.fetch import fetch
from embedding.download.progress import Progress, in_words
from embedding.download.site import DumpFile, IncompleteDumpError, dates_of, plan_files, read_sums, with_sums
from embedding.download.web import MissingError, Web
from embedding.errors import DownloadError
from embedding.settings import DownloadSettings

log = logging.getLogger("bookspace")


def download_dump(wiki: str, settings: DownloadSettings, date: str | None = None) -> Path:
    """Fetch all dump files of a wiki that are not there yet.

    Args:
        wiki: its database name.
        settings: where from, where to, how.
        date: of the dump, YYYYMMDD; None: the newest that is complete.

    Returns:
        The folder that holds the files.

    Raises:
        DownloadError: there is no such dump, it cannot be had or not be written.
    """
    web = Web(settings.mirror, settings.connections, settings.contact)
    date, files = find_dump(web, settings.mirror, wiki, date)
    folder = Path(settings.folder) / wiki / date
    _make_room(folder, files)
    total = sum(file.size for file in files)
    log.info("download: %s %s: %d file%s, %s, to %s", wiki, date, len(files), "s"[: len(files) > 1], in_words(total), folder)
    progress = Progress(total)
    with progress.logged("download"):
        _fetch_all(files, folder, web, progress, settings.connections)
    return folder


def complete_date(wiki: str, settings: DownloadSettings, date: str | None = None) -> str | None:
    """The date of a dump if it is complete, without fetching it; None if it is still to come. The log says why.

    Args:
        wiki: its database name.
        settings: where from.
        date: of the dump, YYYYMMDD; None: the newest that is complete.

    Raises:
        DownloadError: the dump will never come (newer ones are there already), there is no such wiki, or the site cannot be reached.
    """
    web = Web(settings.mirror, settings.connections, settings.contact)
    if date is None:
        return find_dump(web, settings.mirror, wiki, None)[0]
    top = f"{settings.mirror.rstrip('/')}/{wiki}"
    dates = _dates(web, top, settings.mirror)
    if date not in dates:
        if date < dates[0]:
            raise DownloadError(f"{top}/{date}/: there is no dump of this date and none will come; there are {', '.join(dates)}")
        log.info("download: %s: there is no dump of %s yet; the newest is %s", wiki, date, dates[0])
        return None
    try:
        _plan(web, top, wiki, date)
    except (IncompleteDumpError, MissingError) as error:  # a dump that has just begun has no status yet
        log.info("download: %s: not complete yet: %s", wiki, error)
        return None
    return date


def find_dump(web: Web, mirror: str, wiki: str, date: str | None) -> tuple[str, list[DumpFile]]:
    """The date of a dump, and its files with their sums.

    Raises:
        DownloadError: there is no such wiki, date or complete dump, or the site cannot be reached.
    """
    top = f"{mirror.rstrip('/')}/{wiki}"
    if date is not None:
        try:
            return date, _plan(web, top, wiki, date)
        except MissingError:
            raise DownloadError(f"{top}/{date}/: there is no dump of this date; there are {', '.join(_dates(web, top, mirror))}") from None
        except IncompleteDumpError as error:
            raise DownloadError(f"{top}/: not complete: {error}; leave out --date for the newest that is complete") from None
    reasons = []
    for day in _dates(web, top, mirror):
        try:
            return day, _plan(web, top, wiki, day)
        except MissingError:
            reasons.append(f"{day}: has no dumpstatus.json")
        except IncompleteDumpError as error:
            reasons.append(str(error))
        log.info("download: %s: %s; looking at the one before", wiki, reasons[-1])
    raise DownloadError(f"{top}/: no dump is complete ({'; '.join(reasons)}); try again later, or set download.mirror to another copy")


def _dates(web: Web, top: str, mirror: str) -> list[str]:
    try:
        dates = dates_of(web.text(f"{top}/"))
    except MissingError:
        raise DownloadError(
            f"{top}/: there is no such wiki; give a database name such as simplewiki; {mirror.rstrip('/')}/backup-index.html lists all"
        ) from None
    if not dates:
        raise DownloadError(f"{top}/: lists no dump; is download.mirror a copy of https://dumps.wikimedia.org?")
    return dates


def _plan(web: Web, top: str, wiki: str, date: str) -> list[DumpFile]:
    files = plan_files(web.text(f"{top}/{date}/dumpstatus.json"), f"{top}/{date}", wiki, date)
    if all(file.sha1 for file in files):
        return files
    try:
        sums = read_sums(web.text(f"{top}/{date}/{wiki}-{date}-sha1sums.txt"))
    except MissingError:
        sums = {}
    return with_sums(files, sums)


def _make_room(folder: Path, files: list[DumpFile]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        wanted = sum(file.size for file in files) - sum(_there(folder, file) for file in files)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise DownloadError(f"{folder}: cannot be written: {error.strerror}; mend it or set download.folder to another one") from None
    if wanted > free:
        raise DownloadError(f"{folder}: {in_words(wanted)} are wanted, and {in_words(free)} are free; free space or set download.folder")


def _there(folder: Path, file: DumpFile) -> int:
    """Bytes that a file takes already."""
    for name in (file.name, f"{file.name}.part"):
        if (folder / name).is_file():
            return min((folder / name).stat().st_size, file.size)
    return 0


def _fetch_all(files: list[DumpFile], folder: Path, web: Web, progress: Progress, connections: int) -> None:
    """Fetch files in so many threads; the first failure stops all.

    Daemons: whoever breaks off does not wait for a connection that hangs.
    """
    todo: SimpleQueue[DumpFile] = SimpleQueue()
    outcomes: SimpleQueue[BaseException | None] = SimpleQueue()
    for file in files:
        todo.put(file)

    def work() -> None:
        try:
            while True:
                fetch(todo.get_nowait(), folder, web, progress)
                outcomes.put(None)
        except Empty:
            pass
        except BaseException as error:
            outcomes.put(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(connections, len(files)))]
    for thread in threads:
        thread.start()
    try:
        for _ in files:
            failure = outcomes.get()
            if failure is not None:
                raise failure
    finally:
        web.stop.set()
        for thread in threads:
            thread.join(0.5)
