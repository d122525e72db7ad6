"""The shop's own segments: ordered rules, and the reserved one that says goodbye, `exit` (domain.md, 3.6).

Owns: judge.py (which rule matches, and until when), exit.py (the hold, the dwell, what protects), proof.py (the evidence).
Called by: domain.status, domain.changes, domain.profile.
May import: domain.value, domain.dimensions.score, domain.dimensions.crossing and what they import.
Start at: judge.py, then exit.py.
"""
