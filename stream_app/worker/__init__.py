"""Shell 1: the folds on Kafka.

Owns: the worker process and its checks at start, the topics, publishing events and policies, storing what
  comes in, watching changes, finding one customer.
Called by: cli, demo.
May import: processor, engine, telemetry, settings, codec, domain, errors; faust, mode, aiokafka.
Start at: `app.py` (the worker), `insights.py` (the process beside it), `processes/several.py` (more than one),
  `topics.py` (what each topic must be), `cluster.py` (connections of the commands).
"""
