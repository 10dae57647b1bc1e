"""What the site says of a wiki's dumps: dates, status and sums, read into the list of files that are wanted. No network in here.

`<mirror>/<wiki>/` is a listing of folders named by date; in each, `dumpstatus.json` holds `jobs`: for every job its status (waiting,
in-progress, done, failed, skipped) and its files with size, MD5 and SHA-1. A big wiki has many numbered parts in one job and the whole
made of them in another, whose name ends in "recombine". Mirrors may lack the sums there; `<wiki>-<date>-sha1sums.txt` has them all.
Sources: https://meta.wikimedia.org/wiki/Data_dumps/Status_format, and the code that writes these files: runstatusapi.py,
dumpitemlist.py and checksummers.py under xmldumps-backup/dumps in https://github.com/wikimedia/operations-dumps.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ValidationError

from embedding.errors import DownloadError

JOBS = ("articlesmultistreamdump", "articlesdump")  # pages-articles-multistream, else pages-articles


class IncompleteDumpError(DownloadError):
    """A dump of this date is not ready, or what the site says of it cannot be used."""


@dataclass(frozen=True)
class DumpFile:
    """A file of a dump, as it is published.

    Attributes:
        name: a plain file name.
        url: where it is.
        size: in bytes.
        sha1: 40 hexadecimal digits; None: the status does not say.
    """

    name: str
    url: str
    size: int
    sha1: str | None


class _File(BaseModel):
    size: int
    sha1: str | None = None


class _Job(BaseModel):
    status: str
    files: dict[str, _File] = {}


class _Status(BaseModel):
    jobs: dict[str, object]


def dates_of(listing: str) -> list[str]:
    """The dates of a wiki's dumps in the HTML listing of its folder, newest first."""
    found = re.findall(r"""href\s*=\s*["']?(?:[^"'>\s]*/)?([0-9]{8})/?["'>\s]""", listing, re.IGNORECASE)
    return sorted(filter(is_day, set(found)), reverse=True)


def is_day(text: str) -> bool:
    """Whether a text is a day, YYYYMMDD."""
    if not re.fullmatch("[0-9]{8}", text):
        return False
    try:
        datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return False
    return True


def plan_files(status: str, folder: str, wiki: str, date: str) -> list[DumpFile]:
    """The dump files to fetch: the parts in their order, or the whole where there are no parts; never index files.

    Args:
        status: the text of dumpstatus.json.
        folder: address of the dump's folder. The addresses in the status are not used: a mirror may lie under a path of its own.
        wiki: database name of the wiki.
        date: of the dump.

    Raises:
        IncompleteDumpError: the files are not ready, or the status cannot be read.
    """
    try:
        jobs = _Status.model_validate_json(status).jobs
        for name in JOBS:
            known = {key: _Job.model_validate(jobs[key]) for key in (name, f"{name}recombine") if key in jobs}
            wanted = {key: job for key, job in known.items() if job.status != "skipped"}
            if not wanted:
                continue
            ready = [files for job in wanted.values() if job.status == "done" and (files := _files(job, folder, wiki, date))]
            if ready:
                return ready[0]
            raise IncompleteDumpError(
                f"{date}: "
                + ", ".join(f"{key} is {job.status}" + " without a file" * (job.status == "done") for key, job in wanted.items())
            )
    except ValidationError as error:
        first = error.errors()[0]
        raise IncompleteDumpError(f"{date}: dumpstatus.json cannot be read: {'.'.join(map(str, first['loc']))} {first['msg']}") from None
    raise IncompleteDumpError(f"{date}: has neither {' nor '.join(JOBS)}")


def _files(job: _Job, folder: str, wiki: str, date: str) -> list[DumpFile]:
    # The pattern also sees to it that a name from the network is no path.
    pattern = re.compile(rf"{wiki}-{date}-pages-articles(?:-multistream)?([0-9]*)\.xml(?:-p([0-9]+)p[0-9]+)?\.bz2")
    found = {
        (int(match[1] or 0), int(match[2] or 0)): DumpFile(name, f"{folder}/{name}", file.size, file.sha1)
        for name, file in job.files.items()
        if (match := pattern.fullmatch(name))
    }
    whole = found.pop((0, 0), None)
    return [found[place] for place in sorted(found)] or ([whole] if whole else [])


def read_sums(text: str) -> dict[str, str]:
    """The sums of a published sums file, by file name: lines of a sum, two spaces and a name."""
    return {name: digest.lower() for digest, name in re.findall(r"^([0-9a-fA-F]{40}) [ *](\S+)\s*$", text, re.MULTILINE)}


def with_sums(files: list[DumpFile], sums: Mapping[str, str]) -> list[DumpFile]:
    """The files with the sums that their status lacks.

    Raises:
        IncompleteDumpError: the sum of a file is published nowhere.
    """
    lacking = [file.name for file in files if not file.sha1 and file.name not in sums]
    if lacking:
        raise IncompleteDumpError(f"{lacking[0]}: no SHA-1 of it is published")
    return [file if file.sha1 else DumpFile(file.name, file.url, file.size, sums[file.name]) for file in files]
