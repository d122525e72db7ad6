"""`make bench-history`: the p95 of every answer of the read API, over a large history, at rest and while changes stream in.

Owns: build.py (the database), stream.py (what streams in), questions.py (what is asked, and how long it took), __main__.py (the command).
Called by: `make bench-history`.
May import: stream_app, benchmarks.machine, benchmarks.place.
Start at: __main__.py.
"""
