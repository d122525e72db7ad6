"""The processes that a worker starts, which end with it however it ends.

Owns: several.py (a worker of several processes), beside.py (the one that sums up insights), child.py (the life of any of them).
Called by: cli, worker, demo.
May import: worker, telemetry, settings, errors.
Start at: several.py, then child.py.
"""
