"""The explorer: one HTML page with a map of all books, their neighbours and what explains them; it needs no server and asks nobody."""
