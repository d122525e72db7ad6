"""One module a figure. Each has `measure(place)`, which returns what it adds to the result.

Owns: what is measured, and how.
Called by: run.py.
May import: place, product, w1; stream_app.
Start at: full_domain.py.
"""
