"""Shell 2: the same evaluator over files, without Kafka, in as much memory as it is given.

Owns: run.py (the command), course.py (what each process does, step by step), team.py (processes in step), parts.py (its share of the
files), routing.py (every line to its bucket), families.py (who belongs together), shard.py (a bucket, evaluated), row.py (one family
or customer), lives.py (a customer), evaluation.py (cut-offs), output.py and piles.py (lines in order), spill.py (what is on disk).
Called by: cli.
May import: processor, codec, domain, settings, errors.
Start at: run.py.
"""
