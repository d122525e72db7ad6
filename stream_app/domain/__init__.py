"""What a status is: `status = f(facts, clock, policy, hold)` (domain.md).

Owns: the rules, from an event to the changes it causes; pure, integers, time only as a value.
Called by: codec (shapes), processor and replay (through `evaluate`).
May import: errors and msgspec; no I/O, clock, randomness, logging, os.
Start at: evaluate.py, then facts/ (what is remembered) and status.py (what follows from it).
"""
