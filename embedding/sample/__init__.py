"""A small real-looking dump of well-known books, so that the demo needs no download."""
