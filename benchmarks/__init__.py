"""Speed, measured: one command prints every figure beside its target.

Owns: run.py (the command), history.py (the input), policy.yaml (every dimension switched on).
Called by: `make bench`.
May import: stream_app's commands, as programs.
Start at: run.py.
"""
