"""Vectors for other programs: word2vec's two formats, NumPy, Parquet."""
