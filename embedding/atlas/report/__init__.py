"""The report of a snapshot: one HTML page of what was made, dropped and measured, with pictures; it needs no server and asks nobody."""
