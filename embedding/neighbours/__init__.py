"""Nearest neighbours: Annoy, exact search, and the neighbour tables."""
