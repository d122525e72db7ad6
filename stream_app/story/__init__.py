"""What the product says to people: why a status changed, and one customer's life, in English and Dutch. Pure.

Owns: the sentences for every reason, reaction and cause, in each language; the timeline document of a customer.
Called by: cli, web.
May import: codec, domain.
Start at: `timeline.py` (one customer's life), `words.py` (the sentences, in English), `dutch.py` (the same in Dutch).
"""
