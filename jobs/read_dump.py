"""read_dump: dump files -> pages."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow.parquet as pq

from embedding.errors import DumpError, SettingsError
from embedding.job import Job, Step, log
from embedding.runs import run_alone
from embedding.settings import Settings
from embedding.settings_files import conf_folder
from embedding.tables import TABLES
from embedding.wiki.accounts import FileAccount, balance
from embedding.wiki.aliases import new_names, template_aliases
from embedding.wiki.dump import ByteRange, DumpFile, look_at, plan, read_header
from embedding.wiki.files import find_files, identity_of
from embedding.wiki.reader import RangeReader
from embedding.wiki.site import ARTICLE, TEMPLATE, Site
from embedding.wiki.source import write_pages


def run(job: Job) -> None:
    """Read every page of the dump; keep articles, and redirects of every namespace."""
    settings = job.settings
    if not settings.dump:
        raise SettingsError("dump is not set; give --dump a file from https://dumps.wikimedia.org")
    if not settings.books.infoboxes:
        known = ", ".join(sorted(path.stem for path in conf_folder().glob("*wiki.yaml")))
        raise SettingsError(
            f"books.infoboxes is empty: no infobox is known that makes a page of {settings.wiki} a book; "
            f"there are settings for {known}; for another wiki give --set 'books.infoboxes=[Name of the infobox]'"
        )
    files = [look_at(path) for path in find_files(settings.dump)]
    site = _site(files, job)
    log.info("read_dump: %s", files[0].path if len(files) == 1 else f"{len(files)} files, {files[0].path} to {files[-1].path}")
    spans = plan(files, _partition_bytes(sum(file.size for file in files), job))
    aliases = _known_aliases(job)
    accounts = _read(job, spans, site, aliases)
    redirects, wanted = _template_redirects(job), settings.books.infoboxes
    for name, targets in new_names(redirects, wanted, site).items():
        log.info(
            "read_dump: %s was renamed and leads to %s: pages that call that one are read too; name it in books.infoboxes",
            name,
            ", ".join(targets),
        )
    found = template_aliases(redirects, wanted, site)
    if new := found - aliases:
        # A redirect may stand behind the pages that call it: what they call is known too late for one reading. The next snapshot
        # begins with what this one has found.
        log.info("read_dump: templates %s stand for a wanted infobox; reading again for the pages that call them", ", ".join(sorted(new)))
        accounts = _read(job, spans, site, found)
    _tell(accounts)
    job.staged["pages"].facts |= {"site": site.to_dict(), "files": [account.facts() for account in accounts], "aliases": sorted(found)}


def _site(files: Sequence[DumpFile], job: Job) -> Site:
    """The rules of the wiki, after making sure that all files are of the one that the settings are for."""
    settings = job.settings
    for file in files:
        site = Site.from_header(read_header(file), file.path, settings.books.namespace_aliases)
        if site.dbname and site.dbname != settings.wiki:
            raise DumpError(
                f"{file.path}: is a dump of {site.dbname}, and the settings are for {settings.wiki}; give --conf conf/{site.dbname}.yaml"
            )
    return site


def _read(job: Job, spans: Sequence[ByteRange], site: Site, aliases: Iterable[str]) -> list[FileAccount]:
    """Stage the pages; what became of each file."""
    settings, staged = job.settings, job.staged["pages"]
    max_damaged = settings.read.max_damaged_streams
    reader = RangeReader(site, [*settings.books.infoboxes, *sorted(aliases)], frozenset([ARTICLE]), max_damaged)
    files = job.exchange.files("pages", staged)
    done = write_pages(job.spark, spans, reader, files)
    accounts = balance(spans, [part.report for part in done], max_damaged)
    staged.take(files, [part.file for part in done if part.file])
    staged.rows_in = sum(account.pages for account in accounts)  # the warehouse sees that rows written and dropped add up to it
    staged.dropped = dict(sum((account.dropped for account in accounts), Counter()))
    redirects, candidates = sum(account.redirects for account in accounts), sum(account.candidates for account in accounts)
    articles = sum(account.kept for account in accounts) - redirects
    staged.facts = {"articles": articles, "redirects": redirects, "candidates": candidates}
    if not staged.rows_in:
        raise DumpError(f"{', '.join(account.file for account in accounts)}: holds no page; give a pages-articles file")
    return accounts


def _known_aliases(job: Job) -> set[str]:
    """Other names of the wanted infoboxes, as the newest snapshot that was read has them."""
    for snapshot in reversed(job.warehouse.snapshots(job.snapshot.wiki)):
        if job.warehouse.has("pages", snapshot):
            return set(job.warehouse.manifest("pages", snapshot).facts.get("aliases", ()))
    return set()


def _template_redirects(job: Job) -> dict[str, str]:
    """Templates of the staged pages that are redirects: title: where it leads, both with the namespace."""
    found = pq.read_table(
        job.staged["pages"].folder,
        columns=["title", "redirect_target"],
        filters=[("namespace", "==", TEMPLATE), ("redirect_namespace", "==", TEMPLATE)],
        schema=TABLES["pages"].columns,  # there may be no file
    )
    return dict(zip(found["title"].to_pylist(), found["redirect_target"].to_pylist(), strict=True))


def _partition_bytes(size: int, job: Job) -> int:
    """Bytes a task reads: at most as set, and less when a small dump would leave cores idle."""
    most = max(1, int(job.settings.read.partition_mb * (1 << 20)))
    return min(most, max(1 << 20, size // (3 * job.spark.sparkContext.defaultParallelism)))


def _tell(accounts: Sequence[FileAccount]) -> None:
    """Log what was read, and what could not be."""
    log.info(
        "read_dump: %s pages in %s MB of XML, from %s MB",
        f"{sum(account.pages for account in accounts):,}",
        f"{sum(account.decoded for account in accounts) / 1e6:,.0f}",
        f"{sum(account.bytes for account in accounts) / 1e6:,.0f}",
    )
    for account in accounts:
        if account.older_revisions:
            log.info("read_dump: %s is a history: %s older revisions left out", account.file, f"{account.older_revisions:,}")
        for damage in account.damages:
            log.warning("read_dump: %s: bytes %s to %s are lost: %s", account.file, damage.start, damage.end, damage.reason)


def dump_files(settings: Settings) -> dict[str, Any]:
    """The files to read, and by what a change of theirs is noticed."""
    return {"files": {file: identity_of(file) for file in find_files(settings.dump)}} if settings.dump else {}


STEP = Step("read_dump", reads=(), writes=("pages",), settings=("wiki", "dump", "books", "read"), run=run, reads_outside=dump_files)

if __name__ == "__main__":
    run_alone(STEP)
