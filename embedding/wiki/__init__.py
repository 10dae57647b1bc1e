"""Dump files and wikitext; no Spark in here except in source.py."""
