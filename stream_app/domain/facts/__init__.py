"""A customer's facts: a summary of the set of accepted events, the same for every order of arrival.

Owns: event_types.py (what an event carries), state.py (the shape), fold.py (an event into the facts), orders.py (the order book),
window.py, contacts.py and growth.py (running sums), referrals.py (who referred whom), derived.py (what others are told),
unite.py (the facts of two into one's).
Called by: domain.evaluate.
May import: domain.events, domain.policy, domain.calendar, domain.rhythm.
Start at: state.py, then fold.py.
"""
