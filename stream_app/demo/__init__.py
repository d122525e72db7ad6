"""The product on one machine: an embedded Kafka, a real purchase history, and the command that shows them at work.

Owns: the embedded broker and its jars, the data set, the `demo` command and its live view.
Called by: cli.
May import: worker, replay, settings, codec, domain, errors; aiokafka.
Start at: `run.py` (the `demo` command), `broker.py` (the embedded Kafka).
"""
