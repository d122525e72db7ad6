"""The folds: what happens to a record, in the middle that worker, replay and simulator share. No I/O.

Owns: status.py (orders and contacts into statuses), customers.py (the states open in a unit), policies.py (which policy holds
when), sweep.py (whom a new one has still to reach), streams.py (how far time has come), marks.py (who was erased),
hop.py (what goes to other partitions), insights/ (the sums of shops).
Called by: engine (through `engine.fold`), worker, replay.
May import: engine.fold, codec, domain, errors.
Start at: status.py.
"""
