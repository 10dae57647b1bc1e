"""read_dump: dump files -> pages."""

import json
from pathlib import Path

from pyspark.sql import functions as F

from embedding.errors import DumpError, SettingsError
from embedding.job import Job, Step, log, run_alone
from embedding.settings_files import conf_folder
from embedding.spark import write_counted
from embedding.wiki.dump import find_files, read_header
from embedding.wiki.site import Site
from embedding.wiki.source import WikiDumpSource

DROPS = ("no title, namespace or id", "namespace")


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
    files = find_files(settings.dump)
    for file in files:
        site = Site.from_header(read_header(file), file, settings.books.namespace_aliases)
        if site.dbname and site.dbname != settings.wiki:
            raise DumpError(
                f"{file}: is a dump of {site.dbname}, and the settings are for {settings.wiki}; give --conf conf/{site.dbname}.yaml"
            )
    log.info("read_dump: %s", files[0] if len(files) == 1 else f"{len(files)} files, {files[0]} to {files[-1]}")
    job.spark.dataSource.register(WikiDumpSource)
    rows = (
        job.spark.read.format("wikidump")
        .option("infoboxes", json.dumps(settings.books.infoboxes))
        .option("aliases", json.dumps(settings.books.namespace_aliases))
        .option(
            "partitionBytes",
            str(_partition_bytes(files, int(settings.read.partition_mb * (1 << 20)), job.spark.sparkContext.defaultParallelism)),
        )
        .load(settings.dump)
    )
    redirect = F.col("redirect_target").isNotNull()
    kept = (F.col("namespace") == 0) | redirect
    dropped = F.when(F.col("unreadable").isNotNull(), F.col("unreadable")).when(~kept, "namespace")
    facts = write_counted(
        rows.withColumn("dropped", dropped),
        job.staged["pages"],
        "pages",
        DROPS,
        articles=F.count(F.when((F.col("namespace") == 0) & ~redirect, True)),
        redirects=F.count(F.when(redirect, True)),
        candidates=F.count("wikitext"),
    )
    log.info("read_dump: %s", ", ".join(f"{name} {count:,}" for name, count in facts.items()))
    job.staged["pages"].facts = {**facts, "site": site.to_dict(), "files": files}


def _partition_bytes(files: list[str], most: int, cores: int) -> int:
    """Bytes a task reads: at most `most`, and less when a small dump would leave cores idle."""
    size = sum(Path(file).stat().st_size for file in files)
    return min(most, max(1 << 20, size // (3 * cores)))


STEP = Step("read_dump", reads=(), writes=("pages",), settings=("wiki", "dump", "books", "read"), run=run)

if __name__ == "__main__":
    run_alone(STEP)
