"""build_pairs: books, pages -> paired_books, links, pairs."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from embedding.errors import WarehouseError
from embedding.job import Job, Step, log
from embedding.pairs import links as links_of
from embedding.pairs.split import SPLITS, split_pairs
from embedding.runs import run_alone
from embedding.staging import StagedTable
from embedding.tables import ROWS_PER_FILE, TABLES


def run(job: Job) -> None:
    """Resolve redirects, choose the vocabulary, number books and links, split the pairs."""
    settings = job.settings.pairs
    pages = job.read("pages", ["page_id", "namespace", "title", "redirect_target", "redirect_namespace"])
    books = job.read("books", ["page_id", "title", "links"])
    site = job.inputs["pages"].facts["site"]

    found = links_of.resolved_links(links_of.explode_links(books), links_of.redirects_of(pages), settings.max_redirects).persist()
    counts = links_of.count_books(found).persist()
    outside = links_of.outside_vocabulary(F.col("title"), F.col("books"), settings.min_books, settings.stop_links)

    category = site["namespaces"].get("14") or "Category"
    chosen = counts.where(outside.isNull())
    links = links_of.vocabulary(chosen, pages, books, f"{category}:").persist()
    inside = found.where(F.col("dropped").isNull()).join(links.select("title", "link_id"), "title", "inner").persist()
    paired = (
        inside.groupBy("page_id")
        .agg(F.count(F.lit(1)).cast("int").alias("links"))
        .join(books.select("page_id", "title"), "page_id", "inner")
        .select((F.row_number().over(Window.orderBy("page_id")) - 1).alias("book_id"), "page_id", "title", "links")
        .persist()
    )
    split = split_pairs(inside, settings.valid, settings.test, job.settings.seed)
    pairs = split.join(paired.select("page_id", "book_id"), "page_id", "inner").select(*TABLES["pairs"].columns.names).persist()

    job.write("links", links.orderBy("link_id"))
    job.write("paired_books", paired.orderBy("book_id"))
    # A file holds one split, in order: the feed picks files, and reads the same rows in the same order every time.
    job.write_apart("pairs", pairs, ("split",), ("book_id", "link_id"), ROWS_PER_FILE)

    dropped = F.coalesce("dropped", outside)
    _count(job.staged["pairs"], found.join(counts, "title", "left"), dropped)
    _count(job.staged["links"], counts, outside)
    staged, books_there = job.staged["paired_books"], job.inputs["books"].rows_out
    staged.rows_in, staged.dropped = books_there, {"no link in the vocabulary": books_there - paired.count()}
    if staged.rows_in == sum(staged.dropped.values()):
        raise WarehouseError(
            f"no pair is left: none of the {books_there:,} books has a link that {settings.min_books} books share; "
            "lower pairs.min_books, for example --set pairs.min_books=2"
        )
    sizes = {row["split"]: row["count"] for row in pairs.groupBy("split").count().collect()}
    log.info("build_pairs: %s", ", ".join(f"{name} {sizes.get(name, 0):,}" for name in SPLITS))
    for frame in (found, counts, links, inside, paired, pairs):
        frame.unpersist()


def _count(staged: StagedTable, rows: DataFrame, reason: Column) -> None:
    """Set rows_in and dropped of a staged table, by one pass over what came in."""
    counts = {row["reason"]: row["count"] for row in rows.groupBy(reason.alias("reason")).count().collect()}
    staged.rows_in = sum(counts.values())
    staged.dropped = {name: count for name, count in counts.items() if name is not None}


STEP = Step("build_pairs", reads=("pages", "books"), writes=("paired_books", "links", "pairs"), settings=("pairs",), run=run)

if __name__ == "__main__":
    run_alone(STEP)
