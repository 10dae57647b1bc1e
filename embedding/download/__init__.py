"""Fetching a wiki's dump from dumps.wikimedia.org or a mirror; knows neither Spark nor torch.

site.py reads what the site says of its dumps and plans, without any network; web.py asks over HTTP; part.py is the file that grows on
disk; fetch.py brings one file home; dump.py brings all files of a dump; progress.py says how far it is.
"""
