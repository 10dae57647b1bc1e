"""Figures that say how good the vectors are."""
