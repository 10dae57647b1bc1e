"""Spark: books, links, pairs and negative samples."""
