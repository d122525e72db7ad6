"""`publish --backfill`: years of history into Kafka, in event-time order, resumable after a kill, and without a reaction.

Owns: run.py (the way through), history.py (the files as one sequence), progress.py (how far it is, read back from the topics),
clock.py (the shop's policy meanwhile and after), workers.py (what running workers know and have applied).
Called by: cli.
May import: worker.publish, worker.sender, worker.cluster, processor, engine, codec, domain, settings, errors; aiokafka.
Start at: run.py.

Kafka alone knows how far it is. The record of the policy under which the history is loaded names the files (by a digest) and where
the inputs ended then; every published record carries its place in the sequence. So a partition's last one says where to go on.
"""
