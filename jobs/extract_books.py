"""extract_books: pages -> books."""

import pyarrow.parquet as pq
from pyspark.sql import functions as F

from embedding.errors import DumpError, WarehouseError
from embedding.job import Job, Step, log
from embedding.pairs.books import DROPS, LINK_DROPS, extract_books
from embedding.runs import run_alone
from embedding.spark import write_counted
from embedding.wiki.site import Site


def run(job: Job) -> None:
    """Read infobox fields, links and categories of every page that holds a book infobox."""
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
    # Few pages of a dump are books, and they lie unevenly: spread them over all cores before the slow parsing.
    candidates = job.read("pages").where(F.col("wikitext").isNotNull()).repartition(4 * job.spark.sparkContext.defaultParallelism)
    books = extract_books(candidates, site, settings.model_copy(update={"infoboxes": names}))
    staged = job.staged["books"]
    sums = {f"link {reason}": F.sum(F.col("dropped_links").getItem(reason)) for reason in LINK_DROPS}
    links = write_counted(
        books,
        staged,
        "books",
        DROPS,
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
    staged.facts = {"links": links["links"], "mentions": links["mentions"], "dropped_mentions": lost}


STEP = Step("extract_books", reads=("pages",), writes=("books",), settings=("books",), run=run)

if __name__ == "__main__":
    run_alone(STEP)
