"""Dimensions of status that have a module of their own: the value at a clock, until when it holds, and its proof.

Owns: a module for each; crossing.py finds when time alone moves a measure past a threshold, proof.py is the shape of a proof.
Called by: domain.status (values), domain.changes (proofs), domain.reactions (advice).
May import: domain.facts, domain.policy, domain.value, domain.rhythm, domain.calendar, domain.events.
Start at: opportunity.py.
"""
