"""Dead letters: which there are, one in full, and all of them sent again exactly once.

Owns: reading the topic `dead-letters`, and the journal of what was sent again.
Called by: cli.
May import: worker/cluster, worker/topics, settings, codec, domain, errors, engine's topic ids; aiokafka.
Start at: `letters.py`, then `replay.py`.
"""
