"""A warehouse in an object store: a local copy that is fetched as it is needed, and commits that appear by one write."""
