"""Neighbour tables and what explains a neighbour, on Spark."""

from pyspark.sql import SparkSession

from embedding.neighbours.tables import between_table, neighbour_table, shared


def test_shared_links_are_the_rarest_first_and_empty_when_there_are_none(spark: SparkSession) -> None:
    pairs = spark.createDataFrame([(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (2, 3), (3, 9)], "row int, feature int")
    names = spark.createDataFrame(
        [(0, "Common", 4), (1, "Rare b", 2), (2, "Rare a", 2), (3, "Other", 2), (9, "Alone", 1)], "feature int, title string, frequency int"
    )
    found = spark.createDataFrame(
        [(0, 1, 1, 0.9), (0, 3, 2, 0.1), (1, 0, 1, 0.9), (1, 2, 2, -0.2)], "row int, neighbour int, rank int, similarity float"
    )
    named = spark.createDataFrame([(row, 100 + row, f"Book {row}") for row in range(4)], "row int, page_id long, title string")
    explained = shared(found.select("row", "neighbour"), pairs, names, total=4, most=2)
    rows = [tuple(row) for row in neighbour_table(found, explained, named).collect()]
    assert [row[:5] for row in rows] == [
        (100, "Book 0", 1, 101, "Book 1"),
        (100, "Book 0", 2, 103, "Book 3"),
        (101, "Book 1", 1, 100, "Book 0"),
        (101, "Book 1", 2, 102, "Book 2"),
    ]
    assert [row[6] for row in rows] == [["Rare a", "Rare b"], [], ["Rare a", "Rare b"], []]


def test_books_and_links_say_how_often_the_one_names_the_other(spark: SparkSession) -> None:
    pairs = spark.createDataFrame([(0, 1, 3), (1, 0, 1)], "book_id int, link_id int, mentions int")
    books = spark.createDataFrame([(row, 100 + row, f"Book {row}") for row in range(2)], "row int, page_id long, title string")
    links = spark.createDataFrame([(0, 7, "Russia"), (1, None, "Category:Novels")], "row int, page_id long, title string")
    found = spark.createDataFrame(
        [(1, 0, 2, -0.25), (0, 0, 2, 0.5), (0, 1, 1, 0.75), (1, 1, 1, 1.0)], "row int, neighbour int, rank int, similarity float"
    )
    of_books = [tuple(row) for row in between_table("book_links_nearest", found, pairs, books, links).collect()]
    assert of_books == [
        (100, "Book 0", 1, 1, None, "Category:Novels", 0.75, 3),
        (100, "Book 0", 2, 0, 7, "Russia", 0.5, 0),
        (101, "Book 1", 1, 1, None, "Category:Novels", 1.0, 0),
        (101, "Book 1", 2, 0, 7, "Russia", -0.25, 1),
    ]
    of_links = [tuple(row) for row in between_table("link_books", found, pairs, links, books).collect()]
    assert of_links == [
        (0, 7, "Russia", 1, 101, "Book 1", 0.75, 1),
        (0, 7, "Russia", 2, 100, "Book 0", 0.5, 0),
        (1, None, "Category:Novels", 1, 101, "Book 1", 1.0, 0),
        (1, None, "Category:Novels", 2, 100, "Book 0", -0.25, 3),
    ]
