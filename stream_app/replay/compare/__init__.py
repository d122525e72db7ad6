"""Two policies over the same history: who ends up where, when they move, and what it costs.

Owns: outcome.py (what a replay comes to), differ.py (two of them, side by side), report.py (the page), run.py (the way through).
Called by: cli.
May import: replay.run, replay.report, story, codec, domain, errors.
Start at: differ.py.
"""
