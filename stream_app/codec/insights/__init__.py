"""Insights <-> bytes.

Owns: published.py (the changes that insights are made of, the records that come of them), stored.py (sums between partitions, states).
Called by: processor.insights.
May import: codec, domain, errors.
Start at: published.py.
"""
