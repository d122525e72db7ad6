"""Shell 2: the same evaluator over files, without Kafka.

Owns: run.py (the command), shard.py (a share of the customers, evaluated), output.py (the order of what is written).
Called by: cli.
May import: processor, codec, domain, settings, errors.
Start at: run.py.
"""
