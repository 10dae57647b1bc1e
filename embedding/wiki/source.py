"""A dump read by Spark: a byte range a task. The only file of embedding.wiki that imports pyspark."""

from collections.abc import Sequence

from pyspark.sql import SparkSession

from embedding.task_files import TaskFiles
from embedding.wiki.dump import ByteRange
from embedding.wiki.reader import RangeReader
from embedding.wiki.writer import RangeFile, write_range


def write_pages(spark: SparkSession, spans: Sequence[ByteRange], reader: RangeReader, files: TaskFiles) -> list[RangeFile]:
    """Write the pages that begin in each range into a file.

    The tasks write their files themselves, and no page travels through Java. What attempts wrote that failed, or were not the first to
    end, is left there too: the files to be taken are those that are returned, and no others.

    Returns:
        One for each range, in their order.
    """
    return spark.sparkContext.parallelize(spans, len(spans)).map(lambda span: write_range(reader, span, files)).collect()
