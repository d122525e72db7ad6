"""The insights fold: what is published of customers, and their orders, into the sums of their shops (domain.md, section 8).

Owns: fold.py (records of one partition into customers and what they add), sums.py (a shop's sums, in its home partition, and their
records).
Called by: engine (through `engine.fold`), worker.
May import: engine.fold, codec, domain, processor.policies, processor.marks, errors.
Start at: fold.py.
"""
