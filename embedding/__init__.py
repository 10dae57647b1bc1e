"""bookspace: a Wikipedia dump turned into a space of books."""

__version__ = "0.1.0"
