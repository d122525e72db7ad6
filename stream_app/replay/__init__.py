"""Shell 2: the same evaluator over files, without Kafka.

Owns: run.py (the command), shard.py (a share of the customers, evaluated), lives.py (one of them), families.py (who belongs
together).
Called by: cli.
May import: processor, codec, domain, settings, errors.
Start at: run.py.
"""
