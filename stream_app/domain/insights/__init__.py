"""What a shop learns from all its customers together: flows a month, products of the lost and the kept, concentration (section 8).

Owns: what one customer adds to his shop's sums (customer.py, turns.py), the sums (tally.py), the numbers made of them (figures.py), and the
record that is published (record.py).
Called by: processor.insights, codec.insights.
May import: domain.calendar, domain.changes, domain.facts.
Start at: tally.py, then customer.py.
"""
