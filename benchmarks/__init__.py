"""Speed, measured: one command prints every figure beside its target, ours and our peers'.

Owns: run.py (the command), report.py (targets and verdicts), machine.py and place.py (where it is measured), history.py (a made-up year),
policy.yaml (every dimension switched on), w1_fold.py (W1 as a processor), results/; and the rooms measurements (one module a figure),
soak (does it hold out?), w1 (the workload that all systems run), read_api (answers from a large history), peers (the other systems),
product (our own workers under measurement).
Called by: `make bench`, `make bench-history`, `make soak`.
May import: stream_app.
Start at: run.py.
"""
