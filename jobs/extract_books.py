"""extract_books: pages -> books."""

import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from embedding.errors import DumpError, WarehouseError
from embedding.job import Job, Step, log
from embedding.pairs.books import DROPS, LINK_DROPS, PAGE_COLUMNS, extract_books
from embedding.pairs.reuse import divide, parsing_mark, with_marks
from embedding.runs import run_alone
from embedding.wiki.site import Site


def run(job: Job) -> None:
    """Read infobox fields, links and categories of every page that holds a book infobox and has changed since the snapshot before."""
    settings, pages = job.settings.books, job.inputs["pages"]
    looked_for = pages.settings["books"]
    if not set(settings.infoboxes) <= set(looked_for["infoboxes"]):
        raise WarehouseError(
            f"table pages of {job.snapshot} was read for the infoboxes {', '.join(looked_for['infoboxes'])}; "
            "run read_dump again with the settings of this step"
        )
    names = [*settings.infoboxes, *pages.facts["aliases"]]
    files = ", ".join(account["file"] for account in pages.facts["files"])
    site = Site.from_dict(pages.facts["site"], settings.namespace_aliases)
    mark = parsing_mark(settings, names, site)
    read = job.read("pages", PAGE_COLUMNS)
    candidates = read.where(F.col("wikitext").isNotNull())
    candidates, taken = divide(candidates, _known(job, mark))
    # Few pages of a dump are books, and they lie unevenly: spread them over all cores before the slow parsing.
    candidates = candidates.repartition(4 * job.spark.sparkContext.defaultParallelism)
    books = with_marks(extract_books(candidates, site, settings.model_copy(update={"infoboxes": names})), taken)
    staged = job.staged["books"]
    sums = {f"link {reason}": F.sum(F.col("dropped_links").getItem(reason)) for reason in LINK_DROPS}
    links = job.write_counted(
        "books",
        books,
        DROPS,
        taken_over=F.sum("taken_over"),
        links=F.sum(F.size("links")),
        mentions=F.sum(F.aggregate("links", F.lit(0), lambda a, x: a + x.mentions)),
        **sums,
    )
    if staged.rows_in == sum(staged.dropped.values()):
        raise DumpError(
            f"{files}: holds no book: none of its {pages.facts['articles']:,} articles calls "
            f"{' or '.join(settings.infoboxes)}; "
            "give the infobox names of this wiki with --set 'books.infoboxes=[...]'"
        )
    ids = pq.read_table(staged.folder, columns=["page_id"])["page_id"]
    if len(ids.unique()) < len(ids):
        raise DumpError(
            f"{files}: holds {len(ids) - len(ids.unique()):,} books twice; "
            "give --dump the files of one dump, once: not two dates, and not the whole beside its parts"
        )
    lost = {reason: links[f"link {reason}"] for reason in LINK_DROPS if links[f"link {reason}"]}
    log.info(
        "extract_books: %s links, mentioned %s times; mentions dropped: %s", f"{links['links']:,}", f"{links['mentions']:,}", lost or "none"
    )
    parsed = (staged.rows_in or 0) - links["taken_over"]
    log.info("extract_books: %s pages parsed, %s books taken over from the snapshot before", f"{parsed:,}", f"{links['taken_over']:,}")
    staged.facts = {
        "links": links["links"], "mentions": links["mentions"], "dropped_mentions": lost,
        "parsed": parsed, "taken_over": links["taken_over"], "parsing_mark": mark,
    }  # fmt: skip


def _known(job: Job, mark: str) -> DataFrame | None:
    """The books of the snapshot before, if they were parsed as this step would."""
    if not job.settings.books.reuse or "books" not in job.inputs_before:
        return None
    if job.inputs_before["books"].facts.get("parsing_mark") != mark:
        log.info("extract_books: the wiki, its settings or the parser are not those of %s: every page is parsed", job.before)
        return None
    return job.read("books", of=job.before)


STEP = Step("extract_books", reads=("pages",), writes=("books",), settings=("books",), run=run, reads_before=("books",))

if __name__ == "__main__":
    run_alone(STEP)
