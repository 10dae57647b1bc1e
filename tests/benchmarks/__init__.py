"""Benchmarks: each prints a table with the command, the machine, and the ratio to a peer run at the same time."""
