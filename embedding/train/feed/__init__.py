"""How pairs and negatives reach the trainer: files chosen by their footers, read whole in columns, served in a new order every epoch."""

from embedding.train.feed.files import choose_files
from embedding.train.feed.parquet import read_pairs

__all__ = ["choose_files", "read_pairs"]
